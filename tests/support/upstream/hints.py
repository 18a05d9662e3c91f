"""Every way in which providers say when a rate limit ends."""

from datetime import UTC, datetime
from email.utils import format_datetime

import msgspec

from tests.support.upstream.script import Refuse, Script


def rate_limited(*headers: tuple[str, str], message: str = "Rate limit reached", body: object = None) -> Script:
    raw = None if body is None else msgspec.json.encode(body)
    return Script(fault=Refuse(status=429, message=message, headers=headers, body=raw))


def reset_hints(now: float, wait_s: int) -> dict[str, Script]:
    """A 429 of each kind, all meaning `wait_s` seconds after `now` (unix seconds).

    The kinds are those of the routing specification, section 9.3: OpenAI and Azure headers, Anthropic's
    RFC 3339 resets, the IETF draft, Google's RetryInfo, body fields, and plain words.
    """
    end = datetime.fromtimestamp(now + wait_s, UTC)
    google = {
        "error": {
            "code": 429,
            "status": "RESOURCE_EXHAUSTED",
            "message": "Quota exceeded",
            "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{wait_s}s"}],
        }
    }
    return {
        "retry-after-ms": rate_limited(("retry-after-ms", str(wait_s * 1000))),
        "retry-after in seconds": rate_limited(("Retry-After", str(wait_s))),
        "retry-after as a date": rate_limited(("Retry-After", format_datetime(end, usegmt=True))),
        "openai requests": rate_limited(
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", f"{wait_s}s"),
        ),
        "openai tokens": rate_limited(
            ("x-ratelimit-remaining-requests", "9"),
            ("x-ratelimit-reset-requests", "1ms"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", f"{wait_s}s"),
        ),
        "anthropic requests": rate_limited(
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", end.strftime("%Y-%m-%dT%H:%M:%SZ")),
        ),
        "epoch milliseconds": rate_limited(("x-ratelimit-reset", str(int((now + wait_s) * 1000)))),
        "epoch seconds": rate_limited(("x-ratelimit-reset", str(int(now + wait_s)))),
        "delta seconds": rate_limited(("ratelimit-reset", str(wait_s))),
        "google retry info": rate_limited(body=google),
        "body field": rate_limited(
            body={"error": {"message": "slow down", "type": "rate_limit_error"}, "retry_after": wait_s}
        ),
        "words": rate_limited(message=f"Rate limit reached. Please try again in {wait_s}s."),
    }
