"""`reset-aware`: spends the quota that is about to expire, and does not run dry."""

from collections.abc import Sequence
from typing import Final

from omniroute.routing.standing import QuotaWindow, Standing
from omniroute.routing.strategy import Moment
from omniroute.routing.tree import Branch, Unit

_SESSION_SHARE: Final = 0.35
_WEEK_SHARE: Final = 0.65
_LEFT_SHARE: Final = 0.55
_URGENCY_SHARE: Final = 0.45
_GUARD: Final = 0.10
_TIE_BAND: Final = 0.05
_UNKNOWN: Final = 0.5
_LONG_S: Final = 24 * 3600.0


def order(branch: Branch, units: Sequence[Unit], moment: Moment) -> list[Unit]:
    """By what is left and how soon it is lost. Units within 5 % of the best take turns."""
    scored = [(score(moment.standing(unit)), unit) for unit in units]
    scored.sort(key=lambda pair: -pair[0])
    if not scored:
        return []
    best = scored[0][0]
    band = [unit for value, unit in scored if value >= best - abs(best) * _TIE_BAND]
    rest = [unit for _, unit in scored[len(band) :]]
    start = moment.turn(branch) % len(band)
    return [*band[start:], *band[:start], *rest]


def score(standing: Standing) -> float:
    """0 to 1, -1 for a quota that is used up. Windows of a day and longer count as the week, shorter ones as the
    session; an unknown one as half full."""
    if not standing.quota:
        return _UNKNOWN
    return worth(standing.quota)


def worth(quota: Sequence[QuotaWindow]) -> float:
    """The score of an account with these windows."""
    if any(window.remaining <= 0 for window in quota):
        return -1.0
    short = [window for window in quota if window.length_s < _LONG_S]
    long = [window for window in quota if window.length_s >= _LONG_S]
    total = _SESSION_SHARE * _worth(short) + _WEEK_SHARE * _worth(long)
    left = min((window.remaining for window in short), default=1.0)
    return total * max(0.05, left / _GUARD) if left < _GUARD else total


def _worth(windows: list[QuotaWindow]) -> float:
    if not windows:
        return _UNKNOWN
    tightest = min(windows, key=lambda window: window.remaining)
    urgency = min(1.0, max(0.0, 1 - tightest.resets_in_s / tightest.length_s))
    return _LEFT_SHARE * tightest.remaining + _URGENCY_SHARE * urgency
