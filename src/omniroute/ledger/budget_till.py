"""The counters of budgets: reserve, extend, charge, settle. Exact integers, no I/O; one thread uses it.

    hold = till.reserve(claims, now)     # all of the claims, or a Short and nothing at all
    hold.extend(...)                     # a stream grows beyond what was set aside
    charges = hold.charge(cost)          # so much of it is certain by now
    charges = hold.settle(cost)          # this is what it was; what is left of the reservation goes back

For every window of a budget: spent is the sum of all charges, held is the sum of what open holds may still spend.
A claim that has to fit is taken only if spent + held stays within the limit, so nothing that asks at the same time
can take the same money twice. A charge always counts in the window in which it was reserved.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from omniroute.ledger.budget_windows import Window, window
from omniroute.ledger.budgets import Budget, Charge, Spent

_KEPT_WINDOWS: Final = 3


class Claim(NamedTuple):
    """Micro-USD that a request wants from a budget. One that need not `fit` is taken whatever the limit is."""

    budget: Budget
    micro_usd: int
    fit: bool


class Short(NamedTuple):
    """A budget that has not got so much: `free` is what it has (it may be below 0), `wanted` what was asked."""

    budget: Budget
    window: Window
    wanted: int
    free: int


class Level(NamedTuple):
    """How a budget stands in a window, in micro-USD. `held` is set aside for requests under way."""

    window: Window
    spent: int
    held: int
    guessed: int


class Counter:
    """One window of one budget."""

    __slots__ = ("guessed", "held", "spent", "warned", "window")

    def __init__(self, window: Window, stored: Spent) -> None:
        self.window = window
        self.spent = stored.micro_usd
        self.guessed = stored.guessed
        self.held = 0
        self.warned = False


class _Part:
    __slots__ = ("bound", "budget", "charged", "counter", "guessed")

    def __init__(self, budget: Budget, counter: Counter, bound: int) -> None:
        self.budget = budget
        self.counter = counter
        self.bound = bound
        self.charged = 0
        self.guessed = 0

    @property
    def left(self) -> int:
        """What is still set aside."""
        return max(0, self.bound - self.charged)

    def charge(self, micro_usd: int, guessed: int) -> Charge | None:
        """From now on it has cost `micro_usd` in all."""
        before = self.left
        more, more_guessed = micro_usd - self.charged, guessed - self.guessed
        self.charged, self.guessed = micro_usd, guessed
        counter = self.counter
        counter.held += self.left - before
        counter.spent += more
        counter.guessed += more_guessed
        if not more and not more_guessed:
            return None
        return Charge(self.budget.id, counter.window.start, more, more_guessed)

    def release(self) -> None:
        self.counter.held -= self.left
        self.bound = 0


class Hold:
    """What one request has reserved, in all of its budgets."""

    __slots__ = ("_parts",)

    def __init__(self, parts: tuple[_Part, ...]) -> None:
        self._parts = parts

    def extend(self, micro_usd: int) -> bool:
        """Set aside `micro_usd` in all, where the limit allows; False where one did not, and kept what it had."""
        extended = True
        for part in self._parts:
            more = micro_usd - part.bound
            if more <= 0:
                continue
            counter = part.counter
            grown = max(0, micro_usd - part.charged) - part.left
            if counter.spent + counter.held + grown > part.budget.limit:
                extended = False
                continue
            counter.held += grown
            part.bound = micro_usd
        return extended

    def charge(self, micro_usd: int, *, guessed: bool) -> tuple[Charge, ...]:
        """It has cost so much until now, and goes on. What was charged once is never taken back before the end."""
        return _made(
            part.charge(max(micro_usd, part.charged), max(micro_usd, part.charged) if guessed else part.guessed)
            for part in self._parts
        )

    def settle(self, micro_usd: int, *, guessed: bool) -> tuple[Charge, ...]:
        """It has cost exactly so much; the rest goes back. To be called once."""
        charges = _made(part.charge(micro_usd, micro_usd if guessed else 0) for part in self._parts)
        for part in self._parts:
            part.release()
        return charges

    def warnings(self) -> tuple[tuple[Budget, Counter], ...]:
        """Budgets whose warning has come due, each once in a window."""
        found = tuple(
            (part.budget, part.counter)
            for part in self._parts
            if not part.counter.warned and part.counter.spent >= part.budget.warns_at
        )
        for _, counter in found:
            counter.warned = True
        return found


class Till:
    """All counters of the process, made when they are first asked for. The windows of a budget never change: one
    with other windows is another budget."""

    def __init__(self) -> None:
        self._counters: dict[str, list[Counter]] = {}

    def reserve(self, claims: Sequence[Claim], now: float) -> Hold | Short:
        """All of `claims` or nothing. `now` is unix seconds. Of several that are short, the one that holds longest
        is told."""
        taken: list[tuple[Claim, Counter]] = []
        worst: Short | None = None
        for claim in claims:
            counter = self._counter(claim.budget, now)
            free = claim.budget.limit - counter.spent - counter.held
            if claim.fit and claim.micro_usd > free:
                short = Short(claim.budget, counter.window, claim.micro_usd, free)
                worst = short if worst is None or _ends(worst) < _ends(short) else worst
            taken.append((claim, counter))
        if worst is not None:
            return worst
        parts: list[_Part] = []
        for claim, counter in taken:
            counter.held += claim.micro_usd
            parts.append(_Part(claim.budget, counter, claim.micro_usd))
        return Hold(tuple(parts))

    def level(self, budget: Budget, now: float) -> Level:
        """How a budget stands. From any thread."""
        wanted = window(budget.period, budget.reset_minute, now)
        for counter in tuple(self._counters.get(budget.id, ())):
            if counter.window.start == wanted.start:
                return Level(wanted, counter.spent, counter.held, counter.guessed)
        stored = budget.stored.get(wanted.start, Spent())
        return Level(wanted, stored.micro_usd, 0, stored.guessed)

    def _counter(self, budget: Budget, now: float) -> Counter:
        kept = self._counters.setdefault(budget.id, [])
        for counter in reversed(kept):
            if counter.window.holds(now):  # one of the last, even when the clock goes back
                return counter
        wanted = window(budget.period, budget.reset_minute, now)
        counter = Counter(wanted, budget.stored.get(wanted.start, Spent()))
        counter.warned = counter.spent >= budget.warns_at
        kept.append(counter)
        del kept[:-_KEPT_WINDOWS]
        return counter


def _ends(short: Short) -> float:
    return float("inf") if short.window.end is None else short.window.end


def _made(charges: Iterable[Charge | None]) -> tuple[Charge, ...]:
    return tuple(charge for charge in charges if charge is not None)
