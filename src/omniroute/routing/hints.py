"""When a provider that refused may be asked again: every way of saying so that is known, in order of trust.

1. `retry-after-ms`, `x-ms-retry-after-ms` (OpenAI, Azure)        2. `retry-after`: seconds or a date (RFC 9110)
3. `x-ratelimit-reset-<what>` (OpenAI, Groq, Cerebras, Azure) and `anthropic-ratelimit-<what>-reset`: of several
   windows the one that is used up; where nobody says which, the one that ends last
4. `x-ratelimit-reset`, `ratelimit-reset`, `ratelimit` (the IETF drafts)
5. members of the body: Google's `retryDelay`, `retry_after`, `resets_at` and the like, the `estimated_time` until
   Hugging Face has loaded a model, headers repeated in a body
6. words: "try again in 6m0s", "reset after 2h30m", "retry after 12 seconds"
7. the quota of a day that is used up: the next midnight (`routing.daily`)

A number is seconds, or an epoch in seconds or milliseconds when it is too large to be a wait. Points in time count
from the `date` header beside them, since a provider's clock and ours may differ; only without one from `now`.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeAlias

import msgspec

from omniroute.dialects.look import as_array, as_object
from omniroute.ir.json import JsonValue
from omniroute.routing.daily import until_next_day

MIN_WAIT_S: Final = 0.5
MAX_WAIT_S: Final = 7 * 24 * 3600.0
"""What a hint is kept between: one from the past means at once, and none silences anybody for longer."""

Headers: TypeAlias = Mapping[str, str]

_READ: Final = 64 * 1024
_DEPTH: Final = 8
_EPOCH_S: Final = 1e9
_EPOCH_MS: Final = 1e12
_SPENT: Final = frozenset({"rejected", "exceeded", "exhausted"})
_RETRY_MS: Final = ("retry-after-ms", "x-ms-retry-after-ms")
_SINGLE: Final = (("x-ratelimit-reset", "x-ratelimit-remaining"), ("ratelimit-reset", "ratelimit-remaining"))

_NUMBER: Final = re.compile(r"\d{1,15}(?:\.\d{1,12})?")
_UNITS_S: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_UNIT: Final = r"(?:milliseconds?|millis|msecs?|ms|days?|hours?|hrs?|minutes?|mins?|seconds?|secs?|d|h|m|s)"
_PIECE: Final = re.compile(rf"(\d{{1,15}}(?:\.\d{{1,12}})?)\s*({_UNIT})(?![a-z])", re.IGNORECASE)
_DURATION: Final = re.compile(
    rf"(?:\d{{1,15}}(?:\.\d{{1,12}})?\s*{_UNIT}(?![a-z])[\s,]*(?:and\s+)?)+", re.IGNORECASE
)
_DRAFT: Final = re.compile(r"(?:^|[;,\s])(?:reset|t)\s*=\s*(\d{1,15})")
_DRAFT_LEFT: Final = re.compile(r"(?:^|[;,\s])(?:remaining|r)\s*=\s*(\d{1,15})")
_WINDOWS: Final = (
    ("x-ratelimit-reset-", "", "x-ratelimit-remaining-", ""),
    ("anthropic-ratelimit-", "-reset", "anthropic-ratelimit-", "-remaining"),
)
"""How the reset of a window and what remains of it are called: what stands before and behind its name."""

_SAID: Final = re.compile(
    r"\b(?:retry(?:ing)?(?:\s+your\s+request)?\s+(?:after|in)|try(?:ing)?\s+again\s+(?:after|in)"
    r"|(?:resets?|reset(?:s|ting)?|refresh(?:es)?|renews?)\s+(?:after|in)|available\s+(?:again\s+)?in"
    r"|wait(?:\s+for)?(?:\s+at\s+least)?)[\s:]+(?:about\s+|approximately\s+|another\s+)?"
    rf"({_DURATION.pattern}|\d{{1,15}}(?:\.\d{{1,12}})?)",
    re.IGNORECASE,
)
_SAID_TIME: Final = re.compile(
    r"\b(?:again|retry|resets?|reset|available|until|wait)\b[^.\d]{0,24}?"
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)",
    re.IGNORECASE,
)
_IN_SECONDS: Final = frozenset(
    {
        "retrydelay",
        "retryafter",
        "retryafterseconds",
        "retryin",
        "resetseconds",
        "resetsinseconds",
        "resetinseconds",
        "resetafter",
        "resetafterseconds",
        "resetsat",
        "resetat",
        "resettime",
        "quotaresetdelay",
        "quotaresettimestamp",
        "estimatedtime",
    }
)
_IN_MILLISECONDS: Final = frozenset({"retryafterms", "resetms", "resetinms", "resetafterms"})
"""Names of members, in lower case and without underscores."""


def reset_after(headers: Headers, body: bytes, now: float) -> float | None:
    """Seconds to wait, between MIN_WAIT_S and MAX_WAIT_S; None when nothing in a refusal says.

    `headers` have lower-case names; `body` is whatever came with them; `now` is unix seconds. Never raises.
    """
    clock = _date(headers.get("date", ""))
    here = now if clock is None else clock
    found = _in_headers(headers, here)
    if found is None and body:
        found = _in_body(body[:_READ], here)
    return None if found is None else min(max(found, MIN_WAIT_S), MAX_WAIT_S)


def _in_headers(headers: Headers, here: float) -> float | None:
    for name in _RETRY_MS:
        milliseconds = _number(headers.get(name, ""))
        if milliseconds is not None:
            return milliseconds / 1000
    found = wait_of(headers.get("retry-after", ""), here)
    return found if found is not None else _spent_window(headers, here)


def _spent_window(headers: Headers, here: float) -> float | None:
    """Many providers tell their limits with every answer, so a window that is not used up is no hint."""
    spent: list[float] = []
    unknown: list[float] = []
    for wait, left in _windows(headers, here):
        if left is None:
            unknown.append(wait)
        elif left <= 0:
            spent.append(wait)
    if spent or unknown:
        return max(spent or unknown)
    for name, remaining in _SINGLE:
        single = wait_of(headers.get(name, ""), here)
        if single is not None and _number(headers.get(remaining, "0")) in (0, None):
            return single
    draft = headers.get("ratelimit", "")
    reset, left_now = _DRAFT.search(draft), _DRAFT_LEFT.search(draft)
    if reset is None or (left_now is not None and int(left_now[1]) > 0):
        return None
    return float(reset[1])


def _windows(headers: Headers, here: float) -> Iterator[tuple[float, float | None]]:
    """The wait of every named window, and what is left of it where somebody says."""
    for before, behind, left_before, left_behind in _WINDOWS:
        for name, value in headers.items():
            if not name.startswith(before) or not name.endswith(behind):
                continue
            window = name[len(before) : len(name) - len(behind)]
            wait = wait_of(value, here)
            if wait is None or not window:
                continue
            # Anthropic's plans have windows of hours and days, of which only a status is told.
            status = headers.get(f"{before}{window}-status", "")
            if status:
                yield wait, 0.0 if status.lower() in _SPENT else 1.0
            else:
                yield wait, _number(headers.get(f"{left_before}{window}{left_behind}", ""))


def _in_body(body: bytes, here: float) -> float | None:
    try:
        said: JsonValue = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = None
    for name, value in _members(said, 0):
        found = _member(name, value, here)
        if found is not None:
            return found
    text = body.decode(errors="replace")
    found = _in_words(text, here)
    return until_next_day(text, here) if found is None else found


def _members(value: JsonValue, depth: int) -> Iterator[tuple[str, JsonValue]]:
    """Every member of every object, outer ones first."""
    if depth > _DEPTH:
        return
    fields = as_object(value)
    inner = as_array(value) if fields is None else tuple(fields.values())
    if fields is not None:
        yield from fields.items()
    for one in inner or ():
        yield from _members(one, depth + 1)


def _member(name: str, value: JsonValue, here: float) -> float | None:
    fields = as_object(value)
    if name == "headers" and fields is not None:
        # OpenRouter repeats the headers of the provider behind it.
        return _in_headers({key.lower(): _plain(one) for key, one in fields.items()}, here)
    known = name.lower().replace("_", "").replace("-", "")
    if known in _IN_MILLISECONDS:
        milliseconds = _number(_plain(value))
        return None if milliseconds is None else milliseconds / 1000
    return wait_of(_plain(value), here) if known in _IN_SECONDS else None


def _in_words(text: str, here: float) -> float | None:
    said = _SAID.search(text)
    if said is not None:
        return wait_of(said[1].strip(), here)
    moment = _SAID_TIME.search(text)
    return None if moment is None else _since(_iso(moment[1]), here)


def _plain(value: JsonValue) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return f"{value:f}" if isinstance(value, float) else str(value)


def wait_of(text: str, here: float) -> float | None:
    """Seconds from a number, a duration or a point in time."""
    text = text.strip().strip('"')
    if not text:
        return None
    number = _number(text)
    if number is not None:
        if number > _EPOCH_MS:
            return number / 1000 - here
        return number - here if number > _EPOCH_S else number
    if _DURATION.fullmatch(text):
        return sum(float(count) * _UNITS_S[_unit(unit)] for count, unit in _PIECE.findall(text))
    moment = _iso(text)
    return _since(_date(text) if moment is None else moment, here)


def _unit(word: str) -> str:
    """`ms`, or the first letter."""
    word = word.lower()
    return "ms" if word.startswith(("ms", "mil")) else word[0]


def _since(moment: float | None, here: float) -> float | None:
    return None if moment is None else moment - here


def _number(text: str) -> float | None:
    text = text.strip()
    return float(text) if _NUMBER.fullmatch(text) else None


def _iso(text: str) -> float | None:
    """Unix seconds of a date in ISO 8601; one without a zone is UTC."""
    if not text[:4].isdigit() or "-" not in text:
        return None
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _date(text: str) -> float | None:
    """Unix seconds of a date in a header."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
