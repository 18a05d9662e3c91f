"""Who did something, for the audit log, and the one way in which things are written there."""

from collections.abc import Sequence
from typing import Final, TypeGuard

import msgspec
from sqlalchemy import Connection

from omniroute.ir.json import JsonObject, JsonValue
from omniroute.storage.repos import audit

_SECRET_WORDS: Final = ("key", "token", "secret", "password", "authorization", "cookie", "credential")
REDACTED: Final = "[redacted]"


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is `admin`, `key:<id>`, `cli`, `anonymous` or `system`; `address` is the client's, if any."""

    name: str
    address: str | None = None
    request_id: str | None = None


def record(
    connection: Connection,
    actor: Actor,
    *,
    at: int,
    action: str,
    target: str = "",
    status: str = "success",
    detail: JsonObject | None = None,
) -> None:
    """Writes one audit row inside the caller's transaction. `at` is unix ms; `status` is success,
    failed or blocked. Values under names that look like credentials are replaced, however deep they lie.
    """
    said: JsonObject = {"status": status, **redacted(detail or {})}
    if actor.address is not None:
        said["address"] = actor.address
    audit.add(
        connection,
        at=at,
        actor=actor.name,
        action=action,
        target=target,
        detail=said,
        request_id=actor.request_id,
    )


def redacted(value: JsonObject) -> JsonObject:
    """The same object with `[redacted]` in place of text under names that look like credentials."""
    return {name: _shown(name, member) for name, member in value.items()}


def _shown(name: str, value: JsonValue) -> JsonValue:
    if _is_object(value):
        return redacted(value)
    if _is_list(value):
        return [_shown(name, entry) for entry in value]
    looks_secret = any(word in name.lower() for word in _SECRET_WORDS)
    return REDACTED if looks_secret and isinstance(value, str) and value else value


def _is_object(value: JsonValue) -> TypeGuard[JsonObject]:
    return isinstance(value, dict)


def _is_list(value: JsonValue) -> TypeGuard[Sequence[JsonValue]]:
    return isinstance(value, list | tuple)
