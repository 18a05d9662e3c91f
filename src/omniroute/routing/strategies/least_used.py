"""`least-used`: to whoever has the least to do."""

from collections.abc import Sequence

from omniroute.routing.strategy import Moment
from omniroute.routing.tree import Branch, Unit


def order(branch: Branch, units: Sequence[Unit], moment: Moment) -> list[Unit]:
    """Fewest requests under way first, then the lowest recent rate; never a count since the start, which would
    flood a newcomer."""
    loads = [(standing.in_flight, standing.rate) for standing in moment.standings_of(branch, units)]
    return [units[place] for place in sorted(range(len(units)), key=loads.__getitem__)]
