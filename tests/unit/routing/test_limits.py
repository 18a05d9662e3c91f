"""What providers say of their limits."""

import pytest

from omniroute.routing.limits import ToldLimit, tells_limits, told_limits, usual_length_s


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


def test_a_subscription_of_anthropic_tells_the_use_of_its_windows() -> None:
    headers = {
        "anthropic-ratelimit-unified-5h-utilization": "0.25",
        "anthropic-ratelimit-unified-5h-reset": "4600",
        "anthropic-ratelimit-unified-7d-utilization": "1.2",
    }
    assert tells_limits(headers)
    assert told_limits(headers, 1000.0) == (
        ToldLimit(what="5h", limit=1, remaining=0.75, resets_in_s=3600.0, length_s=18000.0),
        ToldLimit(what="7d", limit=1, remaining=0.0, resets_in_s=None, length_s=604800.0),
    )


def test_a_subscription_of_chatgpt_tells_how_long_its_windows_are() -> None:
    headers = {
        "x-codex-primary-used-percent": "12.5",
        "x-codex-primary-window-minutes": "300",
        "x-codex-primary-reset-at": "2000",
        "x-codex-secondary-used-percent": "3",
        "x-codex-secondary-window-minutes": "10080",
        "x-codex-secondary-reset-after-seconds": "86400",
    }
    assert tells_limits(headers)
    assert told_limits(headers, 1000.0) == (
        ToldLimit(what="5h", limit=1, remaining=0.875, resets_in_s=1000.0, length_s=18000.0),
        ToldLimit(what="7d", limit=1, remaining=0.97, resets_in_s=86400.0, length_s=604800.0),
    )


@pytest.mark.parametrize("text", ["", "a lot", "-1", "1e9", "nan", "9" * 30, "1.2.3"])
def test_a_share_that_is_no_number_tells_nothing(text: str) -> None:
    headers = {"anthropic-ratelimit-unified-5h-utilization": text, "x-codex-primary-used-percent": text}
    assert told_limits({**headers, "x-codex-primary-window-minutes": "300"}, 0.0) == ()


@pytest.mark.parametrize(
    ("resets_in_s", "length_s"), [(5, 60), (61, 3600), (9000, 18000), (20000, 86400), (1e6, 31 * 86400)]
)
def test_an_unsaid_window_is_the_shortest_usual_one(resets_in_s: float, length_s: float) -> None:
    assert usual_length_s(resets_in_s) == length_s
