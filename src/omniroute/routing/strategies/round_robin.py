"""`round-robin`: everybody in turn, by weight where weights are given."""

from collections.abc import Sequence

from omniroute.routing.strategy import Moment
from omniroute.routing.tree import Branch, Unit


def order(branch: Branch, units: Sequence[Unit], moment: Moment) -> list[Unit]:
    """The unit whose turn it is, then the others around the circle. A unit that may not be used now passes its
    turn on to the next one."""
    if not units:
        return []
    turn = moment.turn(branch)
    start = branch.schedule[turn % len(branch.schedule)]
    around = [*branch.units[start:], *branch.units[:start]]
    if len(units) == len(around):
        return around
    usable = {unit.key for unit in units}
    return [unit for unit in around if unit.key in usable]
