"""`lkgp`: whoever answered last is asked first."""

from collections.abc import Sequence

from omniroute.routing.strategy import Moment
from omniroute.routing.tree import Branch, Unit, leaves


def order(branch: Branch, units: Sequence[Unit], moment: Moment) -> list[Unit]:
    """The unit of the last good target to the front, the others as configured."""
    good = moment.last_good.get(branch.combo.name)
    first = [unit for unit in units if good is not None and any(leaf.key == good for leaf in leaves(unit))]
    return [*first, *(unit for unit in units if unit not in first)]
