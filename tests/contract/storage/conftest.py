"""Every claim of the contract is made of SQLite and of PostgreSQL."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from omniroute.storage.database import Database
from omniroute.storage.postgresql import connect


class File:
    """An SQLite database that is opened again and again; there is nothing at first."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self) -> Database:
        return Database.open(self._path)

    def execute(self, statement: str) -> None:
        """As another program would."""
        with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            connection.execute(statement)


class Schema:
    """The same for a schema of a PostgreSQL server."""

    def __init__(self, url: str) -> None:
        self._url = url

    def open(self) -> Database:
        return connect(self._url)

    def execute(self, statement: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> File | Schema:
    if request.param == "sqlite":
        return File(tmp_path / "omniroute.db")
    return Schema(request.getfixturevalue("postgresql").fresh())


@pytest.fixture
def database(place: File | Schema) -> Iterator[Database]:
    opened = place.open()
    yield opened
    opened.close()


@pytest.fixture
def db(database: Database):
    with database.writing.begin() as connection:
        yield connection
