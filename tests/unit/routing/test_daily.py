"""The end of a day's quota: which refusals speak of one, and when the provider's next day begins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.routing.daily import until_next_day
from omniroute.routing.hints import reset_after

MIDNIGHT_UTC = 1_790_035_200.0
"""22 September 2026, 00:00 UTC."""
EIGHT_UTC = MIDNIGHT_UTC + 8 * 3600
"""Midnight in Pacific standard time."""

GOOGLE = (
    '{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED","details":['
    '{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"m",'
    '"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}]}}'
)


def test_google_counts_its_days_in_pacific_time() -> None:
    assert until_next_day(GOOGLE, EIGHT_UTC - 60) == 60
    assert until_next_day(GOOGLE, EIGHT_UTC + 60) == 86_400 - 60


def test_a_quota_of_minutes_is_not_of_days() -> None:
    assert until_next_day(GOOGLE.replace("PerDay", "PerMinute"), MIDNIGHT_UTC) is None


@pytest.mark.parametrize(
    "words",
    [
        "You have used up your daily quota",
        "daily free allocation limit reached",
        "Today's quota is exhausted",
        "limit for today reached",
        "Per-day request limit exceeded",
        "Too many requests, try again tomorrow.",
    ],
)
def test_days_of_others_are_those_of_utc(words: str) -> None:
    assert until_next_day(words, MIDNIGHT_UTC - 5) == 5


@pytest.mark.parametrize("words", ["", "rate limit reached", "the day is long", "one quota per key", "daily news"])
def test_other_words_are_of_no_day(words: str) -> None:
    assert until_next_day(words, MIDNIGHT_UTC) is None


@given(st.floats(min_value=0, max_value=4e9), st.sampled_from([GOOGLE, "daily quota"]))
def test_the_next_day_is_never_further_than_a_day(here: float, said: str) -> None:
    wait = until_next_day(said, here)
    assert wait is not None
    assert 0 < wait <= 86_400


def test_what_a_provider_says_more_exactly_comes_first() -> None:
    body = b'{"error":{"message":"daily quota used up, try again in 20 s"}}'
    assert reset_after({}, body, MIDNIGHT_UTC) == 20
    assert reset_after({}, body.replace(b", try again in 20 s", b""), MIDNIGHT_UTC - 9) == 9
