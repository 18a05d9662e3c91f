"""The limits of accounts, as their providers last told them."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from omniroute.routing.limits import told_limits

_FORGET_S: Final = 24 * 3600.0
_UNSAID_RESET_S: Final = 60.0
_MAX_ACCOUNTS: Final = 10_000


class LearnedLimit(msgspec.Struct, frozen=True, kw_only=True):
    """`reset_at` and `learned_at` are monotonic seconds; `length_s` is how long its window is, where that was
    said."""

    what: str
    limit: float
    remaining: float
    reset_at: float
    learned_at: float
    length_s: float | None = None

    def left(self, now: float) -> float:
        """What is left by now: all of it once it was reset."""
        return self.limit if now >= self.reset_at else self.remaining


class _Told(msgspec.Struct, frozen=True):
    """`share` is that of the tightest limit; it holds `until` the first of them is reset or too old."""

    limits: tuple[LearnedLimit, ...]
    share: float
    until: float


class Learned:
    """By account id. In memory. `heard` is told of each account that has told something new."""

    def __init__(self, heard: Callable[[str], None]) -> None:
        self._heard = heard
        self._told: dict[str, _Told] = {}

    def hear(self, account_id: str, headers: Mapping[str, str], *, at: float, now: float) -> None:
        """The headers of an answer, good or bad, at `at` (unix seconds), which is `now` (monotonic)."""
        told = told_limits(headers, at)
        if not told:
            return
        if len(self._told) >= _MAX_ACCOUNTS and account_id not in self._told:
            self._told.clear()
        limits = [
            LearnedLimit(
                what=one.what,
                limit=one.limit,
                remaining=one.remaining,
                reset_at=now + (_UNSAID_RESET_S if one.resets_in_s is None else one.resets_in_s),
                learned_at=now,
                length_s=one.length_s,
            )
            for one in told
        ]
        self._told[account_id] = _Told(
            limits=tuple(limits),
            share=min([one.left(now) / one.limit for one in limits]),
            until=min([now + _FORGET_S, *[one.reset_at for one in limits]]),
        )
        self._heard(account_id)

    def limits(self, account_id: str, now: float) -> tuple[LearnedLimit, ...]:
        """What is known of the account and not older than a day."""
        told = self._told.get(account_id)
        if told is None:
            return ()
        if now < told.until:
            return told.limits
        return tuple([one for one in told.limits if now - one.learned_at < _FORGET_S])

    def __bool__(self) -> bool:
        """Whether anything is known of any account."""
        return bool(self._told)

    def share_left(self, account_id: str, now: float) -> float | None:
        """Of the tightest limit, 0 to 1; None when none is known."""
        told = self._told.get(account_id)
        if told is None:
            return None
        if now < told.until:
            return told.share
        return min([one.left(now) / one.limit for one in self.limits(account_id, now)], default=None)
