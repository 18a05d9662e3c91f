"""What a strategy is: a pure function from the units of a combo, and the moment, to an order of all of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, TypeAlias, TypeVar

import msgspec

from omniroute.routing.dice import Dice
from omniroute.routing.quota import UNTOLD, Quota
from omniroute.routing.selection.draw import Draw
from omniroute.routing.standing import UNKNOWN, Standing
from omniroute.routing.tree import Branch, Leaf, Unit

_T = TypeVar("_T")

_PRIME: Final = (1 << 64) - 59
"""The largest one of 64 bits: different salts leave different remainders."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What of a request a choice may depend on. `input_tokens` is an estimate."""

    input_tokens: int = 0
    max_output_tokens: int | None = None
    tools: bool = False
    images: bool = False
    documents: bool = False
    structured_output: bool = False
    task: str = "default"
    tags: tuple[str, ...] = ()
    match_all_tags: bool = False
    pinned: bool = False
    """A conversation or an idempotency key hangs on the choice: nothing may be tried out with it."""


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """Everything else a choice may depend on. Keep it, and the choice can be made again.

    `standings` are by leaf key, and so are `quotas`, of the best account of each, empty when no account told any;
    and `costs`: USD that this very request is expected to cost there, where somebody knows. `turns` count the
    requests that a combo has seen, and `last_good` is the leaf key that last succeeded, both by combo name.
    `draws` are by leaf key, and for a model that was asked directly by its provider and name: one for each target
    with several accounts.
    """

    seed: int
    asked: Asked = Asked()
    standings: Mapping[str, Standing] = {}
    quotas: Mapping[str, Quota] = {}
    costs: Mapping[str, float] = {}
    turns: Mapping[str, int] = {}
    last_good: Mapping[str, str] = {}
    draws: Mapping[str, Draw] = {}
    preferred: tuple[str, ...] = ()
    """Providers whose leaves come first, whatever the strategy says of them."""

    def dice(self, salt: str) -> Dice:
        """Chance of its own for everything that draws, so that one draw does not shift another."""
        return Dice(self.seed_of(salt))

    def seed_of(self, salt: str) -> int:
        """The seed of these dice."""
        return (self.seed + _number(salt)) % _PRIME

    def turn(self, branch: Branch) -> int:
        return self.turns.get(branch.combo.name, 0)

    def standing(self, unit: Unit) -> Standing:
        """Of a branch: that of the leaf it would most likely begin with, and the load of all."""
        if isinstance(unit, Leaf):
            return self.standings.get(unit.key, UNKNOWN)
        load = sum([self.standing(leaf).in_flight for leaf in unit.below])
        return msgspec.structs.replace(self.standing(self._first(unit)), in_flight=load)

    def cost_usd(self, unit: Unit) -> float | None:
        """Of a branch: that of the leaf it would most likely begin with. None where nobody knows the price."""
        return self.costs.get(unit.key if isinstance(unit, Leaf) else self._first(unit).key)

    def quota(self, unit: Unit) -> Quota:
        """Of a branch: that of the leaf it would most likely begin with."""
        return self.quotas.get(unit.key if isinstance(unit, Leaf) else self._first(unit).key, UNTOLD)

    def standings_of(self, branch: Branch, units: Sequence[Unit]) -> Sequence[Standing]:
        """The `standing` of each of these units of `branch`."""
        return _each(self.standings, branch, units) or [self.standing(one) for one in units]

    def quotas_of(self, branch: Branch, units: Sequence[Unit]) -> Sequence[Quota]:
        """The `quota` of each."""
        return _each(self.quotas, branch, units) or [self.quota(one) for one in units]

    def costs_of(self, branch: Branch, units: Sequence[Unit]) -> Sequence[float | None]:
        """The `cost_usd` of each."""
        return _each(self.costs, branch, units) or [self.cost_usd(one) for one in units]

    def _first(self, branch: Branch) -> Leaf:
        return next((leaf for leaf in branch.below if self.standing(leaf).health != "open"), branch.below[0])


@lru_cache(maxsize=4096)
def _number(salt: str) -> int:
    return int.from_bytes(salt.encode(), "big") % _PRIME


def _each(known: Mapping[str, _T], branch: Branch, units: Sequence[Unit]) -> list[_T] | None:
    """In the order of `units`; None where something is not known by their keys: of branches, for one."""
    if units is branch.units and (*known,) == branch.keys:
        return [*known.values()]  # mostly they come in this order
    try:
        return [known[one.key] for one in units]
    except KeyError:
        return None


Strategy: TypeAlias = Callable[[Branch, Sequence[Unit], Moment], Iterable[Unit]]
"""Orders units of a branch: each exactly once, the first is tried first. Total: unknown numbers never fail."""
