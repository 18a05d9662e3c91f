"""Who is blocked, and whose breaker is open. Small tables, read once at start; requests never look at them."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, delete, select, tuple_

from omniroute.ir.json import JsonObject
from omniroute.storage.repos.rows import as_columns, as_struct
from omniroute.storage.repos.upsert import upsert
from omniroute.storage.schema import blocks, breakers

_JSON = ("evidence",)


class BlockRow(msgspec.Struct, frozen=True, kw_only=True):
    """`connection_id` and `model` may be `*`; `since` and `until` are unix ms, None until somebody sees to it."""

    provider: str
    connection_id: str
    model: str
    error: str
    source: str
    evidence: JsonObject
    since: int
    until: int | None
    version: int
    level: int
    firm: bool
    terminal: bool


class BreakerRow(msgspec.Struct, frozen=True, kw_only=True):
    """`open_until` and `at` are unix ms."""

    provider: str
    model: str
    open_until: int
    ejections: int
    at: int


def every(connection: Connection) -> tuple[BlockRow, ...]:
    return tuple(as_struct(BlockRow, row, _JSON) for row in connection.execute(select(blocks)))


def put(connection: Connection, rows: Iterable[BlockRow]) -> None:
    """Rows of the same scope are replaced."""
    upsert(connection, blocks, [as_columns(row, _JSON) for row in rows])


def remove(connection: Connection, scopes: Iterable[tuple[str, str, str]]) -> None:
    """Those of these providers, connections and models."""
    known = list(scopes)
    if known:
        key = tuple_(blocks.c.provider, blocks.c.connection_id, blocks.c.model)
        connection.execute(delete(blocks).where(key.in_(known)))


def breakers_open(connection: Connection) -> tuple[BreakerRow, ...]:
    """All that are written down."""
    return tuple(as_struct(BreakerRow, row) for row in connection.execute(select(breakers)))


def put_breakers(connection: Connection, rows: Iterable[BreakerRow]) -> None:
    upsert(connection, breakers, [msgspec.structs.asdict(row) for row in rows])


def remove_breakers(connection: Connection, targets: Iterable[tuple[str, str]]) -> None:
    """Those of these providers and models."""
    known = list(targets)
    if known:
        key = tuple_(breakers.c.provider, breakers.c.model)
        connection.execute(delete(breakers).where(key.in_(known)))
