"""The audit log: what was done to the configuration, by whom."""

from typing import Final

import msgspec
from sqlalchemy import Connection, insert, select

from omniroute.ir.json import JsonObject
from omniroute.storage.repos.rows import as_struct
from omniroute.storage.schema import audit_log

_JSON = ("detail",)


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """One action. Ids count up. `detail` is free of secrets: that is the caller's duty."""

    id: int
    at: int
    actor: str
    action: str
    target: str
    detail: JsonObject
    request_id: str | None = None


def add(
    connection: Connection,
    *,
    at: int,
    actor: str,
    action: str,
    target: str = "",
    detail: JsonObject | None = None,
    request_id: str | None = None,
) -> None:
    """`at` is unix ms."""
    connection.execute(
        insert(audit_log),
        {
            "at": at,
            "actor": actor,
            "action": action,
            "target": target,
            "detail": msgspec.json.encode(detail or {}).decode(),
            "request_id": request_id,
        },
    )


def latest(connection: Connection, *, limit: int, before: int | None = None) -> tuple[AuditRow, ...]:
    """Newest first; `before` is the id of the last row of the page already seen."""
    question = select(audit_log).order_by(audit_log.c.id.desc()).limit(limit)
    if before is not None:
        question = question.where(audit_log.c.id < before)
    return tuple(as_struct(AuditRow, row, _JSON) for row in connection.execute(question))


def names_of_keys(connection: Connection) -> dict[str, tuple[str, ...]]:
    """By the id of an API key, the names that it was given, each once, the oldest first; of the latest 10,000
    changes of keys."""
    question = select(audit_log.c.target, audit_log.c.detail).where(
        audit_log.c.action.startswith("apiKey."), audit_log.c.detail.contains('"name"')
    )
    question = question.order_by(audit_log.c.id.desc()).limit(_MOST_CHANGES)
    found: dict[str, list[str]] = {}
    for target, detail in connection.execute(question):
        said = msgspec.json.decode(detail, type=_Named)
        name = said.name or said.changed.name
        if name is not None and name not in found.setdefault(target, []):
            found[target].insert(0, name)
    return {target: tuple(names) for target, names in found.items()}


class _Changed(msgspec.Struct, frozen=True):
    name: str | None = None


class _Named(_Changed, frozen=True):
    changed: _Changed = _Changed()


_MOST_CHANGES: Final = 10_000
