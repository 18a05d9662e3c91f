"""A PostgreSQL database in the place of the file: one session that writes and holds it, and a few that only read.

Imported, and its driver with it, only when `storage.url` is set.
"""

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.dialects.postgresql.base import PGTypeCompiler
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from omniroute.storage.database import READER_WAIT_S, READERS, Database, Unavailable
from omniroute.storage.migrate import Place, prepare

if TYPE_CHECKING:
    from psycopg import Connection

_INSTALL: Final = "`make postgres`, or pip install 'omniroute[postgres]'"
_LOOKS_LIKE: Final = "postgresql://user:password@host:5432/database"
_PATIENCE_S: Final = 5
"""For the server to answer."""
_HELD_S: Final = 2
"""For the session of a gateway that was killed a moment ago to be gone."""
# libpq's own: a server that vanished from the network is noticed within a minute, not within hours.
_ATTENTION: Final = {
    "connect_timeout": str(_PATIENCE_S),
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "application_name": "omniroute",
}
# The server's side of the same: the lock of a gateway that vanished must not keep out the next one for hours.
_SERVER_ATTENTION: Final = ("tcp_keepalives_idle = 30", "tcp_keepalives_interval = 10", "tcp_keepalives_count = 3")
_LOCK: Final = "SELECT pg_advisory_lock(20128, hashtext(coalesce(current_schema(), '')))"
_LOCK_NOT_AVAILABLE: Final = "55P03"


def connect(url: str) -> Database:
    """Open the database at `url`, its tables made or migrated as needed in the first schema of its search path.

    One gateway holds a schema at a time: its journal and the position up to which it is drained belong together.
    A connection that broke is opened again when it is next needed. Raises `Unavailable`, `migrate.SchemaTooNew`
    and `migrate.NotOurs`.
    """
    parsed = _parsed(url)
    named = _named(parsed)
    writing = _engine(parsed, connections=1)
    event.listen(writing, "connect", _on_connect_writing)
    reading = _engine(parsed, connections=READERS)
    event.listen(reading, "connect", _on_connect_reading)
    database = Database(None, writing, reading)
    try:
        prepare(writing, Place(named, "set another storage.url", _keep_nothing))
    except DBAPIError as error:
        database.close()
        raise Unavailable(_trouble(named, error.orig)) from error
    except BaseException:
        database.close()
        raise
    return database


def _keep_nothing(name: str) -> None:
    """PostgreSQL undoes a migration that fails, tables and all; copies are its operator's (pg_dump)."""


def look(url: str) -> str:
    """What lies at `url`, in a few words, without holding or changing it. Raises `Unavailable`."""
    parsed = _parsed(url)
    engine = _engine(parsed, connections=1)
    try:
        with engine.connect() as connection:
            version = connection.exec_driver_sql("SHOW server_version").scalar_one()
            stamped = connection.exec_driver_sql("SELECT to_regclass('alembic_version')").scalar()
            if stamped is None:
                return f"PostgreSQL {version}, no tables yet"
            schema = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            return f"PostgreSQL {version}, schema {schema}"
    except DBAPIError as error:
        raise Unavailable(_trouble(_named(parsed), error.orig)) from error
    finally:
        engine.dispose()


class _Roomy(PGTypeCompiler):
    """Text of any length fits, as in SQLite; PostgreSQL gains nothing from a limit."""

    def visit_VARCHAR(self, type_: Any, **options: Any) -> str:
        return "VARCHAR"


def _engine(url: URL, *, connections: int) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=READER_WAIT_S,
        pool_pre_ping=True,
        hide_parameters=True,
        # What the URL says itself goes first.
        connect_args={name: value for name, value in _ATTENTION.items() if name not in url.query},
    )
    engine.dialect.type_compiler_instance = _Roomy(engine.dialect)
    return engine


def _parsed(url: str) -> URL:
    try:
        import psycopg  # noqa: F401  # pyright: ignore[reportUnusedImport] # only to know that it is there
    except ImportError as error:
        raise Unavailable(f"storage.url needs the PostgreSQL driver: {_INSTALL}") from error
    try:
        return make_url(url).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        # The error would repeat the URL, and with it the password.
        raise Unavailable(f"storage.url cannot be read; write it like {_LOOKS_LIKE}") from None


def _named(url: URL) -> str:
    """The database as messages may name it: without the password and without what else the URL may carry."""
    return f"the PostgreSQL database {url.database or url.username or ''!r}"


def _trouble(named: str, cause: BaseException | None) -> str:
    said = " ".join(str(cause).split("\n", 1)[0].split())
    return f"{named} of storage.url cannot be used: {said}; start it, correct storage.url or take it away"


def _on_connect_writing(connection: "Connection[Any]", entry: ConnectionPoolEntry) -> None:
    from psycopg.errors import LockNotAvailable

    _without_nul(connection)
    try:
        for setting in _SERVER_ATTENTION:
            connection.execute(f"SET {setting}".encode())
        connection.execute(f"SET LOCAL lock_timeout = '{_HELD_S}s'".encode())
        connection.execute(_LOCK)
        connection.commit()
    except LockNotAvailable:
        connection.close()
        raise Unavailable(
            "another gateway uses the database of storage.url; stop it, or give this one a database of its own"
        ) from None
    except BaseException:
        connection.close()
        raise


def _on_connect_reading(connection: "Connection[Any]", entry: ConnectionPoolEntry) -> None:
    from psycopg import IsolationLevel

    _without_nul(connection)
    # Every question is answered on one state, as SQLite does.
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True


def _without_nul(connection: "Connection[Any]") -> None:
    """PostgreSQL's text has no U+0000, which clients may well send; it is written as U+FFFD."""
    from psycopg.types.string import StrDumperUnknown

    class Text(StrDumperUnknown):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)

    connection.adapters.register_dumper(str, Text)
