"""How long requests took lately."""

from typing import Annotated, Final

from fastapi import Query

from omniroute.errors import InvalidRequest
from omniroute.management.router import ManagementRouter
from omniroute.management.shapes import Reply, ServicesOf
from omniroute.telemetry.latency import Phase, Quantiles

router = ManagementRouter(auth="manage", prefix="/api/telemetry", tag="telemetry")

_SHORTEST_MS: Final = 1000
_LONGEST_MS: Final = 7 * 24 * 3600 * 1000
_PHASES: Final[dict[Phase, str]] = {"gateway": "gateway", "first_event": "firstEvent", "total": "total"}


class QuantilesShape(Reply):
    """Milliseconds, each right to a sixteenth."""

    count: int
    avg: int
    p50: int
    p95: int
    p99: int


class Summary(QuantilesShape):
    """Of all requests that were answered; `providers` are by id. `gateway` is the gateway's own share of the
    time to the `firstEvent`."""

    window_ms: int
    phase_breakdown: dict[str, QuantilesShape]
    providers: dict[str, QuantilesShape]
    total_requests: int
    active_connections: int
    error_rate: float
    uptime: float


@router.get("/summary")
def summary(services: ServicesOf, window_ms: Annotated[int, Query(alias="windowMs")] = 300_000) -> Summary:
    """Of the last five minutes, or of `windowMs` from a second to seven days. The window is widened to whole
    minutes, above an hour to whole hours. `totalRequests` and `errorRate` are since the start."""
    if not _SHORTEST_MS <= window_ms <= _LONGEST_MS:
        raise InvalidRequest(
            f"windowMs = {window_ms} is not between {_SHORTEST_MS} (a second) and {_LONGEST_MS} (seven days).",
            code="bad_window",
        )
    now = services.clock.monotonic()
    found = services.counters.latency.of(window_ms / 1000, now)
    together = found.pop("")
    outcomes = services.counters.requests
    total = outcomes.total()
    failed = sum(count for (_, _, outcome), count in outcomes.items() if outcome not in ("ok", "cancelled"))
    return Summary(
        **_shape(together["total"]).model_dump(),
        window_ms=window_ms,
        phase_breakdown={name: _shape(together[phase]) for phase, name in _PHASES.items()},
        providers={provider: _shape(phases["total"]) for provider, phases in found.items()},
        total_requests=total,
        active_connections=services.counters.active,
        error_rate=failed / total if total else 0.0,
        uptime=now - services.started,
    )


def _shape(found: Quantiles) -> QuantilesShape:
    return QuantilesShape(count=found.count, avg=found.avg, p50=found.p50, p95=found.p95, p99=found.p99)
