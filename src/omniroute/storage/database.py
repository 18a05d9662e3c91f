"""The database: one connection that writes (see `storage.writer`) and a few that only read.

It is a file of SQLite, unless `storage.url` names a PostgreSQL database: see `storage.postgresql`.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool, StaticPool

from omniroute.storage.datadir import create_private
from omniroute.storage.migrate import Place, copy, prepare

T = TypeVar("T")

_BUSY_TIMEOUT_MS: Final = 5000

READERS: Final = 4
"""Questions that are answered at a time."""
READER_WAIT_S: Final = 30.0


class Unavailable(Exception):
    """The database of `storage.url` cannot be used. The message says why and what to do, without the password."""


class Database:
    """An open database: readers never wait for the writer, nor the writer for them (a file is in WAL mode)."""

    def __init__(self, file: Path | None, writing: Engine, reading: Engine) -> None:
        self.file = file
        """None when the database is not a file."""
        self.writing: Final = writing
        """For `storage.writer` and migrations: one connection, whose transactions have nobody beside them."""
        self._reading = reading
        self._identity: Final = None if file is None else _identity(file)

    @classmethod
    def open(cls, file: Path, *, backups: Path | None = None) -> "Database":
        """Open `file`, made or migrated as needed; an older one is first copied to `backups` (default: beside it).

        Raises `migrate.SchemaTooNew`, `migrate.NotOurs` and SQLAlchemy's DatabaseError for a file that is damaged.
        """
        create_private(file)
        # A connection is used by one thread at a time, but not always by the same one.
        url = URL.create("sqlite", database=str(file))
        arguments = {"check_same_thread": False, "isolation_level": None}
        writing = create_engine(url, poolclass=StaticPool, connect_args=arguments, hide_parameters=True)
        event.listen(writing, "connect", _on_connect_writing)
        event.listen(writing, "begin", _begin_immediate)
        reading = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=READERS,
            max_overflow=0,
            pool_timeout=READER_WAIT_S,
            hide_parameters=True,
            connect_args=arguments,
        )
        event.listen(reading, "connect", _on_connect_reading)
        event.listen(reading, "begin", _begin)
        database = cls(file, writing, reading)

        def keep(name: str) -> None:
            copy(file, (backups or file.parent) / name)

        try:
            prepare(writing, Place(repr(str(file)), "choose another --data-dir", keep))
        except BaseException:
            database.close()
            raise
        return database

    def read(self, question: Callable[[Connection], T]) -> T:
        """Answer `question` on one consistent state of the database, from any thread."""
        with self._reading.connect() as connection, connection.begin():
            return question(connection)

    async def aread(self, question: Callable[[Connection], T]) -> T:
        """As `read`, in a thread, for callers on the event loop."""
        return await asyncio.to_thread(self.read, question)

    def attached(self) -> bool:
        """Whether the file is where it was opened. SQLite goes on writing into one that was moved or deleted."""
        if self.file is None:
            return True
        try:
            return _identity(self.file) == self._identity
        except OSError:
            return False

    def close(self) -> None:
        self._reading.dispose()
        self.writing.dispose()


def _identity(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_dev, found.st_ino


class _Cursor(Protocol):
    def execute(self, statement: str) -> object: ...


def _on_connect_writing(connection: _Cursor, entry: ConnectionPoolEntry) -> None:
    connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _on_connect_reading(connection: _Cursor, entry: ConnectionPoolEntry) -> None:
    connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA query_only=ON")


def _begin_immediate(connection: Connection) -> None:
    # sqlite3's own transactions (off: isolation_level None) begin late, and may then fail to get the write lock.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
