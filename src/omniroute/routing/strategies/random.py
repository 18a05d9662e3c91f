"""`random`: any order, with equal chance."""

from collections.abc import Sequence

from omniroute.routing.strategy import Moment
from omniroute.routing.tree import Branch, Unit


def order(branch: Branch, units: Sequence[Unit], moment: Moment) -> list[Unit]:
    """A fresh shuffle for every request."""
    return moment.dice(f"random:{branch.key}").shuffled(units)
