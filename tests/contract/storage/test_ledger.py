"""From the journal to the tables, on both engines: exactly once, whatever clients and providers write."""

import secrets
from contextlib import closing
from functools import partial

import msgspec
import pytest

from omniroute.ledger.budgets import Charge
from omniroute.ledger.drain import Drain, drained_position, store
from omniroute.ledger.framing import MAX_FRAME_BYTES, framed
from omniroute.ledger.journal import Journal
from omniroute.ledger.position import Position
from omniroute.ledger.reader import Taken
from omniroute.ledger.recovery import recover
from omniroute.storage.repos import budgets, keys, rollups, summaries, usage
from omniroute.storage.repos.budgets import Spend
from omniroute.storage.repos.keys import KeyRow
from omniroute.storage.writer import Writer
from tests.support.records import attempted, opened, progress, settled


class Life:
    """A database, its writer and a journal, from one start to its end."""

    def __init__(self, place, folder):
        self.database = place.open()
        self.writer = Writer(self.database)
        self.recovered = recover(folder, self.database, self.writer, at=9.0)
        self.journal = Journal(folder, generation=self.recovered.generation, segment_bytes=MAX_FRAME_BYTES)
        self.drain = Drain(self.journal, self.writer, attached=self.database.attached)

    def close(self):
        self.drain.close()
        self.writer.close()
        self.database.close()

    def ids(self):
        return [row.id for row in reversed(self.database.read(partial(usage.latest, limit=10_000)))]


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "journal"
    found.mkdir()
    return found


@pytest.fixture
def life(place, folder):
    begun = Life(place, folder)
    yield begun
    begun.close()


def test_what_was_appended_is_in_the_tables_once_and_the_journal_is_gone(life, folder):
    life.drain.start()
    for number in range(600):
        life.journal.append(opened(f"r{number:04}"))
        life.journal.append(attempted(f"r{number:04}"))
        life.journal.append(settled(f"r{number:04}"))
    life.drain.close()
    assert life.ids() == [f"r{number:04}" for number in range(600)]
    totals = life.database.read(usage.totals)
    assert (totals.requests, totals.open, totals.input_tokens) == (600, 0, 6000)
    (used,) = life.database.read(lambda connection: summaries.used(connection, ("provider",)))
    assert (used.provider, used.requests, used.input_tokens) == ("openai", 600, 6000)
    assert list(folder.iterdir()) == []
    assert life.drain.health.trouble is None


def test_rows_and_position_are_written_together_or_not_at_all(life):
    taken = Taken((opened("r1"), settled("r2", charges=(Charge("b1", 60, 5, 1),))), Position(5, 1, 100))

    def halfway(connection):
        store(connection, taken)
        raise KeyError("the process ends here")

    with pytest.raises(KeyError):
        life.writer.write_quietly(halfway, durable=True)
    assert (life.ids(), life.database.read(drained_position)) == ([], Position(0, 0, 0))
    for _ in range(3):
        life.writer.write_quietly(partial(store, taken=taken), durable=True)
        assert (life.ids(), life.database.read(drained_position)) == (["r1", "r2"], Position(5, 1, 100))
        assert life.database.read(budgets.spends) == (Spend("b1", 60_000, 5, 1),)


def test_what_a_killed_process_left_is_stored_at_the_next_start_and_open_requests_are_interrupted(place, folder):
    records = (opened("r1"), settled("r1"), opened("r2"), progress("r2"))
    (folder / "1-1.log").write_bytes(
        b"".join(framed(msgspec.msgpack.encode(one)) for one in records) + bytes(4096)
    )
    with closing(Life(place, folder)) as life:
        assert (life.recovered.records, life.recovered.interrupted) == (4, 1)
        outcomes = [(row.id, row.outcome) for row in life.database.read(partial(usage.latest, limit=9))]
        assert outcomes == [("r2", "interrupted"), ("r1", "ok")]
    with closing(Life(place, folder)) as life:
        assert (life.recovered.records, life.recovered.interrupted) == (0, 0)
        assert life.ids() == ["r1", "r2"]


def test_nothing_that_a_client_or_provider_writes_stops_the_drain(life):
    long = secrets.token_urlsafe(20_000)
    life.drain.start()
    life.journal.append(opened("r1", model=long, session_id=long, client_request_id="\0" + long, combo=long))
    life.journal.append(attempted("r1", model=long, outcome="x" * 99, message=long, duration_ms=2**40))
    life.journal.append(
        settled(
            "r1",
            model=long,
            provider=long[:300],
            message="no\0ne",
            input_tokens=2**64 - 1,
            cost_micro_usd=2**64 - 1,
        )
    )
    assert life.drain.caught_up(patience_s=30), life.drain.health
    (row,) = life.database.read(partial(usage.latest, limit=9))
    assert (row.model_asked, row.model, row.session_id) == (long[:400], long[:400], long)
    assert row.message.replace("\0", "\ufffd") == "no\ufffdne"
    (attempt,) = life.database.read(partial(usage.attempts_of, request_id="r1"))
    assert (attempt.duration_ms, attempt.outcome) == (2**31 - 1, "x" * 99)


def test_a_use_of_a_key_is_remembered_at_most_every_five_minutes(life):
    row = KeyRow(id="k1", name="k", digest=b"d" * 32, prefix="sk", created_at=1, updated_at=1)
    life.writer.write(lambda connection: keys.add(connection, row))
    life.drain.start()
    for number, at in enumerate((1000.0, 1299.0, 1300.0, 1301.0)):
        life.journal.append(opened(f"r{number}", at=at))
        assert life.drain.caught_up(patience_s=30)
        found = life.database.read(partial(keys.get, key_id="k1"))
        assert found.last_used_at == (1_000_000 if at < 1300 else 1_300_000)


def test_what_is_too_old_goes_in_portions_with_all_that_belongs_to_it(life):
    records = [record for n in range(6) for record in (opened(f"r{n}", at=n * 3600.0), settled(f"r{n}"))]
    life.writer.write_quietly(partial(store, taken=Taken(tuple(records), Position(1, 1, 1))))
    remove = partial(usage.remove_before, at=4 * 3_600_000, limit=3)
    assert [life.writer.write_quietly(remove) for _ in range(3)] == [3, 1, 0]
    assert life.ids() == ["r4", "r5"]
    assert life.database.read(partial(usage.attempts_of, request_id="r0")) == ()
    old = partial(rollups.remove_before, at=3 * 3_600_000, limit=2)
    assert [life.writer.write_quietly(old) for _ in range(3)] == [2, 2, 0]
