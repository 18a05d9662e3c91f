"""The writer on SQLite's file: how it is synchronised, who may read it, and who else may hold it."""

import sqlite3
import threading

import pytest

from omniroute.storage.database import Database
from omniroute.storage.repos import settings
from omniroute.storage.writer import Writer


@pytest.fixture
def database(tmp_path):
    database = Database.open(tmp_path / "omniroute.db")
    yield database
    database.close()


@pytest.fixture
def writer(database):
    writer = Writer(database)
    yield writer
    writer.close()


def put(key, value):
    return lambda connection: settings.put(connection, {key: value})


def test_the_configuration_is_in_wal_mode_with_foreign_keys(database, writer):
    pragmas = writer.write_quietly(
        lambda connection: {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    )
    assert pragmas == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 5000}


def test_durable_changes_are_made_with_full_synchronisation_and_the_next_one_is_not(writer):
    def level(connection):
        return connection.exec_driver_sql("PRAGMA synchronous").scalar()

    assert writer.write_quietly(level, durable=True) == 2
    assert writer.write_quietly(level) == 1


def test_the_database_and_its_side_files_are_private(database, writer, tmp_path):
    writer.write(put("a", 1))
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["omniroute.db", "omniroute.db-shm", "omniroute.db-wal"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_change_waits_for_another_process_that_holds_the_file(database, writer, tmp_path):
    other = sqlite3.connect(tmp_path / "omniroute.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, other.execute, ["COMMIT"])
    release.start()
    writer.write(put("a", 1))
    release.join()
    other.close()
    assert database.read(settings.every) == {"a": 1}
