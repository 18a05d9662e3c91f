"""What limits accounts, providers and keys now: places, minutes, gaps, rests, limits that providers told; and the
limits of providers and of the line of those that wait, which are set here."""

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Annotated, Final, Literal

from pydantic import Field

from omniroute.access.rates import rate_limits as limits_of
from omniroute.accounts.bounds import bounds_of, own_bound
from omniroute.accounts.connection import Connection
from omniroute.accounts.connections import ConnectionChanges
from omniroute.accounts.provider_data import LONGEST_GAP_MS, MOST_PER_MINUTE
from omniroute.errors import InvalidRequest
from omniroute.management.router import ManagementRouter
from omniroute.management.services import Services
from omniroute.management.shapes import Body, CallerOf, Reply, ServicesOf, iso
from omniroute.routing.blocks import EVERY
from omniroute.routing.bounds import Bound, ProviderLimits
from omniroute.routing.candidate import Account
from omniroute.snapshot.limits import LimitsChange
from omniroute.storage.repos import keys as repo
from omniroute.telemetry.redact import redacted
from omniroute.traffic.buckets import Level, minutes
from omniroute.traffic.learned import LearnedLimit

router = ManagementRouter(auth="manage", prefix="/api/rate-limits", tag="limits")
configuration = ManagementRouter(auth="manage", prefix="/api/rate-limit", tag="limits")


_USUAL_TOKENS: Final = 500
"""Of the request whose wait is predicted."""

_PerMinute = Annotated[int, Field(ge=1, le=MOST_PER_MINUTE)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]


class LearnedShape(Reply):
    """`what` is `requests`, `tokens`, `input-tokens` or `output-tokens`; `remaining` is what is left by now."""

    what: str
    limit: float
    remaining: float
    reset_at: str | None
    source: Literal["headers"] = "headers"


class LimitLevel(Reply):
    """`window` is in seconds; `resetAt` is when it is whole again, null where nothing of it is used. `source` is
    who said so: the `operator`, or the `key`."""

    limit: int
    window: int
    unit: Literal["requests", "tokens"]
    remaining: float
    reset_at: str | None
    source: Literal["operator", "key"]


class ConnectionLimits(Reply):
    """`executing` requests are under way of at most `maxConcurrent`, `queued` ones wait for their turn. A
    connection that is `blockedUntil` then rests for `reason`. Without `maxConcurrent` nothing is counted here.
    `minute` is how its own limits of requests and tokens a minute stand; with `rateLimitProtection` there are
    some. `predictedWaitMs` is how long a usual request would have to wait for it now, by its limits and those of
    its provider; null where requests that are under way decide."""

    connection_id: str
    provider: str
    name: str
    active: bool
    max_concurrent: int | None
    executing: int
    queued: int
    limits: list[LearnedShape]
    rate_limit_protection: bool
    minute: list[LimitLevel]
    min_time_between_requests_ms: int | None
    predicted_wait_ms: int | None
    blocked_until: str | None
    reason: str | None


class ProviderShape(Reply):
    """The same of all accounts of a provider together, where an operator limits them."""

    provider: str
    concurrent_requests: int | None
    executing: int
    queued: int
    minute: list[LimitLevel]
    min_time_between_requests_ms: int | None


class Protection(Body):
    connection_id: Annotated[str, Field(min_length=1, max_length=128)]
    enabled: bool


class Protected(Reply):
    success: Literal[True] = True
    connection_id: str
    enabled: bool


class KeyLimits(Reply):
    key_id: str
    name: str
    max_sessions: int
    limits: list[LimitLevel]


class Overview(Reply):
    """`waiting` requests wait altogether; each counts as `queued` at every account that it could go to."""

    waiting: int
    executing: int
    queued: int
    blocked: int


class RateLimits(Reply):
    connections: list[ConnectionLimits]
    providers: list[ProviderShape]
    keys: list[KeyLimits]
    overview: Overview


class Defaults(Reply):
    """The line of those that wait for an account. Nothing else is limited unless somebody says so."""

    queue_length: int
    max_wait_ms: int


class OwnLimits(Reply):
    """Of all accounts of a provider together; null is not limited."""

    requests_per_minute: int | None
    tokens_per_minute: int | None
    concurrent_requests: int | None
    min_time_between_requests_ms: int | None


