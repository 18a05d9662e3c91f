"""The far tier on a real database: it survives, it is bounded, and it never holds up or fails a request."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from omniroute.caching.shelf import Shelf
from omniroute.storage.database import Database
from omniroute.storage.repos import answers
from omniroute.storage.repos.answers import AnswerRow
from omniroute.storage.writer import Writer


def row(key: bytes = b"k", *, until: int = 1000) -> AnswerRow:
    return AnswerRow(key=key, model_asked="up/m", answer=b"answer", created_at=1, expires_at=until)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path / "omniroute.db")
    yield opened
    opened.close()


@pytest.fixture
def writer(database: Database) -> Iterator[Writer]:
    running = Writer(database)
    yield running
    running.close()


def written(writer: Writer) -> None:
    """Returns when everything that waited was written."""
    writer.write_quietly(lambda connection: None)


async def test_an_answer_is_there_after_a_restart(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "omniroute.db")
    writer = Writer(database)
    Shelf(database, writer, rows=10).put(row())
    writer.close()
    database.close()
    again = Database.open(tmp_path / "omniroute.db")
    closed = Shelf(again, writer, rows=10, deadline_s=60)
    assert await closed.find(b"k", now=999) == (b"answer", 1000)
    assert await closed.find(b"k", now=1000) is None
    closed.put(row(b"late"))  # the writer is closed: nothing is kept, and nothing fails
    assert closed.total(now=0) == 1
    again.close()


async def test_a_database_that_takes_too_long_is_a_miss(database: Database, writer: Writer) -> None:
    release = threading.Event()

    class Slow(Database):
        async def aread(self, question):  # type: ignore[no-untyped-def]  # as in Database
            return await asyncio.to_thread(lambda: (release.wait(), self.read(question))[1])

    shelf = Shelf(Slow(database.file, database.writing, database._reading), writer, rows=10, deadline_s=0.001)  # type: ignore[attr-defined]  # the same file, read slowly
    shelf.put(row())
    written(writer)
    try:
        assert await shelf.find(b"k", now=0) is None
    finally:
        release.set()


async def test_a_database_in_trouble_is_a_miss(database: Database, writer: Writer) -> None:
    with database.writing.begin() as connection:
        connection.exec_driver_sql("DROP TABLE cached_answers")
    assert await Shelf(database, writer, rows=10).find(b"k", now=0) is None


def test_only_so_many_rows_stay(database: Database, writer: Writer) -> None:
    shelf = Shelf(database, writer, rows=10)
    for number in range(65):  # the 65th tidies up
        shelf.put(row(bytes([number]), until=1000 + number))
        written(writer)
    assert shelf.total(now=0) == 10
    assert database.read(lambda connection: answers.find(connection, bytes([64]), now=0)) is not None
    shelf.clear()
    assert shelf.total(now=0) == 0


def test_sweeping_takes_what_has_expired(database: Database, writer: Writer) -> None:
    for number, until in enumerate((10, 20, 30)):
        one = row(bytes([number]), until=until)
        writer.write_quietly(lambda connection, one=one: answers.put(connection, one))
    assert writer.write_quietly(lambda connection: answers.sweep(connection, now=20, keep=5)) == 2
    assert database.read(lambda connection: answers.total(connection, now=0)) == 1
