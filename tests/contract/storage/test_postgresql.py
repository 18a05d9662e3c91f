"""What is PostgreSQL's own: one gateway holds it, it may go away and come back, and URLs keep their secrets."""

import subprocess
import sys
from contextlib import closing
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from omniroute.ledger.drain import Drain
from omniroute.ledger.journal import Journal
from omniroute.storage.database import Unavailable
from omniroute.storage.migrate import REVISIONS
from omniroute.storage.postgresql import connect, look
from omniroute.storage.repos import settings, usage
from omniroute.storage.writer import Writer
from tests.support.records import opened, settled


def put(key, value):
    return lambda connection: settings.put(connection, {key: value})


def test_one_gateway_holds_a_schema_at_a_time(postgresql):
    url, other = postgresql.fresh(), postgresql.fresh()
    first, beside = connect(url), connect(other)
    with pytest.raises(Unavailable, match="another gateway uses the database"):
        connect(url)
    first.close()
    connect(url).close()
    beside.close()


def test_looking_holds_and_changes_nothing(postgresql):
    url = postgresql.fresh()
    assert "no tables yet" in look(url)
    with closing(connect(url)):
        assert look(url).endswith(f"schema {REVISIONS[-1]}")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://u:hunter2@host:70a/d", "cannot be read; write it like postgresql://"),
        ("postgresql://u:hunter2@/d?host=/nowhere", "No such file or directory"),
        ("postgresql://u:hunter2@127.0.0.1:1/d", "refused"),
    ],
)
def test_a_url_that_leads_nowhere_says_why_in_one_line_without_its_password(url, said):
    for use in (connect, look):
        with pytest.raises(Unavailable, match=said) as caught:
            use(url)
        assert "hunter2" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_role_that_may_not_make_tables_says_so(postgresql):
    name = urlsplit(postgresql.fresh()).query.rpartition("%3D")[2]
    postgresql.sql("DROP ROLE IF EXISTS visitor")
    postgresql.sql("CREATE ROLE visitor LOGIN")
    postgresql.sql(f"GRANT USAGE ON SCHEMA {name} TO visitor")
    url = postgresql.url(search_path=name).replace(f"{postgresql.user}@", "visitor@")
    with pytest.raises(Unavailable, match=f"permission denied for schema {name}"):
        connect(url)


def test_a_server_that_restarts_is_used_again_and_the_lock_is_held_again(postgresql):
    url = postgresql.fresh()
    with closing(connect(url)) as database, closing(Writer(database)) as writer:
        writer.write(put("a", 1))
        postgresql.stop()
        try:
            with pytest.raises(OperationalError):
                writer.write(put("b", 2))
            with pytest.raises(OperationalError):
                database.read(settings.every)
        finally:
            postgresql.start()
        assert database.read(settings.every) == {"a": 1}
        writer.write(put("c", 3))
        assert database.read(settings.every) == {"a": 1, "c": 3}
        with pytest.raises(Unavailable, match="another gateway"):
            connect(url)


def test_records_wait_in_the_journal_while_the_server_is_away(postgresql, tmp_path):
    with closing(connect(postgresql.fresh())) as database, closing(Writer(database)) as writer:
        journal = Journal(tmp_path, generation=1)
        with closing(Drain(journal, writer, attached=database.attached)) as drain:
            drain.start()
            journal.append(opened("r1"))
            assert drain.caught_up(patience_s=30)
            postgresql.stop()
            try:
                journal.append(settled("r1"))
                while drain.health.trouble is None:
                    assert not drain.caught_up(patience_s=0.02)
                assert "the database server cannot be reached" in drain.health.trouble
                assert str(postgresql.folder) not in drain.health.trouble
            finally:
                postgresql.start()
            assert drain.caught_up(patience_s=30)
            assert drain.health.trouble is None
        totals = database.read(usage.totals)
        assert (totals.requests, totals.open) == (1, 0)


def test_a_migration_that_fails_leaves_the_database_as_it_was(postgresql):
    url = postgresql.fresh()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        connection.execute("CREATE TABLE price_lists (mine INTEGER)")  # which 0008 wants to make
    with pytest.raises(Unavailable, match='relation "price_lists" already exists'):
        connect(url)
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        ).fetchall()
    assert sorted(tables) == [("alembic_version",), ("price_lists",)]


def test_without_the_driver_it_is_said_how_to_get_it():
    program = """
import sys
sys.modules["psycopg"] = None
from omniroute.storage.database import Unavailable
from omniroute.storage.postgresql import connect
try:
    connect("postgresql://host/d")
except Unavailable as error:
    assert "pip install 'omniroute[postgres]'" in str(error), error
else:
    raise AssertionError("it was opened")
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_driver_is_not_imported_for_a_file(tmp_path):
    program = """
import sys
from pathlib import Path
from omniroute.app import build
from omniroute.storage.database import Database
Database.open(Path(sys.argv[1])).close()
assert not {"psycopg", "omniroute.storage.postgresql"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "omniroute.db")], check=True)
