"""How the gateway is, and what this API is."""

from typing import Any, Final

from fastapi import Request

from omniroute.access.actor import record
from omniroute.management.health import health_body
from omniroute.management.held import Breaker, BreakerState, Held, breakers, held
from omniroute.management.openapi import document
from omniroute.management.router import ManagementRouter
from omniroute.management.shapes import CallerOf, Reply, ServicesOf

_WORST: Final[tuple[BreakerState, ...]] = ("OPEN", "HALF_OPEN", "CLOSED")

public = ManagementRouter(auth="public", prefix="/api", tag="monitoring")
router = ManagementRouter(auth="manage", prefix="/api", tag="monitoring")


class ProviderSummary(Reply):
    catalog_count: int
    configured_count: int
    active_count: int
    monitored_count: int


class MemoryUsage(Reply):
    rss: int | None


class System(Reply):
    version: str
    runtime_version: str
    platform: str
    pid: int
    uptime: float
    memory_usage: MemoryUsage


class Load(Reply):
    """`shed` counts the requests that were sent away because `limit` were under way."""

    in_flight: int
    limit: int
    shed: int


class ProviderHealth(Reply):
    """How the worst of a provider's models is; `lastFailure` is when its breaker opened."""

    state: BreakerState
    failures: int
    last_failure: str | None
    retry_after_ms: int


class CircuitBreakers(Reply):
    open: int
    half_open: int
    closed: int
    total: int


class ResetBreakers(Reply):
    success: bool = True
    message: str
    reset_count: int


class Cryptography(Reply):
    status: str
    provider: str


class Health(Reply):
    """Without a management credential only the first five members are there. `reason` says why the status is
    `degraded`."""

    status: str
    reason: str | None = None
    version: str
    uptime: float
    provider_summary: ProviderSummary | None = None
    timestamp: str | None = None
    setup_complete: bool | None = None
    revision: int | None = None
    node_count: int | None = None
    system: System | None = None
    load: Load | None = None
    cryptography: Cryptography | None = None
    provider_health: dict[str, ProviderHealth] | None = None
    circuit_breakers: CircuitBreakers | None = None
    lockouts: list[Held] | None = None


@public.get("/monitoring/health", response_model_exclude_none=True)
def health(services: ServicesOf, caller: CallerOf) -> Health:
    """`healthy`, or `degraded` while something needs the operator and requests are served all the same."""
    full = caller.kind != "anonymous"
    found = Health.model_validate(health_body(services, full=full))
    if full:
        known = breakers(services)
        states = [one.state for one in known]
        found.provider_health = _by_provider(known)
        found.circuit_breakers = CircuitBreakers(
            open=states.count("OPEN"),
            half_open=states.count("HALF_OPEN"),
            closed=states.count("CLOSED"),
            total=len(states),
        )
        found.lockouts = held(services)
        if found.provider_summary is not None:
            found.provider_summary.monitored_count = len(found.provider_health)
    return found


@router.delete("/monitoring/health")
async def reset_health(services: ServicesOf, caller: CallerOf) -> ResetBreakers:
    """Closes every breaker. What rests goes on resting."""
    count = services.pulse.reset()
    at = services.now_ms()
    await services.writer.awrite_quietly(
        lambda connection: record(
            connection, caller.actor, at=at, action="resilience.reset", detail={"breakers": count}
        )
    )
    return ResetBreakers(message=f"Reset {count} circuit breaker(s)", reset_count=count)


def _by_provider(known: list[Breaker]) -> dict[str, ProviderHealth]:
    found: dict[str, ProviderHealth] = {}
    for one in sorted(known, key=lambda breaker: _WORST.index(breaker.state)):
        found.setdefault(
            one.provider,
            ProviderHealth(
                state=one.state,
                failures=one.failure_count,
                last_failure=one.last_failure_time,
                retry_after_ms=one.retry_after_ms,
            ),
        )
    return dict(sorted(found.items()))


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> dict[str, Any]:
    """The description of this API."""
    return document(request.app)
