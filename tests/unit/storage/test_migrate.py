"""A file is made, migrated or refused; a refused one is left as it was."""

import sqlite3
import subprocess
import sys

import pytest

from omniroute.storage.database import Database
from omniroute.storage.migrate import REVISIONS, NotOurs, SchemaTooNew
from omniroute.storage.repos import meta


def execute(file, *statements):
    connection = sqlite3.connect(file)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def content(file):
    connection = sqlite3.connect(file)
    lines = list(connection.iterdump())
    connection.close()
    return lines


def test_a_file_of_a_newer_version_is_refused_and_left_alone(tmp_path):
    file = tmp_path / "omniroute.db"
    Database.open(file).close()
    execute(file, "UPDATE alembic_version SET version_num = '9999'")
    before = content(file)
    with pytest.raises(SchemaTooNew, match=r"'9999'.*newer") as caught:
        Database.open(file)
    assert str(file) in str(caught.value)
    assert content(file) == before


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path):
    file = tmp_path / "omniroute.db"
    execute(file, "CREATE TABLE songs (title TEXT)")
    before = content(file)
    with pytest.raises(NotOurs, match="another program"):
        Database.open(file)
    assert content(file) == before


def test_an_older_file_is_copied_and_then_migrated(tmp_path):
    file, backups = tmp_path / "omniroute.db", tmp_path / "backups"
    backups.mkdir()
    execute(file, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    before = content(file)
    database = Database.open(file, backups=backups)
    assert database.read(meta.revision) == 0
    database.close()
    (copy,) = backups.iterdir()
    assert content(copy) == before
    assert copy.stat().st_mode & 0o777 == 0o600
    Database.open(file, backups=backups).close()
    assert list(backups.iterdir()) == [copy]


def test_what_was_stored_survives_a_reopening(tmp_path):
    file = tmp_path / "omniroute.db"
    database = Database.open(file)
    with database.writing.begin() as connection:
        meta.put(connection, "kept", "yes")
    database.close()
    database = Database.open(file)
    assert database.read(lambda connection: meta.get(connection, "kept")) == "yes"
    database.close()


def test_alembic_is_not_imported_for_a_fresh_or_current_file(tmp_path):
    program = """
import sys
from pathlib import Path
from omniroute.storage.database import Database
for _ in range(2):
    Database.open(Path(sys.argv[1])).close()
assert "alembic" not in sys.modules
assert "cryptography" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "omniroute.db")], check=True)


def test_every_migration_on_disk_is_known_in_order():
    from pathlib import Path

    from alembic.config import Config
    from alembic.script import ScriptDirectory

    import omniroute.storage.migrations as migrations

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    script = ScriptDirectory.from_config(config)
    found = [revision.revision for revision in script.walk_revisions()]
    assert tuple(reversed(found)) == REVISIONS
