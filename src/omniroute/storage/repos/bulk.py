"""One statement for many rows, compiled once.

SQLAlchemy builds the parameters of every row anew: about 35 us for the two rows of a request, against 2 us for
handing tuples to the driver (measured, SQLAlchemy 2.1). The ledger writes every request, so there it counts.

SQLite's driver gives up the interpreter lock for every step of a statement, and wants it back at once from a busy
event loop. Inserts therefore go in blocks of rows, each one statement and one step; what is left after the large
blocks goes in ever smaller ones, so that only a few sizes have to be prepared.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Final

from sqlalchemy import Connection, Dialect, Insert, Update
from sqlalchemy.sql.compiler import SQLCompiler

_BLOCKS: Final = (64, 32, 16, 8, 4, 2)


class Bulk:
    """An insert or update whose values go to the driver as they are: int, str, bytes, bool and None only."""

    def __init__(self, statement: Insert | Update, dialect: Dialect, columns: Sequence[str]) -> None:
        """`columns` are inserted or set; a condition names its parameters with `bindparam`, apart from those."""
        compiled = statement.compile(dialect=dialect, column_keys=list(columns))
        assert isinstance(compiled, SQLCompiler)
        self._sql: Final = str(compiled)
        self._order: Final = itemgetter(*(compiled.positiontup or ())) if compiled.positional else None
        row = "(" + ", ".join("?" * len(columns)) + ")"
        several = f"VALUES {row}" in self._sql
        self._blocks: Final = tuple(
            (size, self._sql.replace(f"VALUES {row}", "VALUES " + ", ".join([row] * size), 1))
            for size in (_BLOCKS if several else ())
        )
        """By number of rows; none for updates, and where parameters are not question marks."""

    def run(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> int:
        """Returns how many rows were written. `rows` has at least one, each with a value for every parameter."""
        if self._order is None:
            return connection.exec_driver_sql(self._sql, [dict(row) for row in rows]).rowcount
        values: list[tuple[object, ...]] = [self._order(row) for row in rows]
        written = done = 0
        for size, sql in self._blocks:
            while len(values) - done >= size:
                block = tuple(chain.from_iterable(values[done : done + size]))
                written += connection.exec_driver_sql(sql, block).rowcount
                done += size
        if done < len(values):
            written += connection.exec_driver_sql(self._sql, values[done:]).rowcount
        return written
