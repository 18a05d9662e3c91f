"""Making, changing and ending client keys: the domain writes shared by the management API and the command line."""

import uuid
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Connection

from omniroute.access.actor import Actor, record
from omniroute.access.grant import BodyPolicy, CacheUse, RateLimit, SemanticUse
from omniroute.access.keys import digest, mint
from omniroute.access.rates import stored_limits
from omniroute.access.schedule import checked
from omniroute.errors import GatewayError, InvalidRequest
from omniroute.ir.json import JsonObject
from omniroute.storage.repos import budgets
from omniroute.storage.repos import keys as repo
from omniroute.storage.repos.keys import KeyRow
from omniroute.storage.writer import Writer

_NAME_LENGTH: Final = 200
_LIMITS: Final = {
    "tags": (16, 64),
    "scopes": (16, 64),
    "allowed_models": (1000, 200),
    "allowed_connections": (100, 128),
}


class KeyChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be set; UNSET leaves a field alone. `expires_at` is unix ms, None for never."""

    name: str | UnsetType = UNSET
    scopes: tuple[str, ...] | UnsetType = UNSET
    allowed_models: tuple[str, ...] | UnsetType = UNSET
    allowed_connections: tuple[str, ...] | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    is_banned: bool | UnsetType = UNSET
    no_log: bool | UnsetType = UNSET
    strict: bool | UnsetType = UNSET
    cache: CacheUse | UnsetType = UNSET
    bodies: BodyPolicy | UnsetType | None = UNSET
    semantic_cache: SemanticUse | UnsetType = UNSET
    rate_limits: tuple[RateLimit, ...] | UnsetType = UNSET
    max_sessions: int | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    access_schedule: JsonObject | UnsetType | None = UNSET
    expires_at: int | UnsetType | None = UNSET


class IssuedKey(msgspec.Struct, frozen=True):
    """A key that was just made. `text` is never to be had again."""

    text: str
    row: KeyRow

    def __repr__(self) -> str:
        return f"IssuedKey(id={self.row.id!r})"


class Issuer:
    """Writes keys. All methods block until the change is live; raise GatewayError (400, 404)."""

    def __init__(self, writer: Writer, pepper: bytes, random: Callable[[int], bytes]) -> None:
        self._writer = writer
        self._pepper = pepper
        self._random = random

    def create(self, name: str, changes: KeyChanges, actor: Actor, *, now: int) -> IssuedKey:
        """A new key with the given settings. `now` is unix ms."""
        minted = mint(self._random(32))
        blank = KeyRow(
            id=str(uuid.UUID(bytes=self._random(16), version=4)),
            name="",
            digest=digest(self._pepper, minted.text),
            prefix=minted.prefix,
            created_at=now,
            updated_at=now,
        )
        row = _changed(blank, msgspec.structs.replace(changes, name=name), now)

        def change(connection: Connection) -> None:
            repo.add(connection, row)
            record(connection, actor, at=now, action="apiKey.create", target=row.id, detail=_public(row))

        self._writer.write(change)
        return IssuedKey(minted.text, row)

    def update(self, key_id: str, changes: KeyChanges, actor: Actor, *, now: int) -> KeyRow:
        """Sets what is given."""

        def change(connection: Connection) -> KeyRow:
            before = _known(connection, key_id)
            after = _changed(before, changes, now)
            repo.replace(connection, after)
            changed = {field: value for field, value in _public(after).items() if _public(before)[field] != value}
            record(
                connection,
                actor,
                at=now,
                action=_action(before, after),
                target=key_id,
                detail={"changed": changed},
            )
            return after

        return self._writer.write(change)

    def regenerate(self, key_id: str, actor: Actor, *, now: int) -> IssuedKey:
        """A new text for the same key; the old one is dead when this returns."""
        minted = mint(self._random(32))

        def change(connection: Connection) -> KeyRow:
            after = msgspec.structs.replace(
                _known(connection, key_id),
                digest=digest(self._pepper, minted.text),
                prefix=minted.prefix,
                updated_at=now,
            )
            repo.replace(connection, after)
            record(connection, actor, at=now, action="apiKey.regenerate", target=key_id)
            return after

        return IssuedKey(minted.text, self._writer.write(change))

    def delete(self, key_id: str, actor: Actor, *, now: int) -> None:
        """Ends a key for good, and its budgets with it."""

        def change(connection: Connection) -> None:
            row = _known(connection, key_id)
            repo.remove(connection, key_id)
            for budget in budgets.of_subject(connection, "key", key_id):
                budgets.remove(connection, budget.id)
            record(connection, actor, at=now, action="apiKey.delete", target=key_id, detail={"name": row.name})

        self._writer.write(change)


def unknown_key(key_id: str) -> GatewayError:
    """404 naming the id."""
    return GatewayError(404, f"There is no API key with the id {key_id[:80]!r}.", code="key_not_found")


def _known(connection: Connection, key_id: str) -> KeyRow:
    row = repo.get(connection, key_id)
    if row is None:
        raise unknown_key(key_id)
    return row


def _changed(row: KeyRow, changes: KeyChanges, now: int) -> KeyRow:
    given = {
        field: getattr(changes, field)
        for field in changes.__struct_fields__
        if getattr(changes, field) is not UNSET
    }
    if isinstance(changes.name, str):
        given["name"] = changes.name.strip()
        if not 0 < len(given["name"]) <= _NAME_LENGTH:
            raise InvalidRequest(f"The name of a key has 1 to {_NAME_LENGTH} characters.", code="bad_name")
    if changes.rate_limits is not UNSET:
        given["rate_limits"] = stored_limits(changes.rate_limits)
    if changes.access_schedule is not UNSET and changes.access_schedule is not None:
        checked(changes.access_schedule)
    for field, (count, length) in _LIMITS.items():
        values = given.get(field, ())
        if len(values) > count or any(not 0 < len(value) <= length for value in values):
            raise InvalidRequest(
                f"{field} holds at most {count} entries of 1 to {length} characters.", code="bad_list"
            )
    return msgspec.structs.replace(row, **given, updated_at=now)


def _public(row: KeyRow) -> JsonObject:
    return {
        "name": row.name,
        "scopes": list(row.scopes),
        "allowed_models": list(row.allowed_models),
        "allowed_connections": list(row.allowed_connections),
        "is_active": row.is_active,
        "is_banned": row.is_banned,
        "no_log": row.no_log,
        "strict": row.strict,
        "cache": row.cache,
        "bodies": row.bodies,
        "semantic_cache": row.semantic_cache,
        "rate_limits": None if row.rate_limits is None else list(row.rate_limits),
        "max_sessions": row.max_sessions,
        "tags": list(row.tags),
        "access_schedule": row.access_schedule,
        "expires_at": row.expires_at,
    }


def _action(before: KeyRow, after: KeyRow) -> str:
    """Banning and switching off have names of their own in the audit log."""
    if before.is_banned != after.is_banned:
        return "apiKey.ban" if after.is_banned else "apiKey.unban"
    if before.is_active != after.is_active:
        return "apiKey.activate" if after.is_active else "apiKey.deactivate"
    return "apiKey.update"
