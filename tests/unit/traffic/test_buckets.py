"""Limits of keys: reserved in advance, settled at the end, and whole again with time."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from omniroute.access.grant import RateLimit
from omniroute.traffic.buckets import Buckets, Exhausted, Reservation

PER_MINUTE = RateLimit(limit=6, window_s=60)
TOKENS = RateLimit(limit=1000, window_s=60, unit="tokens")


def test_requests_run_out_and_come_back_one_by_one() -> None:
    buckets = Buckets()
    for _ in range(6):
        assert isinstance(buckets.reserve("k", (PER_MINUTE,), 0, 0.0), Reservation)
    refused = Exhausted(limit=PER_MINUTE, retry_after_s=10.0, each_s=10.0)
    assert buckets.reserve("k", (PER_MINUTE,), 0, 0.0) == refused
    assert isinstance(buckets.reserve("k", (PER_MINUTE,), 0, 10.0), Reservation)
    assert isinstance(buckets.reserve("other", (PER_MINUTE,), 0, 10.0), Reservation)


def test_a_refusal_takes_nothing_from_any_limit() -> None:
    buckets = Buckets()
    limits = (RateLimit(limit=2, window_s=60), TOKENS)
    buckets.reserve("k", limits, 900, 0.0)
    assert isinstance(buckets.reserve("k", limits, 900, 0.0), Exhausted)
    assert [level.remaining for level in buckets.levels("k", limits, 0.0)] == [1.0, 100.0]


def test_tokens_that_were_not_used_are_given_back_and_those_beyond_are_owed() -> None:
    buckets = Buckets()
    reserved = buckets.reserve("k", (TOKENS,), 600, 0.0)
    assert isinstance(reserved, Reservation)
    reserved.reconcile(100)
    assert buckets.levels("k", (TOKENS,), 0.0)[0].remaining == 900.0
    again = buckets.reserve("k", (TOKENS,), 100, 0.0)
    assert isinstance(again, Reservation)
    again.reconcile(2900)
    refused = buckets.reserve("k", (TOKENS,), 100, 0.0)
    assert isinstance(refused, Exhausted)
    assert refused.retry_after_s == 126.0


def test_what_is_larger_than_the_whole_limit_goes_through_when_it_is_untouched() -> None:
    buckets = Buckets()
    assert isinstance(buckets.reserve("k", (TOKENS,), 5000, 0.0), Reservation)
    assert isinstance(buckets.reserve("k", (TOKENS,), 1, 0.0), Exhausted)


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 400)), max_size=60))
def test_no_more_is_let_through_than_the_limit_and_what_comes_back_in_the_time(
    steps: list[tuple[float, int]],
) -> None:
    buckets, now, requests, tokens = Buckets(), 0.0, 0, 0
    for pause, wanted in steps:
        now += pause
        if isinstance(buckets.reserve("k", (PER_MINUTE, TOKENS), wanted, now), Reservation):
            requests, tokens = requests + 1, tokens + wanted
    assert requests <= 6 + now * 6 / 60 + 1e-6
    assert tokens <= 1000 + now * 1000 / 60 + 1e-3


@given(st.integers(0, 3000), st.integers(1, 3000))
def test_whoever_comes_back_when_told_is_let_in(used: int, wanted: int) -> None:
    buckets = Buckets()
    reserved = buckets.reserve("k", (TOKENS,), 0, 0.0)
    assert isinstance(reserved, Reservation)
    reserved.reconcile(used)
    refused = buckets.reserve("k", (TOKENS,), wanted, 0.0)
    if isinstance(refused, Exhausted):
        assert isinstance(buckets.reserve("k", (TOKENS,), wanted, refused.retry_after_s + 1e-6), Reservation)


class Said(NamedTuple):
    """After `pause_s` so many tokens are reserved; after `later_s` more it turns out that they were `used`."""

    pause_s: float
    reserved: int
    later_s: float
    used: int


@given(
    st.lists(
        st.builds(Said, st.floats(0, 40), st.integers(1, 1000), st.floats(0, 90), st.integers(0, 1000)),
        min_size=1,
        max_size=12,
    )
)
def test_what_comes_back_is_never_more_than_if_it_had_not_been_taken(steps: list[Said]) -> None:
    buckets, now = Buckets(), 0.0
    open_: list[tuple[float, int, Reservation]] = []
    taken: dict[int, tuple[float, float]] = {}
    for number, one in enumerate(steps):
        now += one.pause_s
        for due, which, found in sorted(open_, key=lambda each: each[0]):
            if due <= now:
                taken[which] = (taken[which][0], float(min(steps[which].used, steps[which].reserved)))
                found.reconcile(int(taken[which][1]))
        open_ = [each for each in open_ if each[0] > now]
        found = buckets.reserve("k", (TOKENS,), one.reserved, now)
        if isinstance(found, Reservation):
            open_.append((now + one.later_s, number, found))
            taken[number] = (now, float(one.reserved))
    (level,) = buckets.levels("k", (TOKENS,), now)
    assert level.remaining <= 1000 - _left(list(taken.values()), now) + 1e-3


def _left(taken: list[tuple[float, float]], now: float) -> float:
    """What a bucket holds at `now` into which only this was ever poured, at these times."""
    left, at = 0.0, 0.0
    for when, amount in sorted(taken):
        left = max(0.0, left - (when - at) * 1000 / 60) + amount
        at = when
    return max(0.0, left - (now - at) * 1000 / 60)


def test_what_ran_out_at_the_cost_of_nobody_is_not_given_back_at_that_of_others() -> None:
    buckets = Buckets()
    unused = buckets.reserve("k", (TOKENS,), 1000, 0.0)
    assert isinstance(unused, Reservation)
    assert isinstance(buckets.reserve("k", (TOKENS,), 1000, 60.0), Reservation)
    unused.reconcile(0)
    assert isinstance(buckets.reserve("k", (TOKENS,), 1000, 60.0), Exhausted)


def test_tokens_of_answers_that_take_long_come_back_whole() -> None:
    buckets = Buckets()
    both = [buckets.reserve("k", (TOKENS,), 500, 0.0) for _ in range(2)]
    assert isinstance(buckets.reserve("k", (TOKENS,), 500, 30.0), Reservation)
    for one in both:
        assert isinstance(one, Reservation)
        one.reconcile(0)
    (level,) = buckets.levels("k", (TOKENS,), 30.0)
    assert level.remaining == 500


def test_a_withdrawn_request_comes_back_as_well() -> None:
    buckets = Buckets()
    for _ in range(10):
        found = buckets.reserve("k", (RateLimit(limit=1, window_s=60), TOKENS), 900, 0.0)
        assert isinstance(found, Reservation)
        found.withdraw()
    assert buckets.levels("k", (TOKENS,), 0.0)[0].remaining == 1000
