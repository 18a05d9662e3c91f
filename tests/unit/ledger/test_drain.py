"""From the journal to the tables: exactly once, through every trouble of the database."""

import sqlite3
import threading
from contextlib import closing
from functools import partial

import pytest
from sqlalchemy import text

from omniroute.ledger.cost import Cost
from omniroute.ledger.drain import Drain, drained_position, store
from omniroute.ledger.framing import MAX_FRAME_BYTES
from omniroute.ledger.journal import Journal
from omniroute.ledger.late_prices import LatePrices
from omniroute.ledger.position import Position
from omniroute.ledger.reader import Taken
from omniroute.ledger.recovery import recover
from omniroute.storage.database import Database
from omniroute.storage.repos import keys, usage
from omniroute.storage.repos.keys import KeyRow
from omniroute.storage.writer import Writer
from tests.support.full_disk import full_disk
from tests.support.records import attempted, opened, progress, settled


class Stage:
    """A database, its writer and a journal in one directory."""

    def __init__(self, path):
        self.directory = path / "journal"
        self.directory.mkdir(exist_ok=True)
        self.file = path / "omniroute.db"
        self.database = Database.open(self.file)
        self.writer = Writer(self.database)
        self.recovered = recover(self.directory, self.database, self.writer, at=9.0)
        self.journal = Journal(self.directory, generation=self.recovered.generation, segment_bytes=MAX_FRAME_BYTES)
        self.drain = Drain(self.journal, self.writer)

    def close(self):
        self.writer.close()
        self.database.close()

    def ids(self):
        return [row.id for row in reversed(self.database.read(partial(usage.latest, limit=10_000)))]


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path)
    yield stage
    stage.drain.close()
    stage.close()


def test_what_was_appended_is_in_the_tables_after_close_and_the_journal_is_gone(stage):
    stage.drain.start()
    for number in range(1234):
        stage.journal.append(opened(f"r{number:04}"))
        stage.journal.append(attempted(f"r{number:04}"))
        stage.journal.append(settled(f"r{number:04}"))
    stage.drain.close()
    assert stage.ids() == [f"r{number:04}" for number in range(1234)]
    totals = stage.database.read(usage.totals)
    assert (totals.requests, totals.open, totals.input_tokens) == (1234, 0, 12340)
    assert list(stage.directory.iterdir()) == []
    assert stage.drain.health.trouble is None


def test_an_open_request_is_visible_while_it_runs_and_settles_later(stage):
    settles = threading.Event()
    stage.drain.start()
    stage.journal.append(opened("r1"))
    stage.journal.append(progress("r1"))
    while (row := stage.database.read(partial(usage.get, request_id="r1"))) is None:
        settles.wait(0.01)
    assert (row.outcome, row.input_tokens, row.usage_source) == ("open", 7, "estimated")
    stage.journal.append(settled("r1"))
    stage.drain.close()
    row = stage.database.read(partial(usage.get, request_id="r1"))
    assert (row.outcome, row.input_tokens, row.usage_source, row.settled_at) == ("ok", 10, "reported", 4000)
    (attempt,) = stage.database.read(partial(usage.attempts_of, request_id="r1"))
    assert (attempt.number, attempt.provider) == (1, "openai")


def test_drained_segments_are_deleted_while_the_journal_goes_on(stage):
    stage.drain.start()
    for number in range(40):
        stage.journal.append(settled(f"r{number:02}", message="x" * 60_000))
    stage.drain.close()
    assert len(stage.ids()) == 40
    assert list(stage.directory.iterdir()) == []


def test_a_request_whose_opening_was_lost_is_still_counted(stage):
    stage.drain.start()
    stage.journal.append(settled("orphan"))
    stage.drain.close()
    row = stage.database.read(partial(usage.get, request_id="orphan"))
    assert (row.key_id, row.at, row.input_tokens, row.outcome) == ("", 4000, 10, "ok")


