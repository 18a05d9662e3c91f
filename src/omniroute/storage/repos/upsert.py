"""Insert-or-replace by primary key, which SQLite and PostgreSQL spell alike but SQLAlchemy keeps per dialect."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite

from omniroute.storage.repos.bulk import Bulk


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, object]],
    *,
    only: Iterable[str] | None = None,
) -> None:
    """Insert `rows`, all with the same columns; where the primary key exists, those columns are replaced, or
    `only` some of them."""
    if rows:
        columns = tuple(rows[0])
        replace = frozenset(columns if only is None else only)
        _statement(connection.dialect, table, columns, replace=replace).run(connection, rows)


def add_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert `rows`, all with the same columns; where the primary key exists, the stored row stays."""
    if rows:
        _statement(connection.dialect, table, tuple(rows[0]), replace=frozenset[str]()).run(connection, rows)


@lru_cache(maxsize=32)
def _statement(dialect: Dialect, table: Table, columns: tuple[str, ...], *, replace: frozenset[str]) -> Bulk:
    insert = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
    statement = insert(table)
    keys = [column.name for column in table.primary_key]
    if not replace:
        return Bulk(statement.on_conflict_do_nothing(index_elements=keys), dialect, columns)
    replaced = {name: statement.excluded[name] for name in columns if name in replace and name not in keys}
    return Bulk(statement.on_conflict_do_update(index_elements=keys, set_=replaced), dialect, columns)
