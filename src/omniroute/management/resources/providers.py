"""Provider connections: the accounts through which requests go out."""

from typing import Annotated, Any, Literal

from msgspec import UNSET
from pydantic import Field

from omniroute.accounts.connection import Connection
from omniroute.accounts.connections import ConnectionChanges, known, mask, unknown_connection
from omniroute.accounts.env import ID_PREFIX
from omniroute.errors import GatewayError, InvalidRequest
from omniroute.management.connection_fields import ConnectionId, Key, ProviderName
from omniroute.management.router import ManagementRouter
from omniroute.management.shapes import Body, CallerOf, Reply, ServicesOf, iso
from omniroute.storage.repos import connections as repo
from omniroute.storage.repos.connections import ConnectionRow

router = ManagementRouter(auth="manage", prefix="/api/providers", tag="providers")

_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Priority = Annotated[int, Field(ge=1, le=100)]
_Model = Annotated[str, Field(max_length=200)]


class NewConnection(Body):
    """`provider` is an id, an alias, or a node's id or prefix. One of the same name is updated in place."""

    provider: ProviderName
    name: _Name
    api_key: Key | None = None
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
    api_key: Key | None = None
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


@router.get("/{connection_id}")
def connection(connection_id: ConnectionId, services: ServicesOf) -> OneConnection:
    if connection_id.startswith(ID_PREFIX):
        found = next((one for one in services.env_connections if one.id == connection_id), None)
        if found is None:
            raise unknown_connection(connection_id)
        return OneConnection(connection=_environment_shape(found))
    row = services.database.read(lambda transaction: known(transaction, connection_id))
    return OneConnection(connection=_shape(services, row))


@router.put("/{connection_id}", responses={409: {"description": "It comes from the environment."}})
def change_connection(
    connection_id: ConnectionId, body: ConnectionPatch, services: ServicesOf, caller: CallerOf
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
def delete_connection(connection_id: ConnectionId, services: ServicesOf, caller: CallerOf) -> Message:
    _require_stored(services, connection_id)
    if services.connections.delete([connection_id], caller.actor, now=services.now_ms()) == 0:
        raise unknown_connection(connection_id)
    return Message(message="Connection deleted successfully")


def _require_stored(services: ServicesOf, connection_id: str) -> None:
    if connection_id.startswith(ID_PREFIX):
        if all(one.id != connection_id for one in services.env_connections):
            raise unknown_connection(connection_id)
        raise GatewayError(
            409,
            f"{connection_id!r} comes from the environment: change or unset its variable, and start again.",
            code="environment_connection",
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
