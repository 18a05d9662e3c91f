"""`auto`: the best by a score of quota, health, cost, speed, task and stability."""

from collections.abc import Iterator, Sequence
from typing import Final

from omniroute.routing.scoring import Factor, Score, factors, totals, weights_of
from omniroute.routing.strategy import Moment
from omniroute.routing.tree import Branch, Unit, leaves

_EXPLORATION: Final = 0.05
"""At most this share of requests tries another than the best, so that a verdict on a target can be revised."""


def order(branch: Branch, units: Sequence[Unit], moment: Moment) -> Iterator[Unit]:
    """By score. Once in a while, and never for a pinned conversation, a random one goes first. A combo's
    `candidate_pool` puts other providers last; its `budget_cap_usd` puts what would cost more behind the cheapest.
    """
    config = branch.combo.config
    scored = totals(_factors(branch, units, moment), weights_of(config.mode_pack, config.weights))
    dice = moment.dice(f"auto:{branch.key}")
    share = _EXPLORATION if config.exploration is None else min(config.exploration, _EXPLORATION)
    explores = len(units) > 1 and not moment.asked.pinned and dice.random() < share
    cap = config.budget_cap_usd
    gone = 0
    if scored and not explores and not config.candidate_pool and cap is None:
        # Mostly this one answers, and nobody needs to know how the others compare.
        yield units[scored.index(max(scored))]
        gone = 1
    ordered = [*map(units.__getitem__, sorted(range(len(units)), key=scored.__getitem__, reverse=True))]
    if explores:
        ordered.insert(0, ordered.pop(dice.below(len(ordered))))
    if config.candidate_pool:
        ordered.sort(key=lambda unit: not _in_pool(unit, config.candidate_pool))
    if cap is not None:
        ordered.sort(key=lambda unit: _over(moment.cost_usd(unit), cap))
    yield from ordered[gone:]


def score(branch: Branch, units: Sequence[Unit], moment: Moment) -> list[Score]:
    """One score per unit, with its factors: what an explanation shows."""
    config = branch.combo.config
    found = _factors(branch, units, moment)
    scored = totals(found, weights_of(config.mode_pack, config.weights))
    values = zip(*[one.values(len(units)) for one in found], strict=True)
    return [Score(total, several) for total, several in zip(scored, values, strict=True)]


def _factors(branch: Branch, units: Sequence[Unit], moment: Moment) -> tuple[Factor, ...]:
    whole = len(units) == len(branch.units)
    models = branch.models if whole else tuple([leaves(unit)[0].target.model for unit in units])
    quotas = moment.quotas_of(branch, units) if moment.quotas else ()
    costs = moment.costs_of(branch, units)
    return factors(models, moment.standings_of(branch, units), quotas, costs, moment.asked.task)


def _over(cost: float | None, cap: float) -> float:
    return cost if cost is not None and cost > cap else 0.0


def _in_pool(unit: Unit, pool: tuple[str, ...]) -> bool:
    return any(leaf.target.provider in pool for leaf in leaves(unit))
