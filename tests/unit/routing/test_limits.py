"""What providers say of their limits."""

import pytest

from omniroute.routing.limits import ToldLimit, told_limits


def test_openai_says_requests_and_tokens_with_durations() -> None:
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-limit-tokens": "150000",
        "x-ratelimit-remaining-tokens": "149984",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    assert told_limits(headers, 0.0) == (
        ToldLimit(what="requests", limit=60, remaining=59, resets_in_s=1.0),
        ToldLimit(what="tokens", limit=150000, remaining=149984, resets_in_s=360.0),
    )


def test_anthropic_says_when_as_a_date() -> None:
    headers = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "5",
        "anthropic-ratelimit-requests-reset": "1970-01-01T00:01:40Z",
    }
    assert told_limits(headers, 90.0) == (ToldLimit(what="requests", limit=50, remaining=5, resets_in_s=10.0),)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "application/json"},
        {"x-ratelimit-limit-requests": "sixty", "x-ratelimit-remaining-requests": "1"},
        {"x-ratelimit-limit-requests": "60"},
        {"x-ratelimit-limit-requests": "0", "x-ratelimit-remaining-requests": "0"},
    ],
)
def test_what_is_not_said_is_not_known(headers: dict[str, str]) -> None:
    assert told_limits(headers, 0.0) == ()
