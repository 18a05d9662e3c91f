"""`weighted`: shares of the traffic, of the fallbacks' traffic as well."""

from bisect import bisect
from collections.abc import Iterator, Sequence
from itertools import accumulate

from omniroute.routing.strategy import Moment
from omniroute.routing.tree import Branch, Unit


def order(branch: Branch, units: Sequence[Unit], moment: Moment) -> Iterator[Unit]:
    """Each place is drawn among those that are left, with chances by weight. Without any weights all are equal; a
    unit of weight 0 among others comes last, as configured."""
    dice = moment.dice(f"weighted:{branch.key}")
    left = [unit for unit in units if unit.weight]
    weightless = [unit for unit in units if not unit.weight]
    if not left:
        yield from dice.drawn(units)
        return
    while left:
        upto = list(accumulate([unit.weight for unit in left]))
        point = dice.below(upto[-1])
        yield left.pop(bisect(upto, point))
    yield from weightless
