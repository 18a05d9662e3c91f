"""Which models cannot be had now, why, and until when; and lifting what stands in the way."""

from collections.abc import Iterable
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from omniroute.access.actor import Actor, record
from omniroute.errors import InvalidRequest
from omniroute.management.held import Held, held
from omniroute.management.router import ManagementRouter
from omniroute.management.services import Services
from omniroute.management.shapes import Body, CallerOf, Reply, ServicesOf
from omniroute.routing.blocks import EVERY, Block, Scope, active_block
from omniroute.routing.candidate import Candidate

router = ManagementRouter(auth="manage", prefix="/api/models/availability", tag="models")

_Name = Annotated[str, Field(min_length=1, max_length=300)]


class ProviderAvailability(Reply):
    """`available` while any of its `connections` may be asked; else `reason` is that of the first to come back,
    which is in `remainingMs`, null for one that somebody must see to."""

    provider: str
    connections: int
    available: bool
    reason: str | None
    remaining_ms: int | None


class Availability(Reply):
    unavailable_count: int
    models: list[Held]
    providers: list[ProviderAvailability]


class AvailabilityRequest(Body):
    """A `model` alone asks whether it can be had. With `action`, or with a provider, blocks are lifted: those of
    the provider, the model and the connection that are named."""

    action: Literal["clear", "clearCooldown"] | None = None
    model: _Name | None = None
    provider: _Name | None = None
    connection_id: _Name | None = None


class ModelAvailability(Reply):
    model: str
    available: bool
    providers: list[ProviderAvailability]


class Lifted(Reply):
    success: bool = True
    ok: bool = True
    removed: bool
    count: int


@router.get("")
def availability(services: ServicesOf) -> Availability:
    """Every block that holds a model, an account or a provider now."""
    blocks = held(services)
    return Availability(
        unavailable_count=len(blocks),
        models=blocks,
        providers=[
            _of_provider(services, provider, [one for one in blocks if one.provider == provider])
            for provider, connections in sorted(services.snapshot().connections.items())
            if any(one.active for one in connections)
        ],
    )


@router.post("")
async def check_or_lift(
    body: AvailabilityRequest, services: ServicesOf, caller: CallerOf
) -> ModelAvailability | Lifted:
    """Asks for one model, or lifts."""
    if body.action is None and body.provider is None and body.connection_id is None:
        if body.model is None:
            raise InvalidRequest("Name a model to ask for, or what to lift.", code="model_missing")
        return _checked(services, body.model)
    return await _lifted(services, caller.actor, body.provider, body.model, body.connection_id)


@router.delete("")
async def lift(
    services: ServicesOf,
    caller: CallerOf,
    provider: Annotated[_Name | None, Query()] = None,
    model: Annotated[_Name | None, Query()] = None,
    connection_id: Annotated[_Name | None, Query(alias="connectionId")] = None,
) -> Lifted:
    """Lifts the blocks of the provider, the model and the connection that are named, which is at least one."""
    if provider is None and model is None and connection_id is None:
        raise InvalidRequest(
            "Name a provider, a model or a connectionId; POST /api/resilience/reset lifts everything.",
            code="nothing_to_lift",
        )
    return await _lifted(services, caller.actor, provider, model, connection_id)


async def _lifted(
    services: Services, actor: Actor, provider: str | None, model: str | None, connection_id: str | None
) -> Lifted:
    named = services.snapshot().providers
    prefix, slash, bare = (model or "").partition("/")
    if provider is None and slash and prefix in named:
        provider, model = prefix, bare
    row = None if provider is None else named.get(provider)
    wanted = provider if row is None else row.id
    # What holds all models of a named provider holds this one, too; of unnamed ones only the model is meant.
    models = (model,) if wanted is None else (model, EVERY)

    def chosen(scope: Scope, block: Block) -> bool:
        return (
            (wanted is None or scope.provider == wanted)
            and (connection_id is None or scope.connection == connection_id)
            and (model is None or scope.model in models)
        )

    scopes = services.resting.lift(chosen)
    at = services.now_ms()
    detail = {"blocks": [f"{one.provider}:{one.connection}:{one.model}" for one in scopes[:100]]}
    await services.writer.awrite_quietly(
        lambda transaction: record(transaction, actor, at=at, action="resilience.lift", detail=detail)
    )
    return Lifted(removed=bool(scopes), count=len(scopes))


def _checked(services: Services, model: str) -> ModelAvailability:
    candidates = services.serving(model)
    by_provider: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        by_provider.setdefault(candidate.target.provider, []).append(candidate)
    found = [_of_candidates(services, provider, members) for provider, members in by_provider.items()]
    return ModelAvailability(model=model, available=any(one.available for one in found), providers=found)


def _of_candidates(services: Services, provider: str, members: Iterable[Candidate]) -> ProviderAvailability:
    now = services.clock.monotonic()
    blocks = [active_block(services.resting.view, candidate, now) for candidate in members]
    free = any(block is None for block in blocks)
    first = None if free else min((one for one in blocks if one is not None), key=lambda one: one.open_at)
    left_s = None if first is None or first.open_at == float("inf") else first.open_at - now
    return ProviderAvailability(
        provider=provider,
        connections=len(blocks),
        available=free,
        reason=None if first is None else first.error,
        remaining_ms=(0 if free else None) if left_s is None else round(left_s * 1000),
    )


def _of_provider(services: Services, provider: str, blocks: list[Held]) -> ProviderAvailability:
    active = {one.id for one in services.snapshot().connections[provider] if one.active}
    whole = [one for one in blocks if one.model == EVERY]
    stopped = {one.connection_id: one for one in whole}
    free = EVERY not in stopped and bool(active - stopped.keys())
    first = min(whole, key=lambda one: (one.remaining_ms is None, one.remaining_ms or 0)) if not free else None
    return ProviderAvailability(
        provider=provider,
        connections=len(active),
        available=free,
        reason=None if first is None else first.reason,
        remaining_ms=0 if first is None else first.remaining_ms,
    )
