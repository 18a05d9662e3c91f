"""`weighted`: shares of the traffic, of the fallbacks' traffic as well."""

from collections.abc import Sequence

from omniroute.routing.strategy import Moment
from omniroute.routing.tree import Branch, Unit


def order(branch: Branch, units: Sequence[Unit], moment: Moment) -> list[Unit]:
    """Weighted sampling without replacement (Efraimidis and Spirakis, 2006): each unit draws u^(1/weight), the
    largest goes first. Without any weights all are equal; a unit of weight 0 among others comes last."""
    dice = moment.dice(f"weighted:{branch.key}")
    equal = not any(unit.weight for unit in units)
    drawn = [
        (dice.random() ** (1 / (1 if equal else unit.weight)) if equal or unit.weight else -1.0, unit)
        for unit in units
    ]
    drawn.sort(key=lambda pair: -pair[0])
    return [unit for _, unit in drawn]
