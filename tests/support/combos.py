"""Combos, trees and moments for the tests of routing, in as few words as possible."""

from collections.abc import Mapping

from omniroute.ir.target import ModelFacts, Target
from omniroute.routing.combo import Combo, ComboConfig, ComboStep, ModelStep, Step, StrategyName
from omniroute.routing.ordering import ordered
from omniroute.routing.quota import Quota
from omniroute.routing.standing import Standing
from omniroute.routing.strategy import Asked, Moment
from omniroute.routing.tree import Branch, leaves, plant


def target(name: str, facts: ModelFacts | None = None) -> Target:
    provider, _, model = name.partition("/")
    return Target(provider=provider, model=model, dialect="openai_chat", facts=facts or ModelFacts())


def step(name: str, weight: int = 0) -> Step:
    """A model step where `name` has a slash, else a reference to a combo. The step's id is its name."""
    if "/" in name:
        return ModelStep(id=name, model=name, weight=weight)
    return ComboStep(id=name, combo=name, weight=weight)


def combo(
    name: str,
    *names: str,
    strategy: StrategyName = "priority",
    weights: tuple[int, ...] = (),
    config: ComboConfig | None = None,
) -> Combo:
    given = weights or (0,) * len(names)
    return Combo(
        id=f"id-{name}",
        name=name,
        strategy=strategy,
        steps=tuple(step(one, weight) for one, weight in zip(names, given, strict=True)),
        config=config or ComboConfig(),
    )


def planted(root: Combo, *others: Combo, facts: Mapping[str, ModelFacts] | None = None) -> Branch:
    known = facts or {}
    return plant(root, {one.name: one for one in (root, *others)}, lambda name: target(name, known.get(name)))


def order(
    branch: Branch,
    *,
    seed: int = 1,
    turn: int = 0,
    standings: Mapping[str, Standing] | None = None,
    quotas: Mapping[str, Quota] | None = None,
    costs: Mapping[str, float] | None = None,
    asked: Asked | None = None,
    last_good: Mapping[str, str] | None = None,
    kept: frozenset[str] | None = None,
) -> list[str]:
    """The keys of the leaves in the order of one request."""
    moment = Moment(
        seed=seed,
        asked=asked or Asked(),
        standings=standings or {},
        quotas=quotas or {},
        costs=costs or {},
        turns={branch.combo.name: turn},
        last_good=last_good or {},
    )
    every = frozenset(leaf.key for leaf in leaves(branch))
    return [leaf.key for leaf in ordered(branch, every if kept is None else kept, moment)]
