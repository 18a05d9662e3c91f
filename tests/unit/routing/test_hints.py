"""Reset hints: what providers are known to say, and that nothing they say can do harm."""

from datetime import UTC, datetime
from email.utils import format_datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.routing.hints import MAX_WAIT_S, MIN_WAIT_S, reset_after
from tests.support.upstream.hints import reset_hints

NOW = 1_790_000_000.0
"""A moment in September 2026."""


def http(at: float) -> str:
    return format_datetime(datetime.fromtimestamp(at, UTC), usegmt=True)


def iso(at: float, ending: str = "Z") -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S") + ending


HEADERS = [
    ({"retry-after-ms": "1500"}, 1.5),
    ({"retry-after-ms": "120.5"}, MIN_WAIT_S),
    ({"x-ms-retry-after-ms": "2000"}, 2.0),
    ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
    ({"retry-after": "7"}, 7.0),
    ({"retry-after": "7.25"}, 7.25),
    ({"retry-after": " 7 "}, 7.0),
    ({"retry-after": "0"}, MIN_WAIT_S),
    ({"retry-after": "1m30s"}, 90.0),
    ({"retry-after": http(NOW + 40)}, 40.0),
    ({"retry-after": http(NOW - 40)}, MIN_WAIT_S),
    ({"retry-after": http(NOW + 1040), "date": http(NOW + 1000)}, 40.0),
    ({"retry-after": iso(NOW + 40)}, 40.0),
    ({"retry-after": "Wed, 21 Oct 2026 07:28:00 -0000"}, MAX_WAIT_S),
    ({"retry-after": str(10**14)}, MAX_WAIT_S),
    ({"retry-after": "soon"}, None),
    ({"retry-after": "-5"}, None),
    ({"retry-after": "inf"}, None),
    ({"retry-after": ""}, None),
    ({"x-ratelimit-reset-requests": "2m59.56s"}, 179.56),
    ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s"}, 360.0),
    (
        {
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "20s",
            "x-ratelimit-remaining-tokens": "100",
            "x-ratelimit-reset-tokens": "6m0s",
        },
        20.0,
    ),
    (
        {
            "x-ratelimit-remaining-requests": "9",
            "x-ratelimit-reset-requests": "20s",
            "x-ratelimit-remaining-tokens": "0",
            "x-ratelimit-reset-tokens": "1h0m1.5s",
        },
        3601.5,
    ),
    ({"x-ratelimit-remaining-requests": "9", "x-ratelimit-reset-requests": "20s"}, None),
    ({"x-ratelimit-reset-requests": "600ms"}, 0.6),
    ({"x-ratelimit-reset-requests": "58"}, 58.0),
    ({"x-ratelimit-reset-requests-day": "33011.382867"}, 33011.382867),
    ({"x-ratelimit-reset-tokens": "1d2h"}, 93600.0),
    ({"anthropic-ratelimit-requests-reset": iso(NOW + 25)}, 25.0),
    (
        {
            "anthropic-ratelimit-requests-remaining": "40",
            "anthropic-ratelimit-requests-reset": iso(NOW + 1),
            "anthropic-ratelimit-input-tokens-remaining": "0",
            "anthropic-ratelimit-input-tokens-reset": iso(NOW + 30),
            "anthropic-ratelimit-output-tokens-remaining": "9",
            "anthropic-ratelimit-output-tokens-reset": iso(NOW + 60),
        },
        30.0,
    ),
    ({"anthropic-ratelimit-tokens-reset": iso(NOW + 1030), "date": http(NOW + 1000)}, 30.0),
    (
        {
            "anthropic-ratelimit-unified-5h-status": "allowed",
            "anthropic-ratelimit-unified-5h-reset": str(int(NOW + 100)),
            "anthropic-ratelimit-unified-7d-status": "rejected",
            "anthropic-ratelimit-unified-7d-reset": str(int(NOW + 9000)),
        },
        9000.0,
    ),
    ({"x-ratelimit-reset": str(int(NOW + 12))}, 12.0),
    ({"x-ratelimit-reset": str(int((NOW + 12) * 1000))}, 12.0),
    ({"x-ratelimit-reset": "12"}, 12.0),
    ({"x-ratelimit-reset": "12", "x-ratelimit-remaining": "3"}, None),
    ({"ratelimit-reset": "50"}, 50.0),
    ({"ratelimit": "limit=100, remaining=0, reset=50"}, 50.0),
    ({"ratelimit": '"default";r=0;t=30'}, 30.0),
    ({"ratelimit": '"default";r=5;t=30'}, None),
    ({"content-type": "text/plain"}, None),
]


@pytest.mark.parametrize(("headers", "wait"), HEADERS, ids=[str(headers) for headers, _ in HEADERS])
def test_a_hint_in_headers_is_read(headers: dict[str, str], wait: float | None) -> None:
    assert reset_after(headers, b"", NOW) == (None if wait is None else pytest.approx(wait, abs=1e-5))


RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "33.074824224s"}
QUOTA = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "PerDay"}]}
BODIES = [
    ({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [QUOTA, RETRY_INFO]}}, 33.074824224),
    ([{"error": {"details": [RETRY_INFO]}}], 33.074824224),
    ({"error": {"details": [{"metadata": {"quotaResetDelay": "373.801628ms"}}]}}, MIN_WAIT_S),
    ({"error": {"details": [{"metadata": {"quotaResetTimeStamp": iso(NOW + 90)}}]}}, 90.0),
    ({"error": {"type": "usage_limit_reached", "resets_at": int(NOW + 300)}}, 300.0),
    ({"error": {"type": "usage_limit_reached", "resets_in_seconds": 2820}}, 2820.0),
    ({"error": {"resets_at": iso(NOW + 300, "+00:00")}}, 300.0),
    ({"error": {"reset_seconds": 4.5}}, 4.5),
    ({"retry_after": 3}, 3.0),
    ({"error": "Model is currently loading", "estimated_time": 20.5}, 20.5),
    ({"retryAfter": "3"}, 3.0),
    ({"detail": {"retry_after_ms": 1200}}, 1.2),
    ({"error": {"metadata": {"headers": {"X-RateLimit-Reset": str(int((NOW + 8) * 1000))}}}}, 8.0),
    ({"error": {"message": "Rate limit reached for m. Please try again in 1.2s. Visit our page."}}, 1.2),
    ({"error": {"message": "Please try again in 6m0s."}}, 360.0),
    ({"error": {"message": "Please try again in 7m12.345s. Need more tokens?"}}, 432.345),
    ({"error": {"message": "Please try again in 120ms."}}, MIN_WAIT_S),
    ({"error": {"message": "please try again in 20 seconds"}}, 20.0),
    ({"error": {"message": "Please retry after 26 seconds."}}, 26.0),
    ({"error": {"message": "Please retry in 51.318s."}}, 51.318),
    ({"error": {"message": "Your quota will reset after 2h30m14s."}}, 9014.0),
    ({"error": {"message": "You can retry your request after 12"}}, 12.0),
    ({"message": "The model is available in 5 minutes and 10 seconds"}, 310.0),
    ({"detail": "Too many requests, wait 2 minutes"}, 120.0),
    ({"error": {"message": f"Limit reached, try again at {iso(NOW + 60)}"}}, 60.0),
    ({"error": {"message": "You have 3 seats"}}, None),
    ({"error": {"message": "the image was taken in 2019"}}, None),
    ({"error": {"message": "max_tokens must be at least 1"}}, None),
    ({"retry_after": None}, None),
    ({"retry_after": True}, None),
    ({"retry_after": -1}, None),
]


@pytest.mark.parametrize(("body", "wait"), BODIES, ids=[str(body) for body, _ in BODIES])
def test_a_hint_in_a_body_is_read(body: object, wait: float | None) -> None:
    found = reset_after({}, msgspec.json.encode(body), NOW)
    assert found == (None if wait is None else pytest.approx(wait, abs=1e-5))


@pytest.mark.parametrize("kind", reset_hints(NOW, 42))
def test_every_hint_that_the_scripted_provider_gives_is_read(kind: str) -> None:
    fault = reset_hints(NOW, 42)[kind].fault
    headers = {name.lower(): value for name, value in fault.headers}
    body = fault.body or msgspec.json.encode({"error": {"message": fault.message}})
    assert reset_after(headers, body, NOW) == 42.0


def test_headers_are_trusted_before_the_body() -> None:
    assert reset_after({"retry-after": "5"}, b'{"retry_after": 60}', NOW) == 5.0


def test_words_of_a_page_that_is_not_json_are_read_too() -> None:
    assert reset_after({}, b"<h1>Too many requests</h1> retry after 30 seconds", NOW) == 30.0


@given(
    st.dictionaries(
        st.sampled_from(["retry-after", "retry-after-ms", "x-ratelimit-reset-tokens", "ratelimit", "date"]),
        st.text() | st.floats().map(str) | st.integers().map(str),
    ),
    st.binary() | st.text().map(str.encode),
    st.floats(0, 4e9),
)
def test_no_answer_can_make_us_wait_for_ever_or_not_at_all(headers: dict, body: bytes, now: float) -> None:
    wait = reset_after(headers, body, now)
    assert wait is None or MIN_WAIT_S <= wait <= MAX_WAIT_S


def test_a_deep_or_long_body_is_read_no_further_than_is_sensible() -> None:
    deep = b"[" * 50_000 + b"]" * 50_000
    assert reset_after({}, deep, NOW) is None
    assert reset_after({}, b"1m" * 40_000, NOW) is None
