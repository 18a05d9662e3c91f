"""Client keys. The key itself is never here: only its digest and a prefix to tell it by."""

from typing import Literal

import msgspec
from sqlalchemy import Connection, delete, func, insert, or_, select, update

from omniroute.ir.json import JsonObject
from omniroute.storage.repos.rows import as_columns, as_struct
from omniroute.storage.schema import api_keys

_JSON = ("tags", "scopes", "allowed_models", "allowed_connections", "access_schedule", "rate_limits")


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A key as stored. `digest` is the HMAC-SHA256 of the key under the pepper."""

    id: str
    name: str
    digest: bytes
    prefix: str
    scopes: tuple[str, ...] = ()
    allowed_models: tuple[str, ...] = ()
    allowed_connections: tuple[str, ...] = ()
    is_active: bool = True
    is_banned: bool = False
    no_log: bool = False
    strict: bool = False
    cache: Literal["none", "exact", "all"] = "exact"
    bodies: Literal["off", "errors", "all"] | None = None
    semantic_cache: Literal["off", "shadow", "on"] = "off"
    tags: tuple[str, ...] = ()
    max_sessions: int = 0
    access_schedule: JsonObject | None = None
    rate_limits: tuple[JsonObject, ...] | None = None
    expires_at: int | None = None
    last_used_at: int | None = None
    revoked_at: int | None = None
    created_at: int
    updated_at: int


def get(connection: Connection, key_id: str) -> KeyRow | None:
    row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).first()
    return None if row is None else as_struct(KeyRow, row, _JSON)


def every(connection: Connection) -> tuple[KeyRow, ...]:
    """Oldest first."""
    question = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
    return tuple(as_struct(KeyRow, row, _JSON) for row in connection.execute(question))


def page(connection: Connection, *, limit: int, offset: int) -> tuple[KeyRow, ...]:
    """Oldest first."""
    question = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id).limit(limit).offset(offset)
    return tuple(as_struct(KeyRow, row, _JSON) for row in connection.execute(question))


def total(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(api_keys)).scalar_one()


def add(connection: Connection, row: KeyRow) -> None:
    """Raises SQLAlchemy's IntegrityError when the id or the digest is taken."""
    connection.execute(insert(api_keys), as_columns(row, _JSON))


def replace(connection: Connection, row: KeyRow) -> bool:
    """False when there is no such key."""
    statement = update(api_keys).where(api_keys.c.id == row.id).values(as_columns(row, _JSON))
    return connection.execute(statement).rowcount > 0


def remove(connection: Connection, key_id: str) -> bool:
    return connection.execute(delete(api_keys).where(api_keys.c.id == key_id)).rowcount > 0


def mark_used(connection: Connection, key_id: str, *, at: int, not_within_ms: int = 300_000) -> bool:
    """Remember a use, at unix ms, unless one is remembered from less than `not_within_ms` before."""
    statement = (
        update(api_keys)
        .where(
            api_keys.c.id == key_id,
            or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at <= at - not_within_ms),
        )
        .values(last_used_at=at)
    )
    return connection.execute(statement).rowcount > 0
