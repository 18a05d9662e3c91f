"""How the accounts of a provider are chosen: the settings of routing."""

from typing import Annotated

from pydantic import Field

from omniroute.errors import InvalidRequest
from omniroute.management.router import ManagementRouter
from omniroute.management.shapes import Body, CallerOf, Reply, ServicesOf
from omniroute.routing.selection.rules import (
    ACCOUNT_STRATEGIES,
    AccountStrategy,
    Affinity,
    OwnRule,
    Selection,
    account_strategy_named,
)
from omniroute.snapshot.selection import SelectionChange

router = ManagementRouter(auth="manage", prefix="/api/settings/routing", tag="settings")

_Sticky = Annotated[int, Field(ge=1, le=1000)]
_Strategy = Annotated[str, Field(min_length=1, max_length=40)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]


class RuleBody(Body):
    """What is left out stays as it is; in a provider's own rule it is as for all."""

    fallback_strategy: _Strategy | None = None
    sticky_round_robin_limit: _Sticky | None = None
    affinity: Affinity | None = None


class RoutingChange(RuleBody):
    """`providers` are by id, alias or prefix, and answered by id; each that is named gets this rule, and null
    takes its own rule away."""

    providers: dict[_Name, RuleBody | None] = {}
    tag_routing_strict: bool | None = None


class OwnRuleShape(Reply):
    fallback_strategy: AccountStrategy | None
    sticky_round_robin_limit: int | None
    affinity: Affinity | None


class RoutingShape(Reply):
    fallback_strategy: AccountStrategy
    sticky_round_robin_limit: int
    affinity: Affinity
    providers: dict[str, OwnRuleShape]
    tag_routing_strict: bool
    strategies: list[AccountStrategy]


@router.get("")
def routing(services: ServicesOf) -> RoutingShape:
    return _shape(services.snapshot().selection)


@router.patch("")
@router.put("")
def change_routing(body: RoutingChange, services: ServicesOf, caller: CallerOf) -> RoutingShape:
    """Holds from the next request on."""
    snapshot = services.snapshot()
    known = {provider.id for provider in snapshot.providers.values()}
    change = SelectionChange(
        usual=_own(body),
        providers={
            row.id if (row := snapshot.providers.get(name)) is not None else name: None
            if own is None
            else _own(own)
            for name, own in body.providers.items()
        },
        strict_tags=body.tag_routing_strict,
    )
    return _shape(services.selecting.change(change, known, caller.actor, now=services.now_ms()))


def _own(body: RuleBody) -> OwnRule:
    strategy = None
    if body.fallback_strategy is not None:
        strategy = account_strategy_named(body.fallback_strategy)
        if strategy is None:
            raise InvalidRequest(
                f"There is no account strategy {body.fallback_strategy!r}; there are"
                f" {', '.join(ACCOUNT_STRATEGIES)}.",
                code="unknown_strategy",
            )
    return OwnRule(strategy=strategy, sticky=body.sticky_round_robin_limit, affinity=body.affinity)


def _shape(selection: Selection) -> RoutingShape:
    usual = selection.usual
    return RoutingShape(
        fallback_strategy=usual.strategy,
        sticky_round_robin_limit=usual.sticky,
        affinity=usual.affinity,
        providers={
            name: OwnRuleShape(
                fallback_strategy=own.strategy, sticky_round_robin_limit=own.sticky, affinity=own.affinity
            )
            for name, own in selection.providers.items()
        },
        tag_routing_strict=selection.strict_tags,
        strategies=list(ACCOUNT_STRATEGIES),
    )
