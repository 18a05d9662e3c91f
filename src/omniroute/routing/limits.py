"""What providers say of their limits with every answer.

OpenAI, Groq, Cerebras, Azure and others: `x-ratelimit-{limit,remaining,reset}-<what>`; Anthropic:
`anthropic-ratelimit-<what>-{limit,remaining,reset}`. What is left refills continuously or at the reset.

Subscriptions tell the quota of their windows: Anthropic's as `anthropic-ratelimit-unified-{5h,7d}-utilization` (a
share) and `-reset` (unix seconds), as seen in answers to Claude Code in 2026; those of ChatGPT as
`x-codex-{primary,secondary}-{used-percent,window-minutes}` with `-reset-at` (unix seconds) or
`-reset-after-seconds`, as the client in openai/codex reads them.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from omniroute.routing.hints import wait_of

_MARKS: Final = frozenset(
    {
        "x-ratelimit-limit-requests",
        "x-ratelimit-limit-tokens",
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-tokens-limit",
        "anthropic-ratelimit-input-tokens-limit",
        "anthropic-ratelimit-unified-5h-utilization",
        "x-codex-primary-used-percent",
    }
)
_WINDOWS: Final = ("requests", "tokens", "input-tokens", "output-tokens")
_LONGEST_S: Final = 24 * 3600.0
_UNIFIED: Final = {"5h": 5 * 3600.0, "7d": 7 * 24 * 3600.0}
_CODEX: Final = ("primary", "secondary")
_LONGEST_WINDOW_S: Final = 31 * 24 * 3600.0
_USUAL_S: Final = (60.0, 3600.0, 5 * 3600.0, 24 * 3600.0, 7 * 24 * 3600.0)


class ToldLimit(msgspec.Struct, frozen=True, kw_only=True):
    """`resets_in_s` counts from the answer, None when nothing was said of it; `length_s` is how long its window
    is, where that was said."""

    what: str
    limit: float
    remaining: float
    resets_in_s: float | None
    length_s: float | None = None


def tells_limits(headers: Mapping[str, str]) -> bool:
    """Whether there is anything to read: asked of every answer."""
    return not _MARKS.isdisjoint(headers)


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
    found.extend(_unified(headers, now))
    found.extend(_codex(headers, now))
    return tuple(found)


def usual_length_s(resets_in_s: float) -> float:
    """Of a limit that resets in so many seconds, how long its window will be: the shortest of the usual ones."""
    place = bisect_left(_USUAL_S, resets_in_s)
    return _USUAL_S[place] if place < len(_USUAL_S) else _LONGEST_WINDOW_S


def _unified(headers: Mapping[str, str], now: float) -> Iterator[ToldLimit]:
    for name, length_s in _UNIFIED.items():
        used = _number(headers.get(f"anthropic-ratelimit-unified-{name}-utilization"))
        if used is not None:
            reset = _number(headers.get(f"anthropic-ratelimit-unified-{name}-reset"))
            yield _window(name, used, None if reset is None else reset - now, length_s)


def _codex(headers: Mapping[str, str], now: float) -> Iterator[ToldLimit]:
    for name in _CODEX:
        percent = _number(headers.get(f"x-codex-{name}-used-percent"))
        minutes = _number(headers.get(f"x-codex-{name}-window-minutes"))
        if percent is None or not minutes:
            continue
        at = _number(headers.get(f"x-codex-{name}-reset-at"))
        wait = _number(headers.get(f"x-codex-{name}-reset-after-seconds")) if at is None else at - now
        yield _window(_named(minutes), percent / 100, wait, minutes * 60)


def _window(what: str, used: float, wait: float | None, length_s: float) -> ToldLimit:
    resets = None if wait is None else min(max(wait, 0.0), length_s)
    left = min(max(1.0 - used, 0.0), 1.0)
    return ToldLimit(what=what, limit=1.0, remaining=left, resets_in_s=resets, length_s=length_s)


def _named(minutes: float) -> str:
    hours, rest = divmod(round(minutes), 60)
    if rest:
        return f"{minutes:.0f}m"
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"


def _number(text: str | None) -> float | None:
    """A finite number that is not negative, of at most 15 characters."""
    text = (text or "").strip()
    if not text or len(text) > 15 or not text.replace(".", "", 1).isdecimal():
        return None
    return float(text)


def _count(text: str | None) -> float | None:
    text = (text or "").strip()
    return float(text) if text.isdecimal() and len(text) <= 15 else None
