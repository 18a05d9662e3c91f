"""Why a combo's targets are tried in this order: the numbers that its strategy looked at, in words and as data."""

from collections.abc import Mapping, Sequence
from typing import assert_never

import msgspec

from omniroute.ir.target import Target
from omniroute.routing.eligible import Unfit
from omniroute.routing.ordering import ordered, usable
from omniroute.routing.scoring import Score
from omniroute.routing.standing import Standing
from omniroute.routing.strategies import auto
from omniroute.routing.strategy import Moment
from omniroute.routing.tree import Branch, Leaf, Unit, leaves


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One target of the order. `because` names the number that its place follows from, for every combo on the path
    to it, the outermost first."""

    key: str
    target: Target
    weight: int
    standing: Standing
    cost_usd: float | None
    because: tuple[str, ...]
    score: Score | None = None


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    reason: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    order: tuple[Place, ...]
    left_out: tuple[LeftOut, ...]


def explained(
    branch: Branch,
    moment: Moment,
    *,
    unfit: Sequence[Unfit] = (),
    ejected: Sequence[str] = (),
    unusable: Sequence[tuple[str, str]] = (),
) -> Explanation:
    """Makes the choice again from `moment` and says what it followed from."""
    out = dict(unusable)
    forced = bool(unfit) and {one.leaf.key for one in unfit} == {leaf.key for leaf in branch.below} - out.keys()
    out |= {key: f"its provider fails: {_troubles(moment.standings.get(key))}" for key in ejected}
    if not forced:
        out |= {one.leaf.key: one.reason for one in unfit}
    kept = frozenset([leaf.key for leaf in branch.below]) - out.keys()
    reasons: dict[str, tuple[str, ...]] = {}
    scored: dict[str, Score] = {}
    _reason(branch, kept, moment, (), reasons, scored)
    order = tuple(
        Place(
            key=leaf.key,
            target=leaf.target,
            weight=leaf.weight,
            standing=moment.standing(leaf),
            cost_usd=moment.cost_usd(leaf),
            because=reasons[leaf.key],
            score=scored.get(leaf.key),
        )
        for leaf in ordered(branch, kept, moment)
    )
    return Explanation(order=order, left_out=tuple(LeftOut(key=key, reason=reason) for key, reason in out.items()))


def _reason(
    branch: Branch,
    kept: frozenset[str],
    moment: Moment,
    above: tuple[str, ...],
    reasons: dict[str, tuple[str, ...]],
    scored: dict[str, Score],
) -> None:
    units = usable(branch, kept)
    places = {unit.key: place for place, unit in enumerate(branch.units, start=1)}
    scores: Mapping[str, Score] = {}
    if branch.combo.strategy == "auto":
        scores = dict(zip([unit.key for unit in units], auto.score(branch, units, moment), strict=True))
    for unit in units:
        because = (*above, _because(branch, unit, places[unit.key], moment, scores))
        if isinstance(unit, Leaf):
            reasons[unit.key] = because
            if unit.key in scores:
                scored[unit.key] = scores[unit.key]
        else:
            _reason(unit, kept, moment, because, reasons, scored)


def _because(branch: Branch, unit: Unit, place: int, moment: Moment, scores: Mapping[str, Score]) -> str:
    strategy = branch.combo.strategy
    if strategy == "auto":
        return f"auto: {scores[unit.key].said}"
    standing = moment.standing(unit)
    match strategy:
        case "priority" | "fill-first" | "context-relay":
            return f"{strategy}: number {place} as configured"
        case "weighted":
            total = sum(one.weight for one in branch.units)
            return (
                f"weighted: drawn with {unit.weight} of {total}" if total else "weighted: drawn, all being equal"
            )
        case "round-robin" | "strict-random":
            return f"{strategy}: turn {moment.turn(branch)}, number {place} of {len(branch.units)}"
        case "random":
            return "random: drawn"
        case "least-used":
            return f"least-used: {standing.in_flight} under way, {standing.rate:.2f} per second lately"
        case "cost-optimized":
            cost = moment.cost_usd(unit)
            return "cost-optimized: no price is known" if cost is None else f"cost-optimized: about {cost:.6f} USD"
        case "p2c":
            wait = standing.first_event_s
            seen = "an unknown wait" if wait is None else f"a wait of {wait:.2f} s"
            return f"p2c: {seen}, {standing.in_flight} under way, errors {standing.errors or 0.0:.2f}"
        case "lkgp":
            good = moment.last_good.get(branch.combo.name)
            last = any(leaf.key == good for leaf in leaves(unit))
            return "lkgp: answered last" if last else f"lkgp: number {place} as configured"
        case "context-optimized":
            window = max((leaf.target.facts.context_tokens or 0 for leaf in leaves(unit)), default=0)
            return (
                f"context-optimized: a window of {window} tokens"
                if window
                else "context-optimized: no window known"
            )
        case "reset-aware":
            return f"reset-aware: score {moment.quota(unit).worth:.3f}"
        case _:
            assert_never(strategy)


def _troubles(standing: Standing | None) -> str:
    errors = 0.0 if standing is None else standing.errors or 0.0
    return f"its breaker is open, recent errors {errors:.2f}"
