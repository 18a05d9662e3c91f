"""Price lists that were imported, one of each source."""

import msgspec
from sqlalchemy import Connection, delete, select

from omniroute.storage.repos.rows import as_struct
from omniroute.storage.repos.upsert import upsert
from omniroute.storage.schema import price_lists


class PriceListRow(msgspec.Struct, frozen=True, kw_only=True):
    """`prices` is what `snapshot.price_lists` makes of it; `dated` is `YYYY-MM-DD`, `imported_at` unix ms."""

    source: str
    dated: str
    imported_at: int
    models: int
    prices: bytes


def every(connection: Connection) -> tuple[PriceListRow, ...]:
    """The latest date first."""
    question = select(price_lists).order_by(price_lists.c.dated.desc(), price_lists.c.imported_at.desc())
    return tuple(as_struct(PriceListRow, row) for row in connection.execute(question))


def put(connection: Connection, row: PriceListRow) -> None:
    """Replaces the one of the same source."""
    upsert(connection, price_lists, [msgspec.structs.asdict(row)])


def remove(connection: Connection, source: str) -> bool:
    return connection.execute(delete(price_lists).where(price_lists.c.source == source)).rowcount > 0
