"""`p2c`: the better of two drawn at random: quick to react, and never a herd on a single favourite."""

from collections.abc import Iterator, Sequence
from statistics import median

from omniroute.routing.standing import Standing
from omniroute.routing.strategy import Moment
from omniroute.routing.tree import Branch, Unit

_ERROR_WEIGHT = 4.0


def order(branch: Branch, units: Sequence[Unit], moment: Moment) -> Iterator[Unit]:
    """Repeated for every place of the order. What is compared: the expected wait for the first event, times the
    requests under way, times errors, over weight; what is unknown counts as the middle of the others."""
    dice = moment.dice(f"p2c:{branch.key}")
    standings = moment.standings_of(branch, units)
    usual = _usual_wait_s(standings)
    left = list(zip(units, standings, strict=True))
    while len(left) > 1:
        first = dice.below(len(left))
        second = (first + 1 + dice.below(len(left) - 1)) % len(left)
        better = second if _burden(*left[second], usual) < _burden(*left[first], usual) else first
        yield left.pop(better)[0]
    for unit, _ in left:
        yield unit


def _usual_wait_s(standings: Sequence[Standing]) -> float:
    known = [one.first_event_s for one in standings if one.first_event_s is not None]
    return median(known) if known else 1.0


def _burden(unit: Unit, standing: Standing, usual_wait_s: float) -> float:
    if standing.health == "open":
        return float("inf")
    wait = usual_wait_s if standing.first_event_s is None else standing.first_event_s
    errors = 1 + _ERROR_WEIGHT * (standing.errors or 0.0)
    return wait * (standing.in_flight + 1) * errors / max(unit.weight, 1)