def test_a_locked_database_delays_the_ledger_and_loses_nothing(stage):
    stage.writer.write_quietly(lambda connection: connection.exec_driver_sql("PRAGMA user_version"))
    stage.database.writing.connect().connection.driver_connection.execute("PRAGMA busy_timeout=1")
    with closing(sqlite3.connect(stage.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        stage.drain.start()
        for number in range(3):
            stage.journal.append(settled(f"r{number}"))
        while stage.drain.health.trouble is None:
            threading.Event().wait(0.01)
        assert "OperationalError" in stage.drain.health.trouble
        assert stage.ids() == []
        other.execute("ROLLBACK")
    stage.drain.close()
    assert stage.drain.health.trouble is None
    assert stage.ids() == ["r0", "r1", "r2"]


def test_a_close_with_the_database_in_the_way_leaves_the_journal_for_the_next_start(tmp_path):
    stage = Stage(tmp_path)
    stage.database.writing.connect().connection.driver_connection.execute("PRAGMA busy_timeout=1")
    with closing(sqlite3.connect(stage.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        stage.drain.start()
        stage.journal.append(opened("r1"))
        stage.journal.append(settled("r1"))
        stage.drain.close(patience_s=0.2)
        other.execute("ROLLBACK")
    assert [path.name for path in stage.directory.iterdir()] == ["1-1.log"]
    stage.close()

    stage = Stage(tmp_path)
    assert (stage.recovered.records, stage.recovered.interrupted) == (2, 0)
    assert stage.ids() == ["r1"]
    stage.drain.close()
    stage.close()


def test_closing_a_drain_that_never_started_leaves_its_records(tmp_path):
    stage = Stage(tmp_path)
    stage.journal.append(settled("r1"))
    stage.drain.close()
    assert stage.ids() == []
    stage.close()
    stage = Stage(tmp_path)
    assert stage.ids() == ["r1"]
    stage.drain.close()
    stage.close()


def test_rows_and_position_are_written_together_or_not_at_all(stage):
    taken = Taken((opened("r1"), settled("r2")), Position(5, 1, 100))

    def halfway(connection):
        store(connection, taken)
        raise KeyError("the process ends here")

    with pytest.raises(KeyError):
        stage.writer.write_quietly(halfway, durable=True)
    assert (stage.ids(), stage.database.read(drained_position)) == ([], Position(0, 0, 0))
    stage.writer.write_quietly(partial(store, taken=taken), durable=True)
    assert (stage.ids(), stage.database.read(drained_position)) == (["r1", "r2"], Position(5, 1, 100))


def test_no_transaction_holds_more_than_500_records(stage):
    stage.writer.write_quietly(
        lambda connection: [
            connection.execute(text(statement))
            for statement in (
                "CREATE TABLE commits (position TEXT, rows INTEGER)",
                "CREATE TRIGGER on_position AFTER UPDATE ON meta WHEN new.key = 'journal_position' BEGIN "
                "INSERT INTO commits VALUES (new.value, (SELECT count(*) FROM requests)); END",
            )
        ]
    )
    for number in range(1700):
        stage.journal.append(opened(f"r{number:04}"))
    stage.drain.start()
    stage.drain.close()
    counts = stage.database.read(
        lambda connection: [row[0] for row in connection.execute(text("SELECT rows FROM commits ORDER BY rowid"))]
    )
    assert len(stage.ids()) == 1700
    assert all(after - before <= 500 for before, after in zip([500, *counts], counts, strict=False))


def test_records_that_waited_for_space_are_drained_too(stage):
    with full_disk():
        for number in range(12):
            stage.journal.append(settled(f"r{number:02}", message="x" * 60_000))
        assert stage.drain.health.waiting_bytes > 0
        assert "disk is full" in stage.drain.health.trouble
    stage.drain.start()
    stage.drain.close()
    assert stage.ids() == [f"r{number:02}" for number in range(12)]
    assert stage.drain.health.trouble is None


def test_a_database_that_can_only_be_read_delays_the_ledger_and_loses_nothing(stage):
    driver = stage.database.writing.connect().connection.driver_connection
    driver.execute("PRAGMA query_only=ON")
    stage.drain.start()
    stage.journal.append(settled("r1"))
    while stage.drain.health.trouble is None:
        threading.Event().wait(0.01)
    assert "attempt to write a readonly database" in stage.drain.health.trouble
    assert stage.ids() == []
    driver.execute("PRAGMA query_only=OFF")
    assert stage.drain.caught_up(patience_s=30)
    assert stage.ids() == ["r1"]


def test_a_clock_that_jumps_back_between_two_records_settles_the_request_all_the_same(stage):
    stage.drain.start()
    stage.journal.append(opened("r1", at=5000.0))
    stage.journal.append(settled("r1", at=1000.0))
    assert stage.drain.caught_up(patience_s=30)
    row = stage.database.read(partial(usage.get, request_id="r1"))
    assert (row.at, row.settled_at, row.outcome) == (5_000_000, 1_000_000, "ok")


def test_a_use_of_a_key_is_remembered_at_most_every_five_minutes(stage):
    row = KeyRow(id="k1", name="k", digest=b"d" * 32, prefix="sk", created_at=1, updated_at=1)
    stage.writer.write(lambda connection: keys.add(connection, row))
    stage.drain.start()
    for number, at in enumerate((1000.0, 1299.0, 1300.0, 1301.0)):
        stage.journal.append(opened(f"r{number}", at=at))
        assert stage.drain.caught_up(patience_s=30)
        found = stage.database.read(partial(keys.get, key_id="k1"))
        assert found.last_used_at == (1_000_000 if at < 1300 else 1_300_000)


def test_what_was_settled_before_the_prices_came_is_priced_once_with_their_source(tmp_path):
    stage = Stage(tmp_path)
    asked = []

    def price(provider, model, used, at):
        asked.append((provider, model, used.input, used.output, at))
        return None if model == "unheard-of" else Cost(123, "list 1")

    late = LatePrices(price)
    stage.drain = Drain(stage.journal, stage.writer, late=late)
    stage.drain.start()
    stage.journal.append(settled("early"))
    stage.journal.append(settled("unknown", model="unheard-of"))
    stage.journal.append(settled("free", usage_source="cache", cost_micro_usd=0))
    stage.journal.append(settled("failed", usage_source="none"))
    assert not stage.drain.caught_up(patience_s=0.05)
    late.loaded(4.0)
    assert stage.drain.caught_up(patience_s=30)
    stage.journal.append(settled("later", at=5.0))
    stage.drain.close()
    found = {
        row.id: (row.cost_micro_usd, row.price_source)
        for row in stage.database.read(partial(usage.latest, limit=9))
    }
    assert found == {
        "early": (123, "list 1"),
        "unknown": (None, None),
        "free": (0, None),
        "failed": (None, None),
        "later": (None, None),
    }
    assert asked == [("openai", "gpt-x", 10, 20, 4.0), ("openai", "unheard-of", 10, 20, 4.0)]
    stage.close()
