"""What limits accounts and keys now: places, rests, limits that providers told, and the limits of keys."""

from collections.abc import Iterable
from math import isfinite
from typing import Annotated, Literal

from pydantic import Field

from omniroute.access.rates import rate_limits as limits_of
from omniroute.accounts.connection import Connection
from omniroute.accounts.connections import ConnectionChanges
from omniroute.accounts.provider_data import per_minute
from omniroute.management.router import ManagementRouter
from omniroute.management.services import Services
from omniroute.management.shapes import Body, CallerOf, Reply, ServicesOf, iso
from omniroute.routing.blocks import EVERY
from omniroute.storage.repos import keys as repo
from omniroute.telemetry.redact import redacted
from omniroute.traffic.buckets import Level, minutes
from omniroute.traffic.learned import LearnedLimit

router = ManagementRouter(auth="manage", prefix="/api/rate-limits", tag="limits")
configuration = ManagementRouter(auth="manage", prefix="/api/rate-limit", tag="limits")


class LearnedShape(Reply):
    """`what` is `requests`, `tokens`, `input-tokens` or `output-tokens`; `remaining` is what is left by now."""

    what: str
    limit: float
    remaining: float
    reset_at: str | None
    source: Literal["headers"] = "headers"


class LimitLevel(Reply):
    """`window` is in seconds; `resetAt` is when it is whole again, null where nothing of it is used."""

    limit: int
    window: int
    unit: Literal["requests", "tokens"]
    remaining: float
    reset_at: str | None


class ConnectionLimits(Reply):
    """`executing` requests are under way of at most `maxConcurrent`, `queued` ones wait for a place. A connection
    that is `blockedUntil` then rests for `reason`. Without `maxConcurrent` nothing is counted here. `minute` is
    how its own limits of requests and tokens a minute stand; with `rateLimitProtection` there are some."""

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
    blocked_until: str | None
    reason: str | None


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
    executing: int
    queued: int
    blocked: int


class RateLimits(Reply):
    connections: list[ConnectionLimits]
    keys: list[KeyLimits]
    overview: Overview


class Defaults(Reply):
    """The queue before accounts that are full. Nothing else is limited unless somebody says so."""

    queue_length: int
    max_wait_ms: int


class RateLimitConfiguration(Reply):
    """`learnedLimits` are by `provider:connection`."""

    defaults: Defaults
    learned_limits: dict[str, list[LearnedShape]]
    per_key_defaults: list[LimitLevel]


@router.get("")
def rate_limits(services: ServicesOf) -> RateLimits:
    """How it stands at this moment."""
    connections = [_connection(services, one) for one in services.snapshot().by_id.values()]
    return RateLimits(
        connections=connections,
        keys=_keys(services),
        overview=Overview(
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
    """What limits there are by themselves, and those that were learned from providers."""
    accounts = services.accounts
    learned = {
        f"{one.provider}:{one.id}": _learned(services, accounts.learned.limits(one.id, services.clock.monotonic()))
        for one in services.snapshot().by_id.values()
    }
    return RateLimitConfiguration(
        defaults=Defaults(
            queue_length=accounts.permits.most_waiting, max_wait_ms=round(accounts.permits.patience_s * 1000)
        ),
        learned_limits={name: limits for name, limits in learned.items() if limits},
        per_key_defaults=[],
    )


def _connection(services: Services, connection: Connection) -> ConnectionLimits:
    now = services.clock.monotonic()
    accounts = services.accounts
    held = [
        block
        for scope, block in services.resting.current(now)
        if scope.connection == connection.id and scope.model == EVERY and block.version == connection.version
    ]
    block = held[0] if held else None
    given = per_minute(connection.parameters)
    return ConnectionLimits(
        connection_id=connection.id,
        provider=connection.provider,
        name=connection.name,
        active=connection.active,
        max_concurrent=connection.max_concurrent,
        executing=accounts.permits.held(connection.id),
        queued=accounts.permits.waiting(connection.id),
        limits=_learned(services, accounts.learned.limits(connection.id, now)),
        rate_limit_protection=bool(given),
        minute=_levels(services, accounts.meters.levels(connection.id, minutes(given), now)),
        blocked_until=_at(services, block.until) if block is not None and isfinite(block.until) else None,
        reason=redacted(block.failure.message) if block is not None else None,
    )


def _keys(services: Services) -> list[KeyLimits]:
    now = services.clock.monotonic()
    return [
        KeyLimits(
            key_id=row.id,
            name=row.name,
            max_sessions=row.max_sessions,
            limits=_levels(services, services.allowance.buckets.levels(row.id, limits_of(row.rate_limits), now)),
        )
        for row in services.database.read(repo.every)
        if row.rate_limits or row.max_sessions
    ]


def _levels(services: Services, levels: Iterable[Level]) -> list[LimitLevel]:
    now = services.clock.monotonic()
    return [
        LimitLevel(
            limit=level.limit.limit,
            window=level.limit.window_s,
            unit=level.limit.unit,
            remaining=level.remaining,
            reset_at=_at(services, now + level.whole_in_s) if level.whole_in_s else None,
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
