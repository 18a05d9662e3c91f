"""The limits of accounts, as their providers last told them."""

from collections.abc import Mapping
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


class Learned:
    """By account id. In memory."""

    def __init__(self) -> None:
        self._limits: dict[str, tuple[LearnedLimit, ...]] = {}

    def hear(self, account_id: str, headers: Mapping[str, str], *, at: float, now: float) -> None:
        """The headers of an answer, good or bad, at `at` (unix seconds), which is `now` (monotonic)."""
        told = told_limits(headers, at)
        if not told:
            return
        if len(self._limits) >= _MAX_ACCOUNTS and account_id not in self._limits:
            self._limits.clear()
        self._limits[account_id] = tuple(
            LearnedLimit(
                what=one.what,
                limit=one.limit,
                remaining=one.remaining,
                reset_at=now + (_UNSAID_RESET_S if one.resets_in_s is None else one.resets_in_s),
                learned_at=now,
                length_s=one.length_s,
            )
            for one in told
        )

    def limits(self, account_id: str, now: float) -> tuple[LearnedLimit, ...]:
        """What is known of the account and not older than a day."""
        return tuple(one for one in self._limits.get(account_id, ()) if now - one.learned_at < _FORGET_S)

    def __bool__(self) -> bool:
        """Whether anything is known of any account."""
        return bool(self._limits)

    def share_left(self, account_id: str, now: float) -> float | None:
        """Of the tightest limit, 0 to 1; None when none is known."""
        known = self._limits.get(account_id)
        if not known:
            return None
        return min((one.left(now) / one.limit for one in self.limits(account_id, now)), default=None)
