"""How many requests an account is doing at a time, and the line of those that wait for a place."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import Final

import msgspec

from omniroute.routing.candidate import Account

_WAITING: Final = 20
_PATIENCE_S: Final = 30.0
_KEYS_REMEMBERED: Final = 1_000


class Crowded(msgspec.Struct, frozen=True, kw_only=True):
    """No place was to be had: the line was `full`, or the wait took too long."""

    full: bool
    waited_s: float


class _Waiter:
    __slots__ = ("done", "key_id", "limits")

    def __init__(self, key_id: str, limits: dict[str, int], done: "asyncio.Future[str | None]") -> None:
        self.key_id = key_id
        self.limits = limits
        self.done = done


class Permits:
    """Every permit that was taken or waited for is given back exactly once. One event loop.

    The line is first come, first served within a client key; between keys that wait it goes round, so that one
    busy caller does not shut the others out.
    """

    def __init__(self, *, waiting: int = _WAITING, patience_s: float = _PATIENCE_S) -> None:
        self.most_waiting = waiting
        self.patience_s = patience_s
        self._held: Counter[str] = Counter()
        self._line: list[_Waiter] = []
        self._served: OrderedDict[str, int] = OrderedDict()
        self._serial = 0

    def held(self, account_id: str) -> int:
        """How many are under way there."""
        return self._held[account_id]

    def waiting(self, account_id: str) -> int:
        """How many would take a place there."""
        return sum(account_id in waiter.limits for waiter in self._line)

    def take(self, account: Account) -> bool:
        """A place at once, or none. `account` has a limit."""
        assert account.max_concurrent is not None
        if self._held[account.id] >= account.max_concurrent:
            return False
        self._held[account.id] += 1
        return True

    def give(self, account_id: str) -> None:
        """A place is free again: it goes to the next in the line, if anybody wants it."""
        self._held[account_id] -= 1
        if self._held[account_id] <= 0:
            del self._held[account_id]
        self._hand_over(account_id)

    async def wait(self, accounts: Sequence[Account], key_id: str) -> str | Crowded:
        """The id of the first of `accounts` that has a place, which is then taken. Who is cancelled while it waits
        has none."""
        limits = {one.id: one.max_concurrent for one in accounts if one.max_concurrent is not None}
        for account_id, limit in limits.items():
            if self._held[account_id] < limit:
                self._held[account_id] += 1
                return account_id
        open_lines = {one: limit for one, limit in limits.items() if self.waiting(one) < self.most_waiting}
        if not open_lines:
            return Crowded(full=True, waited_s=0.0)
        loop = asyncio.get_running_loop()
        waiter = _Waiter(key_id, open_lines, loop.create_future())
        self._line.append(waiter)
        alarm = loop.call_later(self.patience_s, self._lose_patience, waiter)
        try:
            place = await waiter.done
        except BaseException:
            if waiter.done.done() and not waiter.done.cancelled():
                given = waiter.done.result()
                if given is not None:  # handed over in the very moment in which the caller went away
                    self.give(given)
            raise
        finally:
            alarm.cancel()
            if waiter in self._line:
                self._line.remove(waiter)
        return Crowded(full=False, waited_s=self.patience_s) if place is None else place

    def _lose_patience(self, waiter: _Waiter) -> None:
        if not waiter.done.done():
            waiter.done.set_result(None)
            self._line.remove(waiter)

    def _hand_over(self, account_id: str) -> None:
        wanting = [
            waiter
            for waiter in self._line
            if not waiter.done.done() and self._held[account_id] < waiter.limits.get(account_id, 0)
        ]
        if not wanting:
            return
        chosen = min(wanting, key=lambda waiter: self._served.get(waiter.key_id, 0))
        self._line.remove(chosen)
        self._held[account_id] += 1
        self._serial += 1
        self._served[chosen.key_id] = self._serial
        self._served.move_to_end(chosen.key_id)
        if len(self._served) > _KEYS_REMEMBERED:
            self._served.popitem(last=False)
        chosen.done.set_result(account_id)
