"""`reset-aware`: spends the quota that is about to expire, and does not run dry."""

from collections.abc import Sequence
from typing import Final

from omniroute.routing.strategy import Moment
from omniroute.routing.tree import Branch, Unit

_TIE_BAND: Final = 0.05


def order(branch: Branch, units: Sequence[Unit], moment: Moment) -> list[Unit]:
    """By what the quota is worth. Units within 5 % of the best take turns."""
    worths = [one.worth for one in moment.quotas_of(branch, units)]
    if not worths:
        return []
    places = sorted(range(len(units)), key=worths.__getitem__, reverse=True)
    best = worths[places[0]]
    least = best - abs(best) * _TIE_BAND
    band = [units[place] for place in places if worths[place] >= least]
    rest = [units[place] for place in places[len(band) :]]
    start = moment.turn(branch) % len(band)
    return [*band[start:], *band[:start], *rest]
