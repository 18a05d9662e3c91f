"""Trying out: whether a stored connection, all of a kind, or a credential that is not stored would serve."""

from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.concurrency import run_in_threadpool

from omniroute.accounts.connection import Connection
from omniroute.accounts.connections import presentable
from omniroute.accounts.probe import probe
from omniroute.accounts.saved_url import checked
from omniroute.accounts.signing import Signing
from omniroute.errors import GatewayError, InvalidRequest
from omniroute.management.blocked import blocked
from omniroute.management.connection_fields import ConnectionId, Key, ProviderName
from omniroute.management.router import ManagementRouter
from omniroute.management.shapes import Body, CallerOf, Reply, ServicesOf, iso
from omniroute.management.trial import Subject, Trial, active_subjects, all_tried, subject, tried

router = ManagementRouter(auth="manage", prefix="/api/providers", tag="providers")

_Mode = Literal[
    "provider",
    "oauth",
    "free",
    "apikey",
    "compatible",
    "all",
    "web-cookie",
    "search",
    "audio",
    "local",
    "upstream-proxy",
]


class TrialRequest(Body):
    validation_model_id: Annotated[str, Field(max_length=500)] | None = None


class BatchRequest(Body):
    """`providerId` is needed for the mode `provider`."""

    mode: _Mode
    provider_id: ProviderName | None = None


class Candidate(Body):
    """A credential to try out; nothing is stored."""

    provider: ProviderName
    api_key: Key | None = None
    validation_model_id: Annotated[str, Field(max_length=500)] | None = None
    base_url: Annotated[str, Field(max_length=2000)] | None = None
    provider_specific_data: dict[str, Any] | None = None


class Diagnosis(Reply):
    type: str
    source: Literal["upstream", "local"]
    message: str | None
    code: str | None


class Tested(Reply):
    valid: bool
    error: str | None
    warning: str | None
    refreshed: bool = False
    diagnosis: Diagnosis
    latency_ms: int
    status_code: int | None
    runtime: None = None
    tested_at: str


class BatchResult(Reply):
    provider: str
    connection_id: str
    connection_name: str
    auth_type: str
    valid: bool
    latency_ms: int
    error: str | None
    diagnosis: Diagnosis
    status_code: int | None
    tested_at: str


class Summary(Reply):
    total: int
    passed: int
    failed: int


class Batch(Reply):
    mode: str
    provider_id: str | None
    results: list[BatchResult]
    tested_at: str
    summary: Summary


class Validated(Reply):
    valid: bool
    error: str | None
    warning: str | None
    method: str | None


@router.post(
    "/validate",
    responses={
        503: {"description": "The address is blocked, or redirects elsewhere."},
        504: {"description": "No answer in time."},
    },
)
async def validate(body: Candidate, services: ServicesOf, caller: CallerOf) -> Validated:
    """Tries a credential out. Nothing is stored."""
    provider = await services.database.aread(
        lambda transaction: services.connections.provider(transaction, body.provider)
    )
    base_url = None
    if body.base_url:
        try:
            base_url = checked(body.base_url, private=provider.local or provider.node)
        except InvalidRequest as error:
            if error.code == "blocked_url":
                raise await blocked(services, caller.actor, body.base_url, error.message) from None
            raise
    chat = provider.operations.get("chat")
    verdict = await probe(
        services.transport,
        provider,
        Connection(
            id="validate",
            provider=provider.id,
            name="validate",
            secret=presentable(body.api_key),
            base_url=base_url,
            parameters=body.provider_specific_data or {},
        ),
        services.dialects.get(chat.codec) if chat is not None else None,
        signing=Signing(services.transport, services.clock),
        model=body.validation_model_id,
        proxy=services.settings.proxy,
    )
    message = verdict.message or "The provider could not be asked."
    if verdict.transport == "blocked":
        raise await blocked(services, caller.actor, base_url or provider.base_url, message)
    if verdict.transport == "timeout":
        raise GatewayError(504, message, code="upstream_timeout")
    if verdict.status is not None and 300 <= verdict.status < 400:
        raise GatewayError(503, message, code="redirect_refused")
    return Validated(valid=verdict.valid, error=verdict.message, warning=verdict.warning, method=verdict.method)


@router.post("/test-batch")
async def try_connections(body: BatchRequest, services: ServicesOf) -> Batch:
    """Tests active connections, five at a time, thirty seconds each."""
    if body.mode == "provider" and body.provider_id is None:
        raise InvalidRequest("providerId is required for the mode 'provider'.", code="provider_id_missing")
    every = await run_in_threadpool(active_subjects, services)
    trials = await all_tried(services, tuple(one for one in every if _is_meant(one, body)))
    passed = sum(trial.verdict.valid for trial in trials)
    return Batch(
        mode=body.mode,
        provider_id=body.provider_id,
        results=[_batch_result(trial) for trial in trials],
        tested_at=iso(services.now_ms()) or "",
        summary=Summary(total=len(trials), passed=passed, failed=len(trials) - passed),
    )


@router.post("/{connection_id}/test")
async def try_connection(
    connection_id: ConnectionId, services: ServicesOf, body: TrialRequest | None = None
) -> Tested:
    """200 also when the test fails. What it found is written down, except for connections of the environment."""
    found = await run_in_threadpool(subject, services, connection_id)
    trial = await tried(services, found, model=body.validation_model_id if body is not None else None)
    return Tested(
        valid=trial.verdict.valid,
        error=trial.verdict.message,
        warning=trial.verdict.warning,
        diagnosis=_diagnosis(trial),
        latency_ms=trial.latency_ms,
        status_code=trial.verdict.status,
        tested_at=iso(trial.at_ms) or "",
    )


def _is_meant(found: Subject, body: BatchRequest) -> bool:
    match body.mode:
        case "all":
            return True
        case "provider":
            return body.provider_id in (found.provider.id, found.provider.alias)
        case "apikey":
            return found.auth_type == "apikey" and not found.provider.node
        case "compatible":
            return found.provider.node
        case "local":
            return found.provider.local and not found.provider.node
        case "free":
            return "free" in found.provider.tags
        case "oauth" | "web-cookie" | "search" | "audio" | "upstream-proxy":
            return False


def _diagnosis(trial: Trial) -> Diagnosis:
    verdict = trial.verdict
    return Diagnosis(
        type=verdict.type if trial.readable else "auth_missing",
        source="local" if verdict.status is None else "upstream",
        message=verdict.message,
        code=None if verdict.valid or verdict.status is None else str(verdict.status),
    )


def _batch_result(trial: Trial) -> BatchResult:
    return BatchResult(
        provider=trial.subject.provider.id,
        connection_id=trial.subject.id,
        connection_name=trial.subject.name,
        auth_type=trial.subject.auth_type,
        valid=trial.verdict.valid,
        latency_ms=trial.latency_ms,
        error=trial.verdict.message,
        diagnosis=_diagnosis(trial),
        status_code=trial.verdict.status,
        tested_at=iso(trial.at_ms) or "",
    )
