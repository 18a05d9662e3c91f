"""`p2c`: the better of two drawn at random: quick to react, and never a herd on a single favourite."""

from collections.abc import Iterator, Sequence
from statistics import median

from omniroute.routing.strategy import Moment
from omniroute.routing.tree import Branch, Unit

_ERROR_WEIGHT = 4.0


def order(branch: Branch, units: Sequence[Unit], moment: Moment) -> Iterator[Unit]:
    """Repeated for every place of the order. What is compared: the expected wait for the first event, times the
    requests under way, times errors, over weight; what is unknown counts as the middle of the others."""
    dice = moment.dice(f"p2c:{branch.key}")
    burden = _burdens(units, moment)
    left = list(units)
    while len(left) > 1:
        first = dice.below(len(left))
        second = (first + 1 + dice.below(len(left) - 1)) % len(left)
        better = second if burden[left[second].key] < burden[left[first].key] else first
        yield left.pop(better)
    yield from left


def _burdens(units: Sequence[Unit], moment: Moment) -> dict[str, float]:
    standings = [(unit, moment.standing(unit)) for unit in units]
    known = [standing.first_event_s for _, standing in standings if standing.first_event_s is not None]
    usual = median(known) if known else 1.0
    burdens: dict[str, float] = {}
    for unit, standing in standings:
        if standing.health == "open":
            burdens[unit.key] = float("inf")
            continue
        wait = usual if standing.first_event_s is None else standing.first_event_s
        errors = 1 + _ERROR_WEIGHT * (standing.errors or 0.0)
        burdens[unit.key] = wait * (standing.in_flight + 1) * errors / max(unit.weight, 1)
    return burdens