class DefaultsPatch(Body):
    """Of `maxWaitMs` 0 nobody waits."""

    queue_length: Annotated[int, Field(ge=0, le=200)] | None = None
    max_wait_ms: Annotated[int, Field(ge=0, le=24 * 3600 * 1000)] | None = None


class OwnLimitsPatch(Body):
    """What is left out stays as it is; null takes a limit away."""

    requests_per_minute: _PerMinute | None = None
    tokens_per_minute: _PerMinute | None = None
    concurrent_requests: Annotated[int, Field(ge=1, le=100_000)] | None = None
    min_time_between_requests_ms: Annotated[int, Field(ge=1, le=LONGEST_GAP_MS)] | None = None


class RateLimitPatch(Body):
    """`providers` are by id, alias or prefix; null takes away all limits of one."""

    defaults: DefaultsPatch | None = None
    providers: dict[_Name, OwnLimitsPatch | None] = {}


class RateLimitConfiguration(Reply):
    """`learnedLimits` are by `provider:connection`, `providers` by id."""

    defaults: Defaults
    providers: dict[str, OwnLimits]
    learned_limits: dict[str, list[LearnedShape]]
    per_key_defaults: list[LimitLevel]


@router.get("")
def rate_limits(services: ServicesOf) -> RateLimits:
    """How it stands at this moment."""
    snapshot = services.snapshot()
    connections = [_connection(services, one) for one in snapshot.by_id.values()]
    return RateLimits(
        connections=connections,
        providers=[_provider(services, limits.bound(name)) for name, limits in snapshot.limits.providers.items()],
        keys=_keys(services),
        overview=Overview(
            waiting=len(services.accounts.line),
            executing=sum(one.executing for one in connections),
            queued=sum(one.queued for one in connections),
            blocked=sum(one.reason is not None for one in connections),
        ),
    )


@router.post("")
def protect(body: Protection, services: ServicesOf, caller: CallerOf) -> Protected:
    """Holds a connection to its `requestsPerMinute` and `tokensPerMinute`, or to 100 requests where it has none of
    them; or no longer."""
    changes = ConnectionChanges(provider_data={"rateLimitProtection": body.enabled})
    services.connections.update(body.connection_id, changes, caller.actor, now=services.now_ms())
    return Protected(connection_id=body.connection_id, enabled=body.enabled)


@configuration.get("")
def rate_limit(services: ServicesOf) -> RateLimitConfiguration:
    """What limits there are by themselves, those of providers, and those that were learned from them."""
    accounts, limits = services.accounts, services.snapshot().limits
    learned = {
        f"{one.provider}:{one.id}": _learned(services, accounts.learned.limits(one.id, services.clock.monotonic()))
        for one in services.snapshot().by_id.values()
    }
    return RateLimitConfiguration(
        defaults=Defaults(queue_length=limits.queue.length, max_wait_ms=round(limits.queue.max_wait_s * 1000)),
        providers={
            name: OwnLimits(
                requests_per_minute=own.requests_per_minute,
                tokens_per_minute=own.tokens_per_minute,
                concurrent_requests=own.concurrent_requests,
                min_time_between_requests_ms=own.min_gap_ms,
            )
            for name, own in limits.providers.items()
        },
        learned_limits={name: told for name, told in learned.items() if told},
        per_key_defaults=[],
    )


@configuration.patch("")
def change_rate_limit(body: RateLimitPatch, services: ServicesOf, caller: CallerOf) -> RateLimitConfiguration:
    """Holds from the next attempt on. Who waits already waits as it was."""
    providers = services.snapshot().providers
    changes: dict[str, Mapping[str, int | None] | None] = {}
    for name, own in body.providers.items():
        provider = providers.get(name)
        if provider is None and not (own is None and name in services.snapshot().limits.providers):
            raise InvalidRequest(f"There is no provider with the id {name[:80]!r}.", code="unknown_provider")
        changes[name if provider is None else provider.id] = None if own is None else _own(own)
    queue: dict[str, int | float] = {}
    if body.defaults is not None and body.defaults.queue_length is not None:
        queue["length"] = body.defaults.queue_length
    if body.defaults is not None and body.defaults.max_wait_ms is not None:
        queue["max_wait_s"] = body.defaults.max_wait_ms / 1000
    if not changes and not queue:
        raise InvalidRequest("Nothing to change was given.", code="nothing_to_update")
    change = LimitsChange(providers=changes, queue=queue)
    services.limiting.change(change, caller.actor, now=services.now_ms())
    return rate_limit(services)


