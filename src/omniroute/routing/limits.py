"""What providers say of their limits with every answer.

OpenAI, Groq, Cerebras, Azure and others: `x-ratelimit-{limit,remaining,reset}-<what>`; Anthropic:
`anthropic-ratelimit-<what>-{limit,remaining,reset}`. What is left refills continuously or at the reset.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from omniroute.routing.hints import wait_of

_MARKS: Final = (
    "x-ratelimit-limit-requests",
    "x-ratelimit-limit-tokens",
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-tokens-limit",
    "anthropic-ratelimit-input-tokens-limit",
)
_WINDOWS: Final = ("requests", "tokens", "input-tokens", "output-tokens")
_LONGEST_S: Final = 24 * 3600.0


class ToldLimit(msgspec.Struct, frozen=True, kw_only=True):
    """`resets_in_s` counts from the answer, None when nothing was said of it."""

    what: str
    limit: float
    remaining: float
    resets_in_s: float | None


def tells_limits(headers: Mapping[str, str]) -> bool:
    """Whether there is anything to read: asked of every answer."""
    for mark in _MARKS:  # noqa: SIM110 # a generator would cost three times as much
        if mark in headers:
            return True
    return False


def told_limits(headers: Mapping[str, str], now: float) -> tuple[ToldLimit, ...]:
    """The limits in the headers of an answer (lower-case names); `now` is unix seconds. Never raises."""
    found: list[ToldLimit] = []
    for what in _WINDOWS:
        for limit, remaining, reset in (
            (f"x-ratelimit-limit-{what}", f"x-ratelimit-remaining-{what}", f"x-ratelimit-reset-{what}"),
            (
                f"anthropic-ratelimit-{what}-limit",
                f"anthropic-ratelimit-{what}-remaining",
                f"anthropic-ratelimit-{what}-reset",
            ),
        ):
            full, left = _count(headers.get(limit)), _count(headers.get(remaining))
            if full is None or left is None or full <= 0:
                continue
            wait = wait_of(headers.get(reset, ""), now)
            resets = None if wait is None else min(max(wait, 0.0), _LONGEST_S)
            found.append(ToldLimit(what=what, limit=full, remaining=min(left, full), resets_in_s=resets))
    return tuple(found)


def _count(text: str | None) -> float | None:
    text = (text or "").strip()
    return float(text) if text.isdecimal() and len(text) <= 15 else None
