"""`auto`: the best by a score of quota, health, cost, speed, task and stability."""

from collections.abc import Sequence
from typing import Final

from omniroute.routing.scoring import Score, scores, weights_of
from omniroute.routing.strategy import Moment
from omniroute.routing.tree import Branch, Unit, leaves

_EXPLORATION: Final = 0.05
"""At most this share of requests tries another than the best, so that a verdict on a target can be revised."""


def order(branch: Branch, units: Sequence[Unit], moment: Moment) -> list[Unit]:
    """By score. Once in a while, and never for a pinned conversation, a random one goes first. A combo's
    `candidate_pool` puts other providers last; its `budget_cap_usd` puts what would cost more behind the cheapest.
    """
    config = branch.combo.config
    scored = list(zip(units, score(branch, units, moment), strict=True))
    scored.sort(key=lambda pair: -pair[1].total)
    ordered = [unit for unit, _ in scored]
    dice = moment.dice(f"auto:{branch.key}")
    share = _EXPLORATION if config.exploration is None else min(config.exploration, _EXPLORATION)
    if len(ordered) > 1 and not moment.asked.pinned and dice.random() < share:
        ordered.insert(0, ordered.pop(dice.below(len(ordered))))
    if config.candidate_pool:
        ordered.sort(key=lambda unit: not _in_pool(unit, config.candidate_pool))
    if config.budget_cap_usd is not None:
        cap = config.budget_cap_usd
        ordered.sort(key=lambda unit: _over(moment.standing(unit).cost_usd, cap))
    return ordered


def score(branch: Branch, units: Sequence[Unit], moment: Moment) -> tuple[Score, ...]:
    """One score per unit, with its factors: what an explanation shows."""
    config = branch.combo.config
    pool = [(_model(unit), moment.standing(unit)) for unit in units]
    return scores(pool, moment.asked, weights_of(config.mode_pack, config.weights))


def _over(cost: float | None, cap: float) -> float:
    return cost if cost is not None and cost > cap else 0.0


def _model(unit: Unit) -> str:
    below = leaves(unit)
    return below[0].target.model if below else ""


def _in_pool(unit: Unit, pool: tuple[str, ...]) -> bool:
    return any(leaf.target.provider in pool for leaf in leaves(unit))
