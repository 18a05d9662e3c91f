"""Provider connections: the accounts through which requests go out."""

from typing import Annotated, Any, Literal

from fastapi import Path, Query
from msgspec import UNSET
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from omniroute.accounts.connection import Connection
from omniroute.accounts.connections import ConnectionChanges, known, mask, presentable, unknown_connection
from omniroute.accounts.env import ID_PREFIX
from omniroute.accounts.probe import ModelList, Verdict, models, probe
from omniroute.accounts.saved_url import checked
from omniroute.errors import GatewayError, InvalidRequest
from omniroute.management.blocked import blocked
from omniroute.management.router import ManagementRouter
from omniroute.management.shapes import Body, CallerOf, Reply, ServicesOf, iso
from omniroute.management.trial import Subject, Trial, active_subjects, all_tried, subject, tried
from omniroute.storage.repos import connections as repo
from omniroute.storage.repos.connections import ConnectionRow

router = ManagementRouter(auth="manage", prefix="/api/providers", tag="providers")

_Id = Annotated[str, Path(max_length=128)]
_ProviderName = Annotated[str, Field(min_length=1, max_length=128)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Key = Annotated[str, Field(max_length=10_000)]
_Priority = Annotated[int, Field(ge=1, le=100)]
_Model = Annotated[str, Field(max_length=200)]
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


class NewConnection(Body):
    """`provider` is an id, an alias, or a node's id or prefix. One of the same name is updated in place."""

    provider: _ProviderName
    name: _Name
    api_key: _Key | None = None
    priority: _Priority | None = None
    global_priority: None = None
    default_model: _Model | None = None
    group: Annotated[str, Field(max_length=100)] | None = None
    max_concurrent: Annotated[int, Field(ge=0, le=100_000)] | None = None
    provider_specific_data: dict[str, Any] | None = None


class ConnectionPatch(Body):
    """`providerSpecificData` is merged into what is stored; null removes a member. The members that only a test
    may set (`lastError` and the like) can be given as null, which forgets the last error."""

    name: _Name | None = None
    api_key: _Key | None = None
    priority: _Priority | None = None
    global_priority: None = None
    default_model: _Model | None = None
    is_active: bool | None = None
    group: Annotated[str, Field(max_length=100)] | None = None
    max_concurrent: Annotated[int, Field(ge=0, le=100_000)] | None = None
    provider_specific_data: dict[str, Any] | None = None
    test_status: Literal["unknown", "active"] | None = None
    last_error: None = None
    last_error_at: None = None
    last_error_type: None = None
    last_error_source: None = None
    error_code: None = None
    rate_limited_until: None = None


class Ids(Body):
    ids: Annotated[list[Annotated[str, Field(min_length=1, max_length=128)]], Field(min_length=1, max_length=100)]


class TrialRequest(Body):
    validation_model_id: Annotated[str, Field(max_length=500)] | None = None


class BatchRequest(Body):
    """`providerId` is needed for the mode `provider`."""

    mode: _Mode
    provider_id: _ProviderName | None = None


class Candidate(Body):
    """A credential to try out; nothing is stored."""

    provider: _ProviderName
    api_key: _Key | None = None
    validation_model_id: Annotated[str, Field(max_length=500)] | None = None
    base_url: Annotated[str, Field(max_length=2000)] | None = None
    provider_specific_data: dict[str, Any] | None = None


class ConnectionShape(Reply):
    """A connection without its credential. `apiKeyHint` shows both ends of a long one; `secretFields` names
    members of `providerSpecificData` that are sealed; `credentialsReadable` is false when the seal key changed."""

    id: str
    provider: str
    auth_type: str
    name: str
    priority: int
    is_active: bool
    origin: Literal["stored", "env"]
    has_api_key: bool
    api_key_hint: str | None
    credentials_readable: bool
    default_model: str | None
    max_concurrent: int | None
    group: str | None
    test_status: str
    last_error: str | None
    last_error_type: str | None
    error_code: str | None
    last_tested: str | None
    provider_specific_data: dict[str, Any]
    secret_fields: list[str]
    created_at: str | None
    updated_at: str | None


class ConnectionList(Reply):
    connections: list[ConnectionShape]


class OneConnection(Reply):
    connection: ConnectionShape


class Message(Reply):
    message: str


class Deleted(Message):
    deleted: int


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


class DiscoveredModel(Reply):
    id: str
    name: str
    owned_by: Annotated[str | None, Field(alias="owned_by")] = None


class DiscoveredModels(Reply):
    provider: str
    connection_id: str
    models: list[DiscoveredModel]
    source: Literal["api", "local_catalog"]
    warning: str | None = None


@router.get("")
def connections(services: ServicesOf) -> ConnectionList:
    """Stored ones by provider and priority, then those of the environment, which are read-only."""
    rows = services.database.read(repo.every)
    return ConnectionList(
        connections=[
            *(_shape(services, row) for row in rows),
            *(_environment_shape(found) for found in services.env_connections),
        ]
    )


@router.post("", status_code=201)
def create_connection(body: NewConnection, services: ServicesOf, caller: CallerOf) -> OneConnection:
    changes = ConnectionChanges(
        secret=body.api_key if body.api_key else UNSET,
        priority=UNSET if body.priority is None else body.priority,
        default_model=body.default_model if "default_model" in body.model_fields_set else UNSET,
        max_concurrent=body.max_concurrent if "max_concurrent" in body.model_fields_set else UNSET,
        group_name=body.group if "group" in body.model_fields_set else UNSET,
        provider_data=UNSET if body.provider_specific_data is None else body.provider_specific_data,
    )
    row = services.connections.create(body.provider, body.name, changes, caller.actor, now=services.now_ms())
    return OneConnection(connection=_shape(services, row))


@router.delete("")
def delete_connections(body: Ids, services: ServicesOf, caller: CallerOf) -> Deleted:
    """Ids that do not exist are passed over."""
    gone = services.connections.delete(body.ids, caller.actor, now=services.now_ms())
    return Deleted(message=f"Deleted {gone} connection(s)", deleted=gone)


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


@router.get("/{connection_id}")
def connection(connection_id: _Id, services: ServicesOf) -> OneConnection:
    if connection_id.startswith(ID_PREFIX):
        found = next((one for one in services.env_connections if one.id == connection_id), None)
        if found is None:
            raise unknown_connection(connection_id)
        return OneConnection(connection=_environment_shape(found))
    row = services.database.read(lambda transaction: known(transaction, connection_id))
    return OneConnection(connection=_shape(services, row))


@router.put("/{connection_id}", responses={409: {"description": "It comes from the environment."}})
def change_connection(
    connection_id: _Id, body: ConnectionPatch, services: ServicesOf, caller: CallerOf
) -> OneConnection:
    _require_stored(services, connection_id)
    given = body.model_fields_set
    if not given:
        raise InvalidRequest("No valid fields to update", code="nothing_to_update")
    forgets = {"test_status", "last_error", "last_error_at", "last_error_type", "last_error_source", "error_code"}
    changes = ConnectionChanges(
        name=UNSET if body.name is None else body.name,
        secret=body.api_key if "api_key" in given else UNSET,
        priority=UNSET if body.priority is None else body.priority,
        is_active=UNSET if body.is_active is None else body.is_active,
        default_model=body.default_model if "default_model" in given else UNSET,
        max_concurrent=body.max_concurrent if "max_concurrent" in given else UNSET,
        group_name=body.group if "group" in given else UNSET,
        provider_data=UNSET if body.provider_specific_data is None else body.provider_specific_data,
        clear_error=bool(given & forgets),
    )
    row = services.connections.update(connection_id, changes, caller.actor, now=services.now_ms())
    return OneConnection(connection=_shape(services, row))


@router.delete("/{connection_id}", responses={409: {"description": "It comes from the environment."}})
def delete_connection(connection_id: _Id, services: ServicesOf, caller: CallerOf) -> Message:
    _require_stored(services, connection_id)
    if services.connections.delete([connection_id], caller.actor, now=services.now_ms()) == 0:
        raise unknown_connection(connection_id)
    return Message(message="Connection deleted successfully")


@router.post("/{connection_id}/test")
async def try_connection(connection_id: _Id, services: ServicesOf, body: TrialRequest | None = None) -> Tested:
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


@router.get(
    "/{connection_id}/models",
    responses={
        502: {"description": "The provider refuses or cannot be understood."},
        503: {"description": "The address is blocked."},
        504: {"description": "No answer in time."},
    },
)
async def discovered_models(
    connection_id: _Id,
    services: ServicesOf,
    refresh: Annotated[bool, Query(description="Accepted; the provider is always asked.")] = False,
    exclude_hidden: Annotated[
        bool, Query(alias="excludeHidden", description="Accepted; no model is hidden yet.")
    ] = False,
) -> DiscoveredModels:
    """The provider's own list; when it cannot be had, what the catalog knows, with a warning."""
    found = await run_in_threadpool(subject, services, connection_id)
    if found.connection is None:
        raise GatewayError(
            409, "The stored credential cannot be read; enter it again.", code="credentials_unreadable"
        )
    answer = await models(services.transport, found.provider, found.connection, proxy=services.settings.proxy)
    if isinstance(answer, ModelList):
        return DiscoveredModels(
            provider=found.provider.id,
            connection_id=found.id,
            models=[_discovered(model) for model in answer.models],
            source="api",
        )
    known_models = services.models().served(found.provider)
    if not known_models:
        raise _no_list(answer)
    return DiscoveredModels(
        provider=found.provider.id,
        connection_id=found.id,
        models=[DiscoveredModel(id=model.id, name=model.name, owned_by=None) for model in known_models],
        source="local_catalog",
        warning=answer.message or answer.warning,
    )


def _require_stored(services: ServicesOf, connection_id: str) -> None:
    if connection_id.startswith(ID_PREFIX):
        if all(one.id != connection_id for one in services.env_connections):
            raise unknown_connection(connection_id)
        raise GatewayError(
            409,
            f"{connection_id!r} comes from the environment: change or unset its variable, and start again.",
            code="environment_connection",
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


def _no_list(verdict: Verdict) -> GatewayError:
    status = {"blocked": 503, "timeout": 504}.get(verdict.transport or "", 502)
    return GatewayError(status, verdict.message or verdict.warning or "No model list.", code=verdict.type)


def _discovered(model: dict[str, Any]) -> DiscoveredModel:
    identifier = str(model["id"])
    name, owner = model.get("display_name") or model.get("name"), model.get("owned_by")
    return DiscoveredModel(
        id=identifier,
        name=name if isinstance(name, str) else identifier,
        owned_by=owner if isinstance(owner, str) else None,
    )


def _shape(services: ServicesOf, row: ConnectionRow) -> ConnectionShape:
    masked = services.connections.masked(row)
    data = {**row.provider_data, **({} if row.base_url is None else {"baseUrl": row.base_url})}
    return ConnectionShape(
        id=row.id,
        provider=row.provider,
        auth_type=row.auth_type,
        name=row.name,
        priority=row.priority,
        is_active=row.is_active,
        origin="stored",
        has_api_key=row.secret_sealed is not None,
        api_key_hint=masked.hint,
        credentials_readable=masked.readable,
        default_model=row.default_model,
        max_concurrent=row.max_concurrent,
        group=row.group_name,
        test_status=row.test_status,
        last_error=row.last_error,
        last_error_type=row.last_error_type,
        error_code=row.error_code,
        last_tested=iso(row.last_tested_at),
        provider_specific_data=data,
        secret_fields=list(services.connections.secret_names(row)),
        created_at=iso(row.created_at),
        updated_at=iso(row.updated_at),
    )


def _environment_shape(found: Connection) -> ConnectionShape:
    return ConnectionShape(
        id=found.id,
        provider=found.provider,
        auth_type=found.auth_type,
        name=found.name,
        priority=found.priority,
        is_active=True,
        origin="env",
        has_api_key=found.secret is not None,
        api_key_hint=None if found.secret is None else mask(found.secret.value),
        credentials_readable=True,
        default_model=None,
        max_concurrent=None,
        group=None,
        test_status="unknown",
        last_error=None,
        last_error_type=None,
        error_code=None,
        last_tested=None,
        provider_specific_data={},
        secret_fields=[],
        created_at=None,
        updated_at=None,
    )
