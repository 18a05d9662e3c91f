"""What the accounts have lately been used for, and how it went. In memory; one event loop."""

import math
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from omniroute.routing.bounds import UNLIMITED, Queue
from omniroute.routing.candidate import Account
from omniroute.routing.selection.draw import UNUSED, AccountStanding
from omniroute.traffic.affinity import Bindings
from omniroute.traffic.gate import Entry
from omniroute.traffic.learned import Learned
from omniroute.traffic.line import Line
from omniroute.traffic.quota import Quotas

_DECAY_S: Final = 30.0
_TOLD_S: Final = 1.0
_MAX_ACCOUNTS: Final = 10_000


class _Beat(msgspec.Struct):
    in_flight: int = 0
    at: float = 0.0
    first_event_s: float | None = None
    errors: float = 0.0
    last_used: int = 0
    in_row: int = 0


class Accounts:
    """Times are monotonic seconds, which `now` gives; `rules` say how long one waits for an account with bounds.
    Of accounts that are alone nothing is remembered but what they take within their bounds."""

    def __init__(self, now: Callable[[], float], rules: Callable[[], Queue] = lambda: UNLIMITED.queue) -> None:
        self.line = Line(now, rules)
        self.bindings = Bindings()
        self.learned = Learned(self._heard)
        self.quotas = Quotas(self.learned)
        self._beats: dict[str, _Beat] = {}
        self._turns: dict[str, int] = {}
        self._latest: dict[str, str] = {}
        self._uses = 0
        self._told: dict[str, AccountStanding] = {}
        self._told_until = 0.0
        """Until then holds what was told of those to whom nothing has happened since."""

    def standing(self, account_id: str, now: float) -> AccountStanding:
        """As it is now. May be asked from any thread."""
        remaining = self.learned.share_left(account_id, now)
        beat = self._beats.get(account_id)
        if beat is None:
            return UNUSED if remaining is None else AccountStanding(remaining=remaining)
        faded = math.exp(-max(0.0, now - beat.at) / _DECAY_S)
        return AccountStanding(
            in_flight=beat.in_flight,
            first_event_s=beat.first_event_s,
            errors=beat.errors * faded,
            last_used=beat.last_used,
            in_row=beat.in_row,
            remaining=remaining,
        )

    def standings(self, account_ids: Iterable[str], now: float) -> dict[str, AccountStanding]:
        """Of each. What fades or refills may be that of a second ago, all else is as it is now."""
        if now >= self._told_until:
            self._told.clear()
            self._told_until = now + _TOLD_S
        told = self._told
        return {one: told.get(one) or self._tell(one, now) for one in account_ids}

    def turn(self, provider: str) -> int:
        """How many choices were made between the provider's accounts."""
        return self._turns.get(provider, 0)

    def take_turn(self, provider: str) -> None:
        self._turns[provider] = self.turn(provider) + 1

    def seat(self, account: Account, now: float, entry: Entry | None = None) -> "Seat | None":
        """A request goes to `account`, which let it in by `entry` if it has bounds. None when there is nothing to
        keep."""
        if account.alone:
            return None if entry is None else Seat(self, account, None, entry)
        beat = self._of(account.id)
        self.stirred(account.id)
        beat.errors *= math.exp(-max(0.0, now - beat.at) / _DECAY_S)
        beat.at = now
        beat.in_flight += 1
        self._uses += 1
        beat.last_used = self._uses
        same = self._latest.get(account.provider) == account.id
        beat.in_row = beat.in_row + 1 if same else 1
        self._latest[account.provider] = account.id
        return Seat(self, account, beat, entry)

    def stirred(self, account_id: str) -> None:
        """What was told of it does not hold any more."""
        self._told.pop(account_id, None)

    def _heard(self, account_id: str) -> None:
        self.stirred(account_id)
        self.quotas.heard(account_id)

    def _tell(self, account_id: str, now: float) -> AccountStanding:
        told = self._told[account_id] = self.standing(account_id, now)
        return told

    def _of(self, account_id: str) -> _Beat:
        beat = self._beats.get(account_id)
        if beat is None:
            if len(self._beats) >= _MAX_ACCOUNTS:
                self._beats = {known: one for known, one in self._beats.items() if one.in_flight}
            beat = self._beats[account_id] = _Beat()
        return beat


class Seat:
    """One request's place at an account: from the moment it is sent until `leave`, which may be called twice."""

    __slots__ = ("_account", "_accounts", "_beat", "_entry", "_left")

    def __init__(self, accounts: Accounts, account: Account, beat: _Beat | None, entry: Entry | None) -> None:
        self._accounts = accounts
        self._account = account
        self._beat = beat
        self._entry = entry
        self._left = False

    def answered(self, first_event_s: float) -> None:
        """The first event was good. A slow one counts at once, a quick one little by little."""
        beat = self._beat
        if beat is None:
            return
        before = beat.first_event_s
        if before is None or first_event_s > before:
            beat.first_event_s = first_event_s
        else:
            beat.first_event_s = before + 0.2 * (first_event_s - before)
        beat.errors *= 0.8
        self._accounts.stirred(self._account.id)

    def failed(self) -> None:
        """It failed for a reason that another account need not have; nothing keeps to it now."""
        beat = self._beat
        if beat is not None:
            beat.errors += 0.2 * (1 - beat.errors)
            beat.in_row = 0
            self._accounts.stirred(self._account.id)

    def broke(self, binding: str | None) -> None:
        """Its answer broke off: the conversation bound by `binding` does not go back there by itself."""
        self.failed()
        if binding is not None:
            self._accounts.bindings.loosen(binding, self._account.id)

    def leave(self) -> None:
        """The request is over there, whatever came of it."""
        if self._left:
            return
        self._left = True
        if self._beat is not None:
            self._beat.in_flight -= 1
            self._accounts.stirred(self._account.id)
        if self._entry is not None:
            self._entry.leave()
