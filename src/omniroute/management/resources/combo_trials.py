"""Combos tried out, and what became of the requests to them."""

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from omniroute.errors import GatewayError, InvalidRequest
from omniroute.management.router import ManagementRouter
from omniroute.management.shapes import Body, Reply, ServicesOf, iso
from omniroute.pipeline.combo_trial import StepTrial
from omniroute.routing.classify import ErrorClass
from omniroute.routing.combo import Combo, StrategyName
from omniroute.telemetry.redact import redacted
from omniroute.traffic.combo_metrics import ComboTally, StepTally

router = ManagementRouter(auth="manage", prefix="/api/combos", tag="combos")

_Name = Annotated[str, Field(min_length=1, max_length=100)]


class Which(Body):
    combo_name: _Name


class StepResult(Reply):
    """`statusCode` and `errorClass` say what came of it, `requestId` leads to its trace and its row in the log,
    which has the key id `combo-test`. A step that could not be asked at all has neither model nor account."""

    step_id: str
    execution_key: str
    provider: str | None
    model: str | None
    connection_id: str | None
    status: Literal["ok", "error"]
    status_code: int | None
    error_class: ErrorClass | None
    error: str | None
    latency_ms: int
    response_text: str | None
    request_id: str | None


class Tested(Reply):
    """`resolvedBy` is the model of the first step that answered."""

    combo_name: str
    strategy: StrategyName
    resolved_by: str | None
    resolved_by_execution_key: str | None
    results: list[StepResult]
    tested_at: str


class StepMetrics(Reply):
    """Attempts at one target; `avgLatencyMs` is the wait of the successes for a first event."""

    execution_key: str
    provider: str
    model: str
    requests: int
    successes: int
    failures: int
    success_rate: float | None
    avg_latency_ms: int | None
    last_status: int
    last_used_at: str | None


class Metrics(Reply):
    """Requests of clients, however many attempts each took. `fallbacks` are the attempts after the first ones,
    `fallbackRate` is how many there were per request; a request whose client left is no success and no failure."""

    combo_name: str
    strategy: StrategyName
    requests: int
    successes: int
    failures: int
    success_rate: float | None
    avg_latency_ms: int | None
    fallbacks: int
    fallback_rate: float
    last_used_at: str | None
    steps: list[StepMetrics]


class MetricsList(Reply):
    """Since the process started, or since they were last taken back."""

    combos: list[Metrics]


class Success(Reply):
    success: bool = True


@router.post("/test")
async def try_combo(body: Which, services: ServicesOf) -> Tested:
    """Sends a tiny request to every step at once, 20 seconds each. It costs what such a request costs."""
    combo = _known(services.snapshot().combos.get(body.combo_name), body.combo_name)
    if not combo.steps:
        raise InvalidRequest(f"The combo {combo.name!r} has no models.", code="empty_combo")
    trials = await services.try_combo(combo.name)
    first = next((trial for trial in trials if trial.good), None)
    return Tested(
        combo_name=combo.name,
        strategy=combo.strategy,
        resolved_by=None if first is None or first.target is None else _named(first),
        resolved_by_execution_key=None if first is None else first.key,
        results=[_result(trial) for trial in trials],
        tested_at=iso(services.now_ms()) or "",
    )


@router.get("/metrics")
def combo_metrics(services: ServicesOf, combo: Annotated[str | None, Query(max_length=100)] = None) -> MetricsList:
    """Of one combo or of all. Combos that nobody asked have zeros."""
    combos = services.snapshot().combos
    wanted = combos.values() if combo is None else [_known(combos.get(combo), combo)]
    tallies = services.combo_metrics.every()
    return MetricsList(combos=[_metrics(one, tallies.get(one.name, ComboTally())) for one in wanted])


@router.delete("/metrics")
def forget_combo_metrics(
    services: ServicesOf, combo: Annotated[str | None, Query(max_length=100)] = None
) -> Success:
    """Begins to count anew: one combo or all."""
    services.combo_metrics.forget(combo)
    return Success()


def _known(combo: Combo | None, name: str) -> Combo:
    if combo is None:
        raise GatewayError(404, f"There is no combo {name[:80]!r}.", code="combo_not_found")
    return combo


def _named(trial: StepTrial) -> str:
    assert trial.target is not None
    return f"{trial.target.provider}/{trial.target.model}"


def _result(trial: StepTrial) -> StepResult:
    return StepResult(
        step_id=trial.key.rpartition(">")[2],
        execution_key=trial.key,
        provider=None if trial.target is None else trial.target.provider,
        model=None if trial.target is None else trial.target.model,
        connection_id=trial.connection_id,
        status="ok" if trial.good else "error",
        status_code=trial.status,
        error_class=trial.error,
        error=None if trial.message is None else redacted(trial.message),
        latency_ms=round(trial.latency_s * 1000),
        response_text=trial.text,
        request_id=trial.request_id,
    )


def _metrics(combo: Combo, tally: ComboTally) -> Metrics:
    return Metrics(
        combo_name=combo.name,
        strategy=combo.strategy,
        requests=tally.requests,
        successes=tally.successes,
        failures=tally.failures,
        success_rate=_share(tally),
        avg_latency_ms=_average_ms(tally),
        fallbacks=tally.fallbacks,
        fallback_rate=tally.fallbacks / tally.requests if tally.requests else 0.0,
        last_used_at=_at(tally),
        steps=[
            StepMetrics(
                execution_key=key,
                provider=step.target.provider,
                model=step.target.model,
                requests=step.requests,
                successes=step.successes,
                failures=step.failures,
                success_rate=_share(step),
                avg_latency_ms=_average_ms(step),
                last_status=step.last_status,
                last_used_at=_at(step),
            )
            for key, step in tally.steps.copy().items()
        ],
    )


def _share(tally: ComboTally | StepTally) -> float | None:
    ended = tally.successes + tally.failures
    return tally.successes / ended if ended else None


def _average_ms(tally: ComboTally | StepTally) -> int | None:
    return round(tally.waited_s / tally.successes * 1000) if tally.successes else None


def _at(tally: ComboTally | StepTally) -> str | None:
    return iso(round(tally.last_used_at * 1000)) if tally.requests else None
