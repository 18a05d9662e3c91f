"""The strategies by name, and the order of a whole tree: each branch by its own strategy."""

from collections.abc import Mapping
from typing import Final

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
from omniroute.routing.tree import Branch, Leaf, Unit, leaves

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


def ordered(branch: Branch, kept: frozenset[str], moment: Moment) -> tuple[Leaf, ...]:
    """The leaves among `kept` (their keys) in the order in which they are to be tried, each exactly once."""
    units = [unit for unit in branch.units if any(leaf.key in kept for leaf in leaves(unit))]
    order: dict[str, Leaf] = {}
    for unit in STRATEGIES[branch.combo.strategy](branch, units, moment):
        for leaf in _inside(unit, kept, moment):
            order.setdefault(leaf.key, leaf)
    return tuple(order.values())


def _inside(unit: Unit, kept: frozenset[str], moment: Moment) -> tuple[Leaf, ...]:
    if isinstance(unit, Branch):
        return ordered(unit, kept, moment)
    return (unit,) if unit.key in kept else ()
