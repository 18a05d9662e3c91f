"""`cost-optimized`: the cheapest for this very request."""

from collections.abc import Sequence

from omniroute.routing.strategy import Moment
from omniroute.routing.tree import Branch, Unit


def order(branch: Branch, units: Sequence[Unit], moment: Moment) -> list[Unit]:
    """By expected cost of the request; what has no price comes last, as configured."""
    costs = [(cost is None, cost or 0.0) for cost in moment.costs_of(branch, units)]
    return [units[place] for place in sorted(range(len(units)), key=costs.__getitem__)]
