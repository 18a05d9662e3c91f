"""Brings a database to the schema this version knows, or says why it cannot.

A fresh one gets its tables from `schema.METADATA` and is stamped; Alembic, which takes long to import, is needed
only for one of an older version, and a file is copied first.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine, inspect, text

from omniroute.storage.datadir import create_private
from omniroute.storage.schema import METADATA

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011")
"""Every migration, oldest first; a test compares it with the files in `migrations/versions`."""


class SchemaTooNew(Exception):
    """The database was written by a later version of OmniRoute."""


class NotOurs(Exception):
    """It is a database, but of another program."""


class Place(NamedTuple):
    """Where a database lies: its name in messages, how to choose another one, and what keeps a copy of it, under a
    file name that is given, before it is migrated."""

    name: str
    otherwise: str
    keep: Callable[[str], None]


def prepare(engine: Engine, place: Place) -> None:
    """Create, migrate or accept the database. Raises `SchemaTooNew` or `NotOurs`, and then nothing was changed."""
    with engine.connect() as connection:
        tables = set(inspect(connection).get_table_names())
        found = (
            connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            if _stamped(tables)
            else None
        )
    match found:
        case None if not tables:
            with engine.begin() as connection:
                create(connection)
        case None if not _stamped(tables):
            raise NotOurs(f"{place.name} holds tables of another program; {place.otherwise}")
        case str() if found == REVISIONS[-1]:
            pass
        case str() if found not in REVISIONS:
            raise SchemaTooNew(
                f"{place.name} has schema {found!r}, which is newer than {REVISIONS[-1]!r}; start the OmniRoute "
                "version that wrote it, or restore a backup"
            )
        case _:
            place.keep(f"before-{REVISIONS[-1]}-from-{found or 'nothing'}.db")
            with engine.begin() as connection:
                upgrade(connection)


def create(connection: Connection) -> None:
    """The tables of a fresh database, marked as the newest revision."""
    METADATA.create_all(connection)
    connection.execute(
        text(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
            "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(text("INSERT INTO alembic_version VALUES (:newest)"), {"newest": REVISIONS[-1]})


def upgrade(connection: Connection) -> None:
    """Run every migration that is due, inside the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def copy(source: Path, target: Path) -> None:
    """A consistent copy of a database that may be in use, private to its owner."""
    create_private(target)
    origin = sqlite3.connect(source)
    destination = sqlite3.connect(target)
    try:
        origin.backup(destination)
    finally:
        destination.close()
        origin.close()


def _stamped(tables: set[str]) -> bool:
    return "alembic_version" in tables
