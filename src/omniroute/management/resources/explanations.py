"""Why routing would choose as it does, and why it did: a dry run of a combo, and the trace of a request."""

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import Path, Query

from omniroute.errors import GatewayError
from omniroute.management.router import ManagementRouter
from omniroute.management.shapes import Reply, ServicesOf
from omniroute.pipeline.again import explanation_of
from omniroute.pipeline.choose import Chosen
from omniroute.pipeline.trace import Trace
from omniroute.routing.actions import Action
from omniroute.routing.candidate import Candidate
from omniroute.routing.classify import ErrorClass
from omniroute.routing.explain import Place, explained
from omniroute.routing.selection.draw import Draw
from omniroute.routing.selection.reasons import because
from omniroute.routing.strategy import Asked
from omniroute.storage.repos import combos as repo
from omniroute.telemetry.redact import redacted

router = ManagementRouter(auth="manage", prefix="/api/combos", tag="combos")
traces = ManagementRouter(auth="manage", prefix="/api/explain", tag="explain")

_Tokens = Annotated[int, Query(ge=0, le=100_000_000)]


class StandingShape(Reply):
    """What is known about the target now; null is unknown. Seconds, shares of 0 to 1, USD."""

    in_flight: int
    rate_per_s: float
    first_event_s: float | None
    error_share: float | None
    health: Literal["closed", "half-open", "open"]
    expected_cost_usd: float | None


class PlaceShape(Reply):
    """`because` has a sentence for every combo on the way to the target, the outermost first, then one for each of
    its accounts where their order was chosen."""

    place: int
    execution_key: str
    provider: str
    model: str
    weight: int
    accounts: list[str]
    because: list[str]
    score: float | None
    factors: dict[str, float] | None
    standing: StandingShape


class LeftOutShape(Reply):
    execution_key: str
    reason: str


class ExplanationShape(Reply):
    """`seed` is the chance of this dry run; another one may order differently where the strategy draws. `on` are
    the combo's own rules for classes of failure."""

    combo: str
    strategy: str
    seed: str
    order: list[PlaceShape]
    left_out: list[LeftOutShape]
    on: dict[ErrorClass, Action]


@router.get("/{combo_id}/explain")
def explain_combo(
    combo_id: Annotated[str, Path(max_length=128)],
    services: ServicesOf,
    input_tokens: Annotated[_Tokens, Query(alias="inputTokens")] = 0,
    max_tokens: Annotated[_Tokens | None, Query(alias="maxTokens")] = None,
    tools: bool = False,
    images: bool = False,
    documents: bool = False,
    structured_output: Annotated[bool, Query(alias="structuredOutput")] = False,
    task: Annotated[str, Query(max_length=40)] = "default",
) -> ExplanationShape:
    """What would be tried now for such a request, in which order and why, and what would be left out. Nothing is
    sent and nobody's turn is taken."""
    row = services.database.read(lambda connection: repo.get(connection, combo_id))
    if row is None:
        raise GatewayError(404, f"There is no combo with the id {combo_id[:80]!r}.", code="combo_not_found")
    asked = Asked(
        input_tokens=input_tokens,
        max_output_tokens=max_tokens,
        tools=tools,
        images=images,
        documents=documents,
        structured_output=structured_output,
        task=task,
    )
    chosen, branch = services.rehearse(row.name, asked)
    assert chosen.moment is not None
    explanation = explained(
        branch, chosen.moment, unfit=chosen.unfit, ejected=chosen.ejected, unusable=chosen.unusable
    )
    accounts: dict[str, list[str]] = {}
    for key, candidate in chosen.placed():
        accounts.setdefault(key, []).append(candidate.account.id)
    return ExplanationShape(
        combo=row.name,
        strategy=branch.combo.strategy,
        seed=f"{chosen.moment.seed:016x}",
        order=[
            _shape(number, place, accounts.get(place.key, []), chosen.moment.draws.get(place.key))
            for number, place in enumerate(explanation.order, start=1)
        ],
        left_out=[LeftOutShape(execution_key=one.key, reason=one.reason) for one in explanation.left_out],
        on=dict(branch.combo.config.on),
    )


class TriedShape(Reply):
    """An attempt in vain; `restS` is how long its account rests for it, in seconds, `action` what the combo's own
    rules (`on`) made of it."""

    provider: str
    model: str
    account: str
    kind: str
    status: int
    message: str
    duration_ms: int
    rest_s: float
    action: Action | None


class WinnerShape(Reply):
    provider: str
    model: str
    account: str


class OrderShape(WinnerShape):
    """A candidate in its place. `because` has a sentence for every combo on the way to its target, the outermost
    first, and one for the account where the order of accounts was chosen."""

    execution_key: str
    because: list[str]


class LossShape(Reply):
    path: str
    what: str
    how: Literal["dropped", "approximated", "moved", "added"]
    weight: Literal["cost", "quality", "meaning"]


class TraceShape(Reply):
    """`seed` is there when something was drawn or weighed; `accounts` says why the accounts of a target were tried
    in their order: those of targets that were not reached stand as configured. `excluded` rested, were busy or
    left out. `conduct` is what the combo made of the order for the sake of the conversation, `configVersion` the
    revision of the configuration. `interrupted` was being asked when the client left, or the deadline passed."""

    request_id: str
    model: str
    dialect: str
    key: str
    stream: bool
    combo: str | None
    strategy: str | None
    seed: str | None
    config_version: int | None
    conduct: str | None
    order: list[OrderShape]
    accounts: list[str]
    excluded: list[LeftOutShape]
    tried: list[TriedShape]
    winner: WinnerShape | None
    interrupted: WinnerShape | None
    losses: list[LossShape]
    cache: str | None
    cost_micro_usd: int | None
    price_source: str | None
    first_event_ms: int
    duration_ms: int
    error: str | None


