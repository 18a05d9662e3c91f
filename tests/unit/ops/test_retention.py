"""What is too old goes, a few at a time, and what was summed up stays."""

from functools import partial

import pytest

from omniroute.ledger.captures import Captures
from omniroute.ledger.drain import store
from omniroute.ledger.position import Position
from omniroute.ledger.reader import Taken
from omniroute.ops.jobs.retention import BATCH_ROWS, Retention
from omniroute.snapshot.logging import Logging
from omniroute.storage.database import Database
from omniroute.storage.repos import summaries, usage
from omniroute.storage.writer import Writer
from tests.support.records import attempted, opened, settled
from tests.unit.ledger.test_captures import AT, DAY_MS, said
from tests.unit.pipeline.stage import Clock


class Place:
    """A ledger with `old` requests of 100 days ago and `new` ones of today."""

    def __init__(self, path, old: int, new: int) -> None:
        self.database = Database.open(path / "omniroute.db")
        self.writer = Writer(self.database)
        self.captures = Captures(path / "captures")
        self.clock = Clock()
        self.clock.time = AT / 1000
        self.pauses: list[float] = []
        records = []
        for number in range(old + new):
            at = AT / 1000 - (100 * 86_400 if number < old else 60)
            name = f"r{number:05}"
            records += [opened(name, at=at), attempted(name, at=at), settled(name, at=at, cost_micro_usd=1)]
        self.writer.write_quietly(partial(store, taken=Taken(tuple(records), Position(1, 1, 1))))

    async def sweep(self, **rules):
        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)

        rules = Logging(**rules)
        return await Retention(self.writer, self.captures, lambda: rules, self.clock, pause)()

    def ids(self):
        return [row.id for row in self.database.read(partial(usage.latest, limit=10_000))]

    def close(self) -> None:
        self.captures.close()
        self.writer.close()
        self.database.close()


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path, old=BATCH_ROWS + 1, new=2)
    yield place
    place.close()


async def test_old_requests_go_in_small_batches_and_their_sums_stay(place):
    before = place.database.read(lambda connection: summaries.used(connection, ("provider",)))
    assert await place.sweep(request_days=90) == {"requests": BATCH_ROWS + 1}
    assert len(place.pauses) == 1
    assert place.ids() == [f"r{BATCH_ROWS + 2:05}", f"r{BATCH_ROWS + 1:05}"]
    assert place.database.read(partial(usage.attempts_of, request_id="r00000")) == ()
    assert place.database.read(lambda connection: summaries.used(connection, ("provider",))) == before
    assert await place.sweep(request_days=90) == {}


async def test_what_is_kept_for_ever_stays(place):
    assert await place.sweep(request_days=0, rollup_days=0, capture_days=0) == {}
    assert len(place.ids()) == BATCH_ROWS + 3


async def test_a_request_that_is_open_stays_however_old_it_is(place):
    at = AT / 1000 - 200 * 86_400
    place.writer.write_quietly(partial(store, taken=Taken((opened("open", at=at),), Position(1, 1, 2))))
    await place.sweep(request_days=90)
    assert "open" in place.ids()


async def test_sums_have_a_time_of_their_own(place):
    assert await place.sweep(request_days=0, rollup_days=30) == {"rollups": 2}
    (used,) = place.database.read(lambda connection: summaries.used(connection, ("provider",)))
    assert used.requests == 2


async def test_days_of_captures_go_whole(place):
    for number in range(10):
        place.captures.keep(said(f"r{number}", AT - number * DAY_MS))
    place.captures.close()
    assert await place.sweep(request_days=0, capture_days=7) == {"capture_days": 2}
    assert place.captures.find("r7", at_ms=AT - 7 * DAY_MS) is not None
    assert place.captures.find("r8", at_ms=AT - 8 * DAY_MS) is None
