"""Sums over settled requests, by hour and by day. The ledger's drain adds to them as it writes the rows."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, case, delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from omniroute.storage.repos.bulk import Bulk
from omniroute.storage.schema import SUMS, usage_days, usage_hours


def add(connection: Connection, hours: Sequence[Mapping[str, Any]], days: Sequence[Mapping[str, Any]]) -> None:
    """Adds to what is there. All rows have every column."""
    for table, rows in ((usage_hours, hours), (usage_days, days)):
        if rows:
            _addition(connection.dialect, table).run(connection, rows)


def remove_before(connection: Connection, /, *, at: int, limit: int) -> int:
    """Removes at most `limit` rows whose time began before `at` (unix ms). Returns how many went."""
    gone = 0
    for table in (usage_hours, usage_days):
        if gone == limit:
            break
        keys = list(table.primary_key)
        old = select(*keys).where(table.c.at < at).limit(limit - gone)
        gone += connection.execute(delete(table).where(tuple_(*keys).in_(old))).rowcount
    return gone


@lru_cache(maxsize=4)
def _addition(dialect: Dialect, table: Table) -> Bulk:
    insert = (postgresql.insert if dialect.name == "postgresql" else sqlite.insert)(table)
    new = insert.excluded
    sums: dict[str, Any] = {name: table.c[name] + new[name] for name in SUMS if name != "last_at"}
    sums["last_at"] = case((new.last_at > table.c.last_at, new.last_at), else_=table.c.last_at)
    keys = [column.name for column in table.primary_key]
    statement = insert.on_conflict_do_update(index_elements=keys, set_=sums)
    return Bulk(statement, dialect, [column.name for column in table.columns])