@traces.get("/{request_id}")
def explain_request(request_id: Annotated[str, Path(max_length=64)], services: ServicesOf) -> TraceShape:
    """Of the last 2,000 requests; the log has the attempts of older ones."""
    trace = services.trace(request_id)
    if trace is None:
        raise GatewayError(
            404,
            f"There is no trace of {request_id!r} any more; /api/usage/request-logs may have its attempts.",
            code="trace_not_found",
        )
    chosen = trace.chosen
    combo = None if chosen is None else chosen.combo
    moment = None if chosen is None else chosen.moment
    return TraceShape(
        request_id=trace.request_id,
        model=trace.model,
        dialect=trace.dialect,
        key=trace.key,
        stream=trace.stream,
        combo=None if combo is None else combo.name,
        strategy=None if combo is None else combo.strategy,
        seed=None if moment is None else f"{moment.seed:016x}",
        config_version=None if chosen is None else chosen.revision,
        conduct=None if chosen is None else chosen.conduct,
        order=[] if chosen is None else _order(chosen),
        accounts=[] if chosen is None else _reasons(chosen),
        excluded=_excluded(trace),
        tried=[
            TriedShape(
                **_candidate(one.candidate).model_dump(),
                kind=one.failure.kind,
                status=one.failure.status,
                message=redacted(one.failure.message),
                duration_ms=round(one.took_s * 1000),
                rest_s=one.rest_s,
                action=one.action,
            )
            for one in trace.tried
        ],
        winner=None if trace.winner is None else _candidate(trace.winner),
        interrupted=None if trace.interrupted is None else _candidate(trace.interrupted),
        losses=[LossShape(path=one.path, what=one.what, how=one.how, weight=one.weight) for one in trace.losses],
        cache=_cache(trace),
        cost_micro_usd=None if trace.cost is None else trace.cost.micro_usd,
        price_source=None if trace.cost is None else trace.cost.source,
        first_event_ms=round(trace.first_event_s * 1000),
        duration_ms=round(trace.took_s * 1000),
        error=None if trace.failure is None else redacted(trace.failure.message),
    )


def _order(chosen: Chosen) -> list[OrderShape]:
    explanation = explanation_of(chosen)
    reasons = {} if explanation is None else {place.key: place.because for place in explanation.order}
    draws: Mapping[str, Draw] = {} if chosen.moment is None else chosen.moment.draws
    return [
        OrderShape(
            **_candidate(one).model_dump(),
            execution_key=key,
            because=[*reasons.get(key, ()), *([because(draws[key], one.account.id)] if key in draws else [])],
        )
        for key, one in chosen.placed()
    ]


def _cache(trace: Trace) -> str | None:
    """What the headers of the reply said of it: HIT, MISS, or that the answer was another request's."""
    said = dict(trace.remarks).get(b"x-omniroute-cache")
    if said is not None:
        return said.decode("latin-1")
    return "SHARED" if trace.replayed else None


def _reasons(chosen: Chosen) -> list[str]:
    """A sentence for each account of a target that has several."""
    if chosen.moment is None:
        return []
    draws = chosen.moment.draws
    return [because(draws[key], one.account.id) for key, one in chosen.placed() if key in draws]


def _excluded(trace: Trace) -> list[LeftOutShape]:
    chosen = trace.chosen
    found = [
        LeftOutShape(
            execution_key=f"{one.candidate.target.provider}/{one.candidate.target.model}@{one.candidate.account.id}",
            reason=one.reason,
        )
        for one in trace.exclusions
    ]
    if chosen is not None:
        placed = {key for key, _ in chosen.placed()}
        found += [
            LeftOutShape(execution_key=one.leaf.key, reason=one.reason)
            for one in chosen.unfit
            if one.leaf.key not in placed
        ]
        found += [
            LeftOutShape(execution_key=key, reason="its provider fails: its breaker is open")
            for key in chosen.ejected
        ]
        found += [LeftOutShape(execution_key=key, reason=reason) for key, reason in chosen.unusable]
    return found


def _candidate(candidate: Candidate) -> WinnerShape:
    target = candidate.target
    return WinnerShape(provider=target.provider, model=target.model, account=candidate.account.id)


def _shape(number: int, place: Place, accounts: list[str], draw: Draw | None) -> PlaceShape:
    standing = place.standing
    return PlaceShape(
        place=number,
        execution_key=place.key,
        provider=place.target.provider,
        model=place.target.model,
        weight=place.weight,
        accounts=accounts,
        because=[*place.because, *(because(draw, one) for one in accounts if draw is not None)],
        score=None if place.score is None else place.score.total,
        factors=None if place.score is None else dict(place.score.factors),
        standing=StandingShape(
            in_flight=standing.in_flight,
            rate_per_s=standing.rate,
            first_event_s=standing.first_event_s,
            error_share=standing.errors,
            health=standing.health,
            expected_cost_usd=place.cost_usd,
        ),
    )
