"""The line of those that wait until an account lets them through, and who of them goes next."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from math import inf
from typing import Final

import msgspec

from omniroute.routing.bounds import UNLIMITED, Queue
from omniroute.routing.candidate import Account
from omniroute.traffic.gate import Closed, Entry, Gate

_MOST_ALTOGETHER: Final = 200
_KEYS_REMEMBERED: Final = 1_000
_SHORTEST_S: Final = 0.001
"""Clocks and timers do not agree to the last digit."""


class Crowded(msgspec.Struct, frozen=True, kw_only=True):
    """It was not let in, and does not wait (any longer): the line is `full`, or it would take too long. `closed`
    is what stands in the way and ends first, and `expected_s` how long that probably takes; None where nobody
    knows."""

    full: bool
    waited_s: float
    closed: Closed
    expected_s: float | None


class News(msgspec.Struct, frozen=True):
    """What it waits for is not what it was: it should look again at what it can have."""


class Wish:
    """What one request wants of accounts with bounds. It keeps its place in the line however often it has to look
    again. `background` lets all others go first; until `deadline` (monotonic seconds) it must be let in."""

    __slots__ = ("background", "deadline", "key_id", "number", "since", "tokens")

    def __init__(self, key_id: str, tokens: int, *, background: bool = False, deadline: float = inf) -> None:
        self.key_id = key_id
        self.tokens = tokens
        self.background = background
        self.deadline = deadline
        self.number = 0
        self.since = 0.0


class _Waiter:
    """`held_by` are the ids of the bounds that kept it from going when it was last looked at."""

    __slots__ = ("accounts", "done", "held_by", "wish")

    def __init__(
        self, accounts: Sequence[Account], wish: Wish, done: "asyncio.Future[Entry | News | None]"
    ) -> None:
        self.accounts = accounts
        self.wish = wish
        self.done = done
        self.held_by: set[str] = set()


class Line:
    """One event loop; `now` gives monotonic seconds.

    Interactive requests go before background ones. Among equals it goes round between the client keys that wait,
    so that one busy caller does not shut the others out, and within a key it is first come, first served. Whoever
    is held by a bound is not overtaken there by one who needs less."""

    def __init__(self, now: Callable[[], float], rules: Callable[[], Queue] = lambda: UNLIMITED.queue) -> None:
        self.gate = Gate()
        self.rules = rules
        self._now = now
        self._waiters: list[_Waiter] = []
        self._served: OrderedDict[str, int] = OrderedDict()
        self._turns = 0
        self._numbers = 0
        self._alarm: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiters)

    def waiting(self, bound_id: str) -> int:
        """How many would go to the account, or to the provider, if they could. From any thread."""
        return sum(
            any(bound.id == bound_id for account in waiter.accounts for bound in account.bounds)
            for waiter in tuple(self._waiters)
        )

    def enter(self, account: Account, wish: Wish) -> Entry | Closed:
        """At once, or not: those who wait for the same go first. `account` has bounds."""
        if self._waiters:
            for waiter in self._waiters:
                if waiter.done.done() or (waiter.wish.background and not wish.background):
                    continue
                for bound in account.bounds:
                    if bound.id in waiter.held_by:
                        return Closed(bound=bound, cause="line")
        return self.gate.enter(account, wish.tokens, self._now(), self._serve)

    async def wait(
        self, accounts: Sequence[Account], wish: Wish, *, news_in_s: float = inf
    ) -> Entry | News | Crowded:
        """Lets it in at the first of `accounts` that can take it. `News` comes in `news_in_s` at the latest. Who
        is cancelled while it waits has taken nothing."""
        now = self._now()
        rules = self.rules()
        if not wish.number:
            self._numbers += 1
            wish.number, wish.since = self._numbers, now
        until = wish.since + rules.max_wait_s
        open_to = [account for account in accounts if self._joinable(account, rules)]
        closed, expected = self._outlook(open_to or accounts, wish, now)
        if not open_to or len(self._waiters) >= _MOST_ALTOGETHER:
            return Crowded(full=True, waited_s=now - wish.since, closed=closed, expected_s=expected)
        if until <= now or now + (expected or 0.0) > min(until, wish.deadline):
            return Crowded(full=False, waited_s=now - wish.since, closed=closed, expected_s=expected)
        return await self._stand(
            _Waiter(open_to, wish, asyncio.get_running_loop().create_future()), until, news_in_s
        )

    def reroute(self, provider: str) -> None:
        """Accounts of `provider` may not be what they were: those who wait for them look again."""
        for waiter in self._waiters:
            if not waiter.done.done() and any(account.provider == provider for account in waiter.accounts):
                waiter.done.set_result(News())

    def outlook_s(self, account: Account, tokens: int) -> float | None:
        """How long a request that comes now would probably have to wait; None where nobody knows. From any
        thread."""
        last = Wish("", tokens, background=True)
        last.number = self._numbers + 1
        closed, expected = self._outlook([account], last, self._now())
        return None if closed.cause == "places" else expected

    async def _stand(self, waiter: _Waiter, until: float, news_in_s: float) -> Entry | News | Crowded:
        loop = asyncio.get_running_loop()
        self._waiters.append(waiter)
        self._serve()
        patience = loop.call_later(until - self._now(), _tell, waiter, None)
        news = None if news_in_s == inf else loop.call_later(news_in_s, _tell, waiter, News())
        try:
            told = await waiter.done
        except BaseException:
            if waiter.done.done() and not waiter.done.cancelled():
                given = waiter.done.result()
                if isinstance(given, Entry):  # let in in the very moment in which the caller went away
                    given.withdraw()
            raise
        finally:
            patience.cancel()
            if news is not None:
                news.cancel()
            if waiter in self._waiters:
                self._waiters.remove(waiter)
                self._serve()  # those whom it held up
        if told is not None:
            return told
        now = self._now()
        closed, expected = self._outlook(waiter.accounts, waiter.wish, now)
        return Crowded(full=False, waited_s=now - waiter.wish.since, closed=closed, expected_s=expected)

    def _joinable(self, account: Account, rules: Queue) -> bool:
        there = sum(any(one.id == account.id for one in waiter.accounts) for waiter in self._waiters)
        return there < rules.length

    def _outlook(self, accounts: Sequence[Account], wish: Wish, now: float) -> tuple[Closed, float | None]:
        """What stands in the way and ends first, and when; places have no known end and count as nothing."""
        found: list[tuple[float, Closed, float | None]] = []
        for account in accounts:
            closed = self.gate.closed(account, wish.tokens, now)
            if closed is None:
                closed = Closed(bound=account.bounds[0], cause="line", wait_s=0.0)
            if closed.wait_s is None:
                found.append((0.0, closed, None))
                continue
            ahead = sum(
                closed.bound.id in waiter.held_by
                for waiter in tuple(self._waiters)
                if not waiter.done.done() and self._rank(waiter.wish) < self._rank(wish)
            )
            wait_s = closed.wait_s + ahead * closed.each_s
            found.append((wait_s, closed, wait_s))
        _, first, expected = min(found, key=lambda one: one[0])
        return first, expected

    def _serve(self) -> None:
        """Lets in whoever can go, and sees to it that the others are looked at when time alone lets them."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        soonest = 0.0
        while self._waiters and not soonest:
            soonest = self._one_round()
        if self._waiters and soonest < inf:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(max(soonest, _SHORTEST_S), self._serve)

    def _one_round(self) -> float:
        """Lets one in, and returns 0; or says in how many seconds the first can go."""
        now = self._now()
        soonest = inf
        shut: set[str] = set()
        for waiter in sorted(self._waiters, key=lambda one: self._rank(one.wish)):
            if waiter.done.done():
                continue
            waiter.held_by.clear()
            for account in waiter.accounts:
                before = {bound.id for bound in account.bounds if bound.id in shut}
                if before:
                    waiter.held_by |= before
                    continue
                entered = self.gate.enter(account, waiter.wish.tokens, now, self._serve)
                if isinstance(entered, Entry):
                    self._let_in(waiter, entered)
                    return 0.0
                waiter.held_by.add(entered.bound.id)
                shut.add(entered.bound.id)
                if entered.wait_s is not None:
                    soonest = min(soonest, entered.wait_s)
        return max(soonest, _SHORTEST_S)

    def _let_in(self, waiter: _Waiter, entry: Entry) -> None:
        self._waiters.remove(waiter)
        self._turns += 1
        key_id = waiter.wish.key_id
        self._served[key_id] = self._turns
        self._served.move_to_end(key_id)
        if len(self._served) > _KEYS_REMEMBERED:
            self._served.popitem(last=False)
        waiter.done.set_result(entry)

    def _rank(self, wish: Wish) -> tuple[bool, int, int]:
        return wish.background, self._served.get(wish.key_id, 0), wish.number


def _tell(waiter: _Waiter, what: News | None) -> None:
    if not waiter.done.done():
        waiter.done.set_result(what)
