"""Limits of keys: reserved in advance, settled at the end, and whole again with time."""

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
    assert buckets.reserve("k", (PER_MINUTE,), 0, 0.0) == Exhausted(limit=PER_MINUTE, retry_after_s=10.0)
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
