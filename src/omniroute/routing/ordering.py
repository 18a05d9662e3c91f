"""The strategies by name, and the order of a whole tree: each branch by its own strategy."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from omniroute.routing.combo import StrategyName
from omniroute.routing.strategies import (
    auto,
    context_optimized,
    cost_optimized,
    least_used,
    lkgp,
    p2c,
    priority,
    random,
    reset_aware,
    round_robin,
    strict_random,
    weighted,
)
from omniroute.routing.strategy import Moment, Strategy
from omniroute.routing.tree import Branch, Leaf, Unit, branches

Compared: TypeAlias = Literal["standings", "quota", "costs"]

STRATEGIES: Final[Mapping[StrategyName, Strategy]] = {
    "priority": priority.order,
    "fill-first": priority.order,
    "context-relay": priority.order,
    "weighted": weighted.order,
    "round-robin": round_robin.order,
    "random": random.order,
    "strict-random": strict_random.order,
    "least-used": least_used.order,
    "cost-optimized": cost_optimized.order,
    "p2c": p2c.order,
    "lkgp": lkgp.order,
    "auto": auto.order,
    "context-optimized": context_optimized.order,
    "reset-aware": reset_aware.order,
}
_COMPARED: Final[Mapping[StrategyName, frozenset[Compared]]] = {
    "least-used": frozenset({"standings"}),
    "p2c": frozenset({"standings"}),
    "reset-aware": frozenset({"quota"}),
    "cost-optimized": frozenset({"costs"}),
    "auto": frozenset({"standings", "quota", "costs"}),
}
"""What the strategies look at of each target. The others look at nothing, and nothing is looked up for them."""


def ordered(branch: Branch, kept: frozenset[str], moment: Moment) -> Iterator[Leaf]:
    """The leaves among `kept` (their keys) in the order in which they are to be tried, each exactly once. Mostly
    only the first is wanted, so the next one is looked for when somebody comes to it."""
    some = None if len(kept) == len(branch.below) else kept
    if not moment.preferred:
        return _by_strategy(branch, some, moment)
    found = list(_by_strategy(branch, some, moment))
    return iter(sorted(found, key=lambda leaf: leaf.target.provider not in moment.preferred))


def _by_strategy(branch: Branch, kept: frozenset[str] | None, moment: Moment) -> Iterator[Leaf]:
    for unit in STRATEGIES[branch.combo.strategy](branch, usable(branch, kept), moment):
        if isinstance(unit, Leaf):
            yield unit
        else:
            yield from _by_strategy(unit, kept, moment)


def usable(branch: Branch, kept: frozenset[str] | None) -> Sequence[Unit]:
    """The units of `branch` with a leaf among `kept`; all of them where nothing was left out (None)."""
    if kept is None:
        return branch.units
    return [
        unit
        for unit in branch.units
        if (unit.key in kept if isinstance(unit, Leaf) else any(leaf.key in kept for leaf in unit.below))
    ]


def compared(branch: Branch) -> frozenset[Compared]:
    """What an order of this tree depends on, of all that is known about its targets at the moment."""
    return frozenset[Compared]().union(*(_COMPARED.get(one.combo.strategy, ()) for one in branches(branch)))
