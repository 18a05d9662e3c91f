"""Who is blocked and whose breakers are open, in the shape in which the API shows them."""

from math import isfinite
from typing import Final, Literal, TypeAlias

from omniroute.management.services import Services
from omniroute.management.shapes import Reply, iso
from omniroute.routing.blocks import EVERY, Block, Scope
from omniroute.routing.classify import ErrorClass
from omniroute.routing.health import health
from omniroute.routing.standing import Health
from omniroute.telemetry.redact import redacted

BreakerState: TypeAlias = Literal["OPEN", "HALF_OPEN", "CLOSED"]

_STATES: Final[dict[Health, BreakerState]] = {"open": "OPEN", "half-open": "HALF_OPEN", "closed": "CLOSED"}


class Held(Reply):
    """A block. `connectionId` and `model` are `*` where all are meant; `remainingMs` and `until` are null until
    somebody sees to it (`terminal`); `source` is who said how long: `provider`, `ladder` or `rule`."""

    provider: str
    connection_id: str
    connection_name: str | None
    model: str
    reason: ErrorClass
    message: str
    source: str
    terminal: bool
    failure_count: int
    unavailable_since: str | None
    until: str | None
    remaining_ms: int | None


class Breaker(Reply):
    """Of a model at a provider. `failureCount` is that of failures in a row, or of openings once it is open."""

    name: str
    provider: str
    model: str
    state: BreakerState
    failure_count: int
    last_failure_time: str | None
    retry_after_ms: int


def held(services: Services) -> list[Held]:
    """The blocks that hold somebody now. An edit has ended those of its connection."""
    now = services.clock.monotonic()
    by_id = services.snapshot().by_id
    found: list[Held] = []
    for scope, block in services.resting.current(now):
        connection = by_id.get(scope.connection)
        if scope.connection != EVERY and (connection is None or connection.version != block.version):
            continue
        found.append(_held(services, scope, block, None if connection is None else connection.name, now))
    return found


def breakers(services: Services) -> list[Breaker]:
    """Of all targets that were asked lately, by name."""
    now = services.clock.monotonic()
    found: list[Breaker] = []
    for provider, model, condition in services.pulse.conditions():
        open_until = condition.open_until
        left_s = 0.0 if open_until is None else max(0.0, open_until - now)
        found.append(
            Breaker(
                name=f"{provider}/{model}",
                provider=provider,
                model=model,
                state=_STATES[health(condition, now)],
                failure_count=condition.in_a_row if open_until is None else condition.ejections,
                last_failure_time=moment(services, condition.row_began) if condition.in_a_row else None,
                retry_after_ms=round(left_s * 1000),
            )
        )
    return sorted(found, key=lambda one: one.name)


def moment(services: Services, monotonic_s: float) -> str | None:
    """A point of the monotonic clock, as people read it."""
    return iso(round((services.clock.now() + monotonic_s - services.clock.monotonic()) * 1000))


def _held(services: Services, scope: Scope, block: Block, name: str | None, now: float) -> Held:
    ends = isfinite(block.until)
    return Held(
        provider=scope.provider,
        connection_id=scope.connection,
        connection_name=name,
        model=scope.model,
        reason=block.error,
        message=redacted(block.failure.message),
        source=block.source,
        terminal=block.terminal,
        failure_count=max(1, block.level),
        unavailable_since=moment(services, block.since),
        until=moment(services, block.until) if ends else None,
        remaining_ms=round((block.until - now) * 1000) if ends else None,
    )
