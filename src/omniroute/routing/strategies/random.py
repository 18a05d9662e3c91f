"""`random`: any order, with equal chance."""

from collections.abc import Iterator, Sequence

from omniroute.routing.strategy import Moment
from omniroute.routing.tree import Branch, Unit


def order(branch: Branch, units: Sequence[Unit], moment: Moment) -> Iterator[Unit]:
    """A fresh shuffle for every request."""
    return moment.dice(f"random:{branch.key}").drawn(units)
