"""`lkgp`: whoever answered last is asked first."""

from collections.abc import Sequence

from omniroute.routing.strategy import Moment
from omniroute.routing.tree import Branch, Leaf, Unit


def order(branch: Branch, units: Sequence[Unit], moment: Moment) -> Sequence[Unit]:
    """The unit of the last good target to the front, the others as configured."""
    good = moment.last_good.get(branch.combo.name)
    if good is not None:
        for place, unit in enumerate(units):
            if unit.key == good if isinstance(unit, Leaf) else any(leaf.key == good for leaf in unit.below):
                return [unit, *units[:place], *units[place + 1 :]]
    return units
