"""Laws of what was used: a time is summed up exactly, whatever of it comes from days, hours or requests."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, delete
from sqlalchemy.pool import StaticPool

from omniroute.ledger.drain import store
from omniroute.ledger.position import Position
from omniroute.ledger.reader import Taken
from omniroute.ledger.records import UsageSource
from omniroute.storage.migrate import create
from omniroute.storage.repos.summaries import DAY_MS, HOUR_MS, spans, used
from omniroute.storage.schema import meta, requests, usage_days, usage_hours
from tests.support.records import opened, settled

times = st.integers(0, 4 * DAY_MS) | st.integers(0, 4).map(lambda day: day * DAY_MS)
lives = st.lists(
    st.tuples(
        times, st.sampled_from(["openai", ""]), st.none() | st.integers(0, 9), st.sampled_from(["ok", "cut"])
    ),
    max_size=12,
)


@given(times, times)
def test_the_parts_of_a_time_follow_each_other_and_are_whole(since, until):
    parts = spans(since, until)
    assert [one.end for one in parts[:-1]] == [other.start for other in parts[1:]]
    assert sum(part.end - part.start for part in parts) == max(0, until - since)
    for part in parts:
        whole = {"days": DAY_MS, "hours": HOUR_MS, "requests": 1}[part.known_by]
        assert part.start % whole == part.end % whole == 0
        assert part.known_by != "requests" or part.end - part.start < 2 * HOUR_MS


@pytest.fixture(scope="module")
def database():
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as connection:
        create(connection)
    yield engine
    engine.dispose()


def source(number: int) -> UsageSource:
    return "none" if number % 3 else "reported"


@given(lives, times, times)
def test_what_was_used_in_a_time_is_the_sum_of_its_requests(database, drawn, since, until):
    records = []
    for number, (at, provider, cost, outcome) in enumerate(drawn):
        records.append(opened(f"r{number}", at=at / 1000, key_id=f"k{number % 2}"))
        ended = settled(f"r{number}", at=at / 1000 + 1, provider=provider, cost_micro_usd=cost, outcome=outcome)
        records.append(msgspec.structs.replace(ended, usage_source=source(number)))
    with database.connect() as connection, connection.begin() as transaction:
        for table in (requests, usage_hours, usage_days, meta):
            connection.execute(delete(table))
        store(connection, Taken(tuple(records), Position(1, 1, 1)))
        found = used(connection, ("provider", "key_id"), since=since, until=until)
        days = used(connection, ("at",), since=since, until=until)
        ever = used(connection, ())
        transaction.rollback()
    within = [(number, one) for number, one in enumerate(drawn) if since <= one[0] < until]
    expected = {}
    for number, (_, provider, cost, outcome) in within:
        sums = expected.setdefault((provider, f"k{number % 2}"), [0, 0, 0, 0])
        unpriced = cost is None and (outcome == "ok" or source(number) != "none")
        for place, value in enumerate((1, outcome != "ok", unpriced, cost or 0)):
            sums[place] += value
    told = {
        (one.provider, one.key_id): [one.requests, one.failed, one.unpriced, one.cost_micro_usd] for one in found
    }
    assert told == expected
    assert {one.at: one.requests for one in days} == {
        day: count
        for day, after in pairwise(range(0, 6 * DAY_MS, DAY_MS))
        if (count := sum(day <= one[0] < after for _, one in within))
    }
    assert sum(one.requests for one in ever) == len(drawn)
