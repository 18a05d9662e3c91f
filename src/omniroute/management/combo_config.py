"""The configuration of a combo as the API says it, and as it is stored."""

from typing import Annotated, Literal

from pydantic import Field

from omniroute.ir.json import JsonObject
from omniroute.ir.timeouts import MOST_MS, TimeoutName, milliseconds, timeouts_of
from omniroute.management.combo_names import provider_ids, summary_model
from omniroute.management.services import Services
from omniroute.management.shapes import Body
from omniroute.routing.actions import Action
from omniroute.routing.classify import ErrorClass
from omniroute.routing.combo import ComboConfig, HandoffRule, Tier

_Text = Annotated[str, Field(min_length=1, max_length=200)]
_Share = Annotated[float, Field(ge=0, le=1)]

_WEIGHTS = {
    "quota": "quota",
    "health": "health",
    "cost_inv": "cost",
    "latency_inv": "latency",
    "task_fit": "task",
    "stability": "stability",
}
"""The API's names of the factors of a score, and ours."""
_OPEN = {"nested_combo_mode": "nested", "context_mode": "context_mode", "candidate_pool": "candidate_pool"}
"""Members that a combo may want to be as usual although the defaults for all say otherwise."""


class TierBody(Body):
    step_id: _Text
    fallback_tier: _Text | None = None


class TiersBody(Body):
    default_tier: _Text
    tiers: Annotated[dict[_Text, TierBody], Field(max_length=50)]


class WeightsBody(Body):
    """Must sum to 1, within 0.01."""

    quota: _Share = 0.0
    health: _Share = 0.0
    cost_inv: _Share = 0.0
    latency_inv: _Share = 0.0
    task_fit: _Share = 0.0
    stability: _Share = 0.0


class ConfigBody(Body):
    max_attempts: Annotated[int, Field(ge=1, le=30)] | None = None
    nested_combo_mode: Literal["execute", "flatten"] = "execute"
    context_mode: Literal["largest", "fit"] = "largest"
    mode_pack: Literal["ship-fast", "cost-saver", "quality-first", "offline-friendly"] | None = None
    weights: WeightsBody | None = None
    exploration_rate: _Share | None = None
    budget_cap: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    candidate_pool: Annotated[list[_Text], Field(max_length=100)] = []
    composite_tiers: TiersBody | None = None
    on: dict[ErrorClass, Action] = {}
    timeouts: dict[TimeoutName, Annotated[int, Field(ge=0, le=MOST_MS)]] = {}
    handoff_threshold: Annotated[float, Field(ge=0.5, le=0.94)] | None = None
    handoff_model: Annotated[str, Field(max_length=200)] | None = None
    handoff_providers: Annotated[list[_Text], Field(max_length=10)] = []
    max_messages_for_summary: Annotated[int, Field(ge=5, le=100)] | None = None


def config_of(services: Services, given: ConfigBody | None) -> ComboConfig:
    """What a body says. Raises `InvalidRequest` for names that mean nothing."""
    if given is None:
        return ComboConfig()
    tiers = given.composite_tiers
    weights = given.weights
    return ComboConfig(
        max_attempts=given.max_attempts,
        nested=given.nested_combo_mode,
        context_mode=given.context_mode,
        mode_pack=given.mode_pack,
        weights=None
        if weights is None
        else {ours: value for theirs, ours in _WEIGHTS.items() if (value := getattr(weights, theirs))},
        exploration=given.exploration_rate,
        budget_cap_usd=given.budget_cap,
        candidate_pool=provider_ids(services, "candidatePool", given.candidate_pool),
        on=given.on,
        own=tuple(
            ours
            for theirs, ours in _OPEN.items()
            if theirs in given.model_fields_set
            and getattr(given, theirs) == ConfigBody.model_fields[theirs].default
        ),
        timeouts=timeouts_of({str(name): ms for name, ms in given.timeouts.items()}),
        handoff=_handoff(services, given),
        default_tier=None if tiers is None else tiers.default_tier,
        tiers={}
        if tiers is None
        else {name: Tier(step_id=tier.step_id, fallback=tier.fallback_tier) for name, tier in tiers.tiers.items()},
    )


def _handoff(services: Services, given: ConfigBody) -> HandoffRule:
    usual = HandoffRule()
    return HandoffRule(
        threshold=usual.threshold if given.handoff_threshold is None else given.handoff_threshold,
        model=summary_model(services, given.handoff_model),
        providers=provider_ids(services, "handoffProviders", given.handoff_providers),
        max_messages=given.max_messages_for_summary or usual.max_messages,
    )


def config_shape(config: ComboConfig) -> JsonObject:
    """Only what differs from the defaults, as it can be sent again."""
    shape: JsonObject = {
        "maxAttempts": config.max_attempts,
        "nestedComboMode": config.nested if config.nested != "execute" or "nested" in config.own else None,
        "contextMode": config.context_mode
        if config.context_mode != "largest" or "context_mode" in config.own
        else None,
        "modePack": config.mode_pack,
        "explorationRate": config.exploration,
        "budgetCap": config.budget_cap_usd,
        "candidatePool": list(config.candidate_pool)
        if config.candidate_pool or "candidate_pool" in config.own
        else None,
        "on": dict(config.on) or None,
        "timeouts": None if config.timeouts is None else dict(milliseconds(config.timeouts)),
        "handoffModel": config.handoff.model,
        "handoffProviders": list(config.handoff.providers) or None,
    }
    usual = HandoffRule()
    if config.handoff.threshold != usual.threshold:
        shape["handoffThreshold"] = config.handoff.threshold
    if config.handoff.max_messages != usual.max_messages:
        shape["maxMessagesForSummary"] = config.handoff.max_messages
    if config.weights is not None:
        shape["weights"] = {
            _camel(theirs): config.weights[ours] for theirs, ours in _WEIGHTS.items() if ours in config.weights
        }
    if config.default_tier is not None:
        shape["compositeTiers"] = {
            "defaultTier": config.default_tier,
            "tiers": {
                name: {"stepId": tier.step_id, "fallbackTier": tier.fallback}
                for name, tier in config.tiers.items()
            },
        }
    return {name: value for name, value in shape.items() if value is not None}


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
