"""`cost-optimized`: the cheapest for this very request."""

from collections.abc import Sequence

from omniroute.routing.strategy import Moment
from omniroute.routing.tree import Branch, Unit


def order(branch: Branch, units: Sequence[Unit], moment: Moment) -> list[Unit]:
    """By expected cost of the request; what has no price comes last, as configured."""

    def cost(unit: Unit) -> tuple[bool, float]:
        expected = moment.standing(unit).cost_usd
        return expected is None, expected or 0.0

    return sorted(units, key=cost)
