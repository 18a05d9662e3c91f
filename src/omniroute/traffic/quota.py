"""The quota of accounts, as far as their answers have told it, and the best of the accounts of a target."""

from collections.abc import Iterable
from operator import attrgetter
from typing import Final

import msgspec

from omniroute.routing.limits import usual_length_s
from omniroute.routing.quota import Quota, QuotaWindow, quota_of
from omniroute.traffic.learned import Learned

_TOLD_S: Final = 1.0
_WORTH: Final = attrgetter("worth")


class Team(msgspec.Struct, frozen=True, eq=False):
    """The accounts of a target: at least one. Equal to nothing but itself, so that it is quickly found."""

    ids: tuple[str, ...]


def windows(learned: Learned, account_id: str, now: float) -> list[QuotaWindow]:
    """Those of the account at `now` (monotonic seconds), empty when it told of none. Subscriptions say how long
    theirs are; that of a rate limit is taken to be the shortest usual one in which it can reset."""
    found: list[QuotaWindow] = []
    for limit in learned.limits(account_id, now):
        resets_in_s = max(0.0, limit.reset_at - now)
        length_s = limit.length_s or usual_length_s(resets_in_s)
        found.append(QuotaWindow(limit.what, limit.left(now) / limit.limit, resets_in_s, length_s))
    return found


class Quotas:
    """Of teams: that of the account that is worth the most. Times are monotonic seconds."""

    def __init__(self, learned: Learned) -> None:
        self._learned = learned
        self._each: dict[str, Quota] = {}
        self._best: dict[Team, Quota | None] = {}
        """None for a team in which an account was heard of since."""
        self._teams: dict[str, list[Team]] = {}
        """Of the account with this id."""
        self._until = 0.0
        """Until then holds what was told of those that were not heard of since."""

    def best(self, team: Team, now: float) -> Quota:
        """As it is now. May be asked from any thread."""
        return max([quota_of(windows(self._learned, one, now)) for one in team.ids], key=_WORTH)

    def bests(self, teams: Iterable[tuple[str, Team]], now: float) -> dict[str, Quota]:
        """Of each, by the key that comes with it. What is left may be that of a second ago, unless an account was
        heard of since."""
        if now >= self._until:
            self._each.clear()
            self._best.clear()
            self._teams.clear()
            self._until = now + _TOLD_S
        told = self._best
        return {key: told.get(team) or self._tell(team, now) for key, team in teams}

    def heard(self, account_id: str) -> None:
        """What was told of it does not hold any more."""
        self._each.pop(account_id, None)
        for team in self._teams.get(account_id, ()):
            self._best[team] = None

    def _tell(self, team: Team, now: float) -> Quota:
        if team not in self._best:
            for one in team.ids:
                self._teams.setdefault(one, []).append(team)
        each = self._each
        best = self._best[team] = max([each.get(one) or self._look_up(one, now) for one in team.ids], key=_WORTH)
        return best

    def _look_up(self, account_id: str, now: float) -> Quota:
        found = self._each[account_id] = quota_of(windows(self._learned, account_id, now))
        return found
