"""The candidates of a combo, target by target: accounts are put in order only when somebody comes to their target.

Mostly the first target answers, and then nobody needs to know how the accounts of the others would have stood.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from omniroute.routing.candidate import Candidate
from omniroute.routing.selection import orders
from omniroute.routing.selection.draw import Draw

Accounts: TypeAlias = tuple[Candidate, ...]
"""The candidates of one target, as configured."""

Drawing: TypeAlias = Callable[[str, Accounts], Draw | None]
"""What the order of the accounts of the leaf with this key is to follow from; None: the configured one."""


class Lineup:
    """`targets` come in order, `count` of them: leaf keys, each with at least one account. `draws` fills with what
    the orders of accounts followed from, by leaf key: with it they can be made again."""

    __slots__ = ("_ahead", "_count", "_drawing", "_draws", "_reached", "_targets")

    def __init__(
        self, targets: Iterable[tuple[str, Accounts]], drawing: Drawing, draws: dict[str, Draw], *, count: int
    ) -> None:
        self._ahead = iter(targets)
        self._count = count
        self._drawing = drawing
        self._draws = draws
        self._targets: list[tuple[str, Accounts]] = []
        self._reached: list[Accounts] = []

    def __len__(self) -> int:
        """How many targets there are."""
        return self._count

    def __iter__(self) -> Iterator[Candidate]:
        """All candidates in order; whoever goes on comes to the next target."""
        for place in range(self._count):
            yield from self.at(place)

    def at(self, place: int) -> Accounts:
        """The candidates of the target at `place`, in the order in which they are tried: the same ever after."""
        while place >= len(self._reached):
            self._reached.append(self._in_order(*self._target(len(self._reached))))
        return self._reached[place]

    def placed(self) -> Iterator[tuple[str, Candidate]]:
        """All candidates in order, with the keys of their leaves. Nobody comes to a target by that: accounts that
        were not put in order stand as configured."""
        for place in range(self._count):
            key, accounts = self._target(place)
            for candidate in self._reached[place] if place < len(self._reached) else accounts:
                yield key, candidate

    def _target(self, place: int) -> tuple[str, Accounts]:
        while place >= len(self._targets):
            self._targets.append(next(self._ahead))
        return self._targets[place]

    def _in_order(self, key: str, accounts: Accounts) -> Accounts:
        draw = self._drawing(key, accounts) if len(accounts) > 1 else None
        if draw is None:
            return accounts
        self._draws[key] = draw
        return orders.ordered(accounts, draw)
