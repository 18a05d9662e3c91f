"""Combos: named lists of models with a strategy, addressed as if they were a model."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from omniroute.ir.timeouts import Timeouts
from omniroute.routing import actions
from omniroute.routing.actions import Rules
from omniroute.routing.linear_regex import BadPattern, compiled

StrategyName: TypeAlias = Literal[
    "priority",
    "fill-first",
    "weighted",
    "round-robin",
    "random",
    "strict-random",
    "least-used",
    "cost-optimized",
    "p2c",
    "lkgp",
    "auto",
    "context-optimized",
    "context-relay",
    "reset-aware",
]

STRATEGY_NAMES: Final[tuple[StrategyName, ...]] = get_args(StrategyName)
_SYNONYMS: Final[Mapping[str, StrategyName]] = {
    "usage": "least-used",
    "context": "context-optimized",
    "fallback": "priority",
}
MAX_DEPTH: Final = 3
"""How deep combos may nest."""
WEIGHTS_TOLERANCE: Final = 0.01
"""By how much the weights of a score may miss the sum of 1."""


class ModelStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="model"):
    """One model. `weight` is 0 to 100; `connection_id` pins an account."""

    id: str
    model: str
    connection_id: str | None = None
    weight: int = 0
    label: str | None = None
    tags: tuple[str, ...] = ()


class ComboStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="combo-ref"):
    """Another combo, by name."""

    id: str
    combo: str
    weight: int = 0
    label: str | None = None


Step: TypeAlias = ModelStep | ComboStep


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """A rung of a composite ladder: the step to use, and the tier to fall back to."""

    step_id: str
    fallback: str | None = None


class Agent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a combo makes of every request: `system_message` stands for the client's own instructions, only tools
    whose names have `tool_filter` in them (a pattern of `routing.linear_regex`) are offered, and with
    `keeps_target` a conversation goes to the target that answered it before, and to no other."""

    system_message: str | None = None
    tool_filter: str | None = None
    keeps_target: bool = False


class HandoffRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How `context-relay` hands conversations over: once `threshold` of an account's limits or of a model's window
    is used, `model` (that of the conversation, where there is none) writes a summary of the last `max_messages`.
    `providers` are the ones whose conversations are handed over; all, where there are none."""

    threshold: float = 0.85
    model: str | None = None
    providers: tuple[str, ...] = ()
    max_messages: int = 30


class ComboConfig(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a combo may set for itself; None leaves the value to the settings above it.

    `nested` says whether a nested combo keeps its own strategy (`execute`) or lends its steps (`flatten`);
    `context_mode` whether the largest or the smallest sufficient window comes first; `on` maps a class of failure
    to an action; costs are USD. `timeouts` go before those of its accounts; `own` names the members that
    are said to be as usual, and are not what all combos have otherwise.
    """

    max_attempts: int | None = None
    nested: Literal["execute", "flatten"] = "execute"
    context_mode: Literal["largest", "fit"] = "largest"
    mode_pack: str | None = None
    weights: Mapping[str, float] | None = None
    exploration: float | None = None
    budget_cap_usd: float | None = None
    candidate_pool: tuple[str, ...] = ()
    default_tier: str | None = None
    tiers: Mapping[str, Tier] = {}
    on: Rules = {}
    own: tuple[str, ...] = ()
    agent: Agent | None = None
    handoff: HandoffRule = HandoffRule()
    timeouts: Timeouts | None = None


class Combo(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    strategy: StrategyName = "priority"
    steps: tuple[Step, ...] = ()
    config: ComboConfig = ComboConfig()
    active: bool = True
    hidden: bool = False

    @property
    def conducts(self) -> bool:
        """Whether it does more with a request than to choose where it goes."""
        return self.config.agent is not None or self.strategy == "context-relay"


def strategy_named(name: str) -> StrategyName | None:
    """The strategy that `name` means, in any case and by its synonyms; None when there is none."""
    wanted = name.strip().lower()
    if wanted in _SYNONYMS:
        return _SYNONYMS[wanted]
    return next((known for known in STRATEGY_NAMES if known == wanted), None)


def faults(combo: Combo, others: Mapping[str, Combo]) -> tuple[str, ...]:
    """What is wrong with `combo` beside `others` (by name), in words that say what to change."""
    found: list[str] = []
    if not combo.steps:
        found.append(f"combo {combo.name!r} has no models: add at least one")
    ids = [step.id for step in combo.steps]
    found.extend(
        f"step id {twice!r} is used twice" for twice in sorted({one for one in ids if ids.count(one) > 1})
    )
    known = {**others, combo.name: combo}
    for step in combo.steps:
        if isinstance(step, ComboStep) and step.combo not in known:
            found.append(f"step {step.id!r} names the combo {step.combo!r}, which does not exist")
    cycle = _cycle(combo.name, known, ())
    if cycle:
        found.append(f"combos refer to each other in a circle: {' -> '.join(cycle)}")
    else:
        found.extend(
            f"combo {name!r} nests {depth} deep; at most {MAX_DEPTH} are allowed"
            for name in (combo.name, *_above(combo.name, known))
            if (depth := _depth(name, known)) > MAX_DEPTH
        )
    found.extend(_tier_faults(combo, set(ids)))
    found.extend(actions.faults(combo.config.on))
    weights = combo.config.weights
    if weights is not None and abs((total := sum(weights.values())) - 1) > WEIGHTS_TOLERANCE:
        found.append(f"the weights of a score must sum to 1, and these sum to {total:.2f}")
    if combo.config.agent is not None and combo.config.agent.tool_filter is not None:
        found.extend(_filter_faults(combo.config.agent.tool_filter))
    return tuple(found)


def _above(name: str, known: Mapping[str, Combo]) -> list[str]:
    """The combos that refer to `name`, themselves or by others in between. Circles elsewhere are no concern."""
    found = [name]
    for below in found:
        found.extend(
            one.name
            for one in known.values()
            if one.name not in found
            and any(isinstance(step, ComboStep) and step.combo == below for step in one.steps)
            and not _cycle(one.name, known, ())
        )
    return found[1:]


def _cycle(name: str, known: Mapping[str, Combo], path: tuple[str, ...]) -> tuple[str, ...]:
    if name in path:
        return (*path[path.index(name) :], name)
    for step in known[name].steps if name in known else ():
        if isinstance(step, ComboStep):
            found = _cycle(step.combo, known, (*path, name))
            if found:
                return found
    return ()


def _depth(name: str, known: Mapping[str, Combo]) -> int:
    """1 for a combo of models. Called only where there is no circle."""
    nested = [step.combo for step in known[name].steps if isinstance(step, ComboStep)] if name in known else []
    return 1 + max((_depth(one, known) for one in nested), default=0)


def _filter_faults(pattern: str) -> list[str]:
    try:
        compiled(pattern)
    except BadPattern as error:
        return [f"the tool filter {pattern[:80]!r} cannot be used: {error}"]
    return []


def _tier_faults(combo: Combo, ids: set[str]) -> list[str]:
    config = combo.config
    found = [
        f"tier {name!r} names the step {tier.step_id!r}, which the combo does not have"
        for name, tier in config.tiers.items()
        if tier.step_id not in ids
    ]
    found.extend(
        f"tier {name!r} falls back to {tier.fallback!r}, which is no tier"
        for name, tier in config.tiers.items()
        if tier.fallback is not None and tier.fallback not in config.tiers
    )
    if config.default_tier is not None and config.default_tier not in config.tiers:
        found.append(f"the default tier {config.default_tier!r} is no tier")
    return found
