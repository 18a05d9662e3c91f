"""What an account's quota is worth: how much is left of it, and how soon that is lost."""

from collections.abc import Sequence
from typing import Final

import msgspec

_SESSION_SHARE: Final = 0.35
_WEEK_SHARE: Final = 0.65
_LEFT_SHARE: Final = 0.55
_URGENCY_SHARE: Final = 0.45
_GUARD: Final = 0.10
_UNKNOWN: Final = 0.5
_LONG_S: Final = 24 * 3600.0


class QuotaWindow(msgspec.Struct, frozen=True):
    """A quota that refills: `remaining` is a share of 0 to 1; both times are seconds."""

    name: str
    remaining: float
    resets_in_s: float
    length_s: float


class Quota(msgspec.Struct, frozen=True):
    """`remaining` is the share left of the tightest window; `worth` is between 0 and 1, -1 when one is used up."""

    remaining: float
    worth: float


UNTOLD: Final = Quota(remaining=1.0, worth=_UNKNOWN)
"""What an account is taken to have that told of no window."""


def quota_of(windows: Sequence[QuotaWindow]) -> Quota:
    """Windows of a day and longer count as the week, shorter ones as the session; an unknown one as half full."""
    if not windows:
        return UNTOLD
    short = week = None
    for one in windows:
        if one.length_s < _LONG_S:
            if short is None or one.remaining < short.remaining:
                short = one
        elif week is None or one.remaining < week.remaining:
            week = one
    left = 1.0 if short is None else short.remaining
    tightest = left if week is None else min(left, week.remaining)
    if tightest <= 0:
        return Quota(tightest, -1.0)
    total = _SESSION_SHARE * _worth(short) + _WEEK_SHARE * _worth(week)
    return Quota(tightest, total * max(0.05, left / _GUARD) if left < _GUARD else total)


def _worth(tightest: QuotaWindow | None) -> float:
    if tightest is None:
        return _UNKNOWN
    gone = 1 - tightest.resets_in_s / tightest.length_s
    urgency = 0.0 if gone < 0 else min(gone, 1.0)
    return _LEFT_SHARE * tightest.remaining + _URGENCY_SHARE * urgency