def _own(body: OwnLimitsPatch) -> Mapping[str, int | None]:
    names = {name: name for name in ProviderLimits.__struct_fields__}
    names["min_gap_ms"] = "min_time_between_requests_ms"
    return {ours: getattr(body, theirs) for ours, theirs in names.items() if theirs in body.model_fields_set}


def _connection(services: Services, connection: Connection) -> ConnectionLimits:
    now = services.clock.monotonic()
    accounts = services.accounts
    held = [
        block
        for scope, block in services.resting.current(now)
        if scope.connection == connection.id and scope.model == EVERY and block.version == connection.version
    ]
    block = held[0] if held else None
    own = own_bound(connection)
    bounds = bounds_of(connection, services.snapshot().limits.providers.get(connection.provider))
    wait_s: float | None = 0.0
    if bounds:
        account = Account(id=connection.id, provider=connection.provider, bounds=bounds)
        wait_s = accounts.line.outlook_s(account, _USUAL_TOKENS)
    return ConnectionLimits(
        connection_id=connection.id,
        provider=connection.provider,
        name=connection.name,
        active=connection.active,
        max_concurrent=connection.max_concurrent,
        executing=accounts.line.gate.permits.held(connection.id),
        queued=accounts.line.waiting(connection.id),
        limits=_learned(services, accounts.learned.limits(connection.id, now)),
        rate_limit_protection=bool(own.per_minute),
        minute=_minute(services, own),
        min_time_between_requests_ms=_gap_ms(own),
        predicted_wait_ms=None if wait_s is None else round(wait_s * 1000),
        blocked_until=_at(services, block.until) if block is not None and isfinite(block.until) else None,
        reason=redacted(block.failure.message) if block is not None else None,
    )


def _provider(services: Services, bound: Bound) -> ProviderShape:
    line = services.accounts.line
    return ProviderShape(
        provider=bound.name,
        concurrent_requests=bound.places,
        executing=line.gate.permits.held(bound.id),
        queued=line.waiting(bound.id),
        minute=_minute(services, bound),
        min_time_between_requests_ms=_gap_ms(bound),
    )


def _minute(services: Services, bound: Bound) -> list[LimitLevel]:
    meters, now = services.accounts.line.gate.meters, services.clock.monotonic()
    return _levels(services, meters.levels(bound.id, minutes(bound.per_minute), now), "operator")


def _gap_ms(bound: Bound) -> int | None:
    return round(bound.gap_s * 1000) or None


def _keys(services: Services) -> list[KeyLimits]:
    now = services.clock.monotonic()
    return [
        KeyLimits(
            key_id=row.id,
            name=row.name,
            max_sessions=row.max_sessions,
            limits=_levels(
                services, services.allowance.buckets.levels(row.id, limits_of(row.rate_limits), now), "key"
            ),
        )
        for row in services.database.read(repo.every)
        if row.rate_limits or row.max_sessions
    ]


def _levels(services: Services, levels: Iterable[Level], source: Literal["operator", "key"]) -> list[LimitLevel]:
    now = services.clock.monotonic()
    return [
        LimitLevel(
            limit=level.limit.limit,
            window=level.limit.window_s,
            unit=level.limit.unit,
            remaining=level.remaining,
            reset_at=_at(services, now + level.whole_in_s) if level.whole_in_s else None,
            source=source,
        )
        for level in levels
    ]


def _learned(services: Services, limits: Iterable[LearnedLimit]) -> list[LearnedShape]:
    now = services.clock.monotonic()
    return [
        LearnedShape(
            what=one.what,
            limit=one.limit,
            remaining=one.left(now),
            reset_at=_at(services, one.reset_at) if one.reset_at > now else None,
        )
        for one in limits
    ]


def _at(services: Services, monotonic_s: float) -> str | None:
    return iso(round((services.clock.now() + monotonic_s - services.clock.monotonic()) * 1000))
