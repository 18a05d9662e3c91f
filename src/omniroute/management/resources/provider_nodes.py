"""Provider nodes: endpoints that the operator describes."""

from typing import Annotated

from fastapi import Path
from pydantic import Field

from omniroute.accounts.connection import Connection
from omniroute.accounts.connections import presentable
from omniroute.accounts.nodes import NodeDraft
from omniroute.accounts.probe import probe
from omniroute.accounts.signing import Signing
from omniroute.errors import GatewayError, InvalidRequest
from omniroute.management.blocked import blocked
from omniroute.management.router import ManagementRouter
from omniroute.management.shapes import Body, CallerOf, Reply, ServicesOf, iso
from omniroute.storage.repos import nodes as repo
from omniroute.storage.repos.nodes import NodeRow

router = ManagementRouter(auth="manage", prefix="/api/provider-nodes", tag="provider-nodes")

_Id = Annotated[str, Path(max_length=128)]
_Text = Annotated[str, Field(min_length=1, max_length=200)]
_Url = Annotated[str, Field(max_length=2000)]
_Path = Annotated[str, Field(max_length=500)]


class _Description(Body):
    """Empty texts mean the same as none. `compatMode` is not served."""

    api_type: Annotated[str, Field(max_length=64)] | None = None
    chat_path: _Path | None = None
    models_path: _Path | None = None
    compat_mode: None = None


class NewNode(_Description):
    type: _Text = "openai-compatible"
    name: _Text
    prefix: _Text
    base_url: _Url | None = None


class NodeUpdate(_Description):
    """`type`, when given, must be the node's own."""

    type: _Text | None = None
    name: _Text
    prefix: _Text
    base_url: _Url


class NodeTrial(_Description):
    type: _Text = "openai-compatible"
    base_url: _Url
    api_key: Annotated[str, Field(max_length=10_000)] | None = None
    validation_model_id: Annotated[str, Field(max_length=500)] | None = None


class NodeShape(Reply):
    id: str
    type: str
    name: str
    prefix: str
    api_type: str | None
    base_url: str
    chat_path: str | None
    models_path: str | None
    created_at: str
    updated_at: str


class NodeList(Reply):
    nodes: list[NodeShape]
    cc_compatible_provider_enabled: bool = False


class OneNode(Reply):
    node: NodeShape


class Success(Reply):
    success: bool = True


class Trial(Reply):
    valid: bool
    error: str | None
    warning: str | None


@router.get("")
def nodes(services: ServicesOf) -> NodeList:
    return NodeList(nodes=[_shape(row) for row in services.database.read(repo.every)])


@router.post("", status_code=201, responses={409: {"description": "The prefix is taken."}})
def create_node(body: NewNode, services: ServicesOf, caller: CallerOf) -> OneNode:
    row = services.nodes.create(
        _draft(body, body.type, body.name, body.prefix), caller.actor, now=services.now_ms()
    )
    return OneNode(node=_shape(row))


@router.put("/{node_id}", responses={409: {"description": "The prefix is taken."}})
def change_node(node_id: _Id, body: NodeUpdate, services: ServicesOf, caller: CallerOf) -> OneNode:
    """Connections of the node follow at once: they take everything but their credential from it."""
    before = services.database.read(lambda connection: repo.get(connection, node_id))
    if before is None:
        raise GatewayError(404, f"There is no provider node with the id {node_id[:80]!r}.", code="node_not_found")
    if before.type == "openai-compatible" and body.api_type is None:
        raise InvalidRequest("apiType is required for an openai-compatible node.", code="bad_node_type")
    draft = _draft(body, body.type or before.type, body.name, body.prefix)
    return OneNode(node=_shape(services.nodes.update(node_id, draft, caller.actor, now=services.now_ms())))


@router.delete("/{node_id}")
def delete_node(node_id: _Id, services: ServicesOf, caller: CallerOf) -> Success:
    """Deletes its connections too."""
    services.nodes.delete(node_id, caller.actor, now=services.now_ms())
    return Success()


@router.post("/validate", responses={503: {"description": "The address is never connected to."}})
async def validate_node(body: NodeTrial, services: ServicesOf, caller: CallerOf) -> Trial:
    """Asks the endpoint for its models with the given key. Nothing is stored."""
    try:
        provider = services.nodes.described(_draft(body, body.type, "node", "node"))
    except InvalidRequest as error:
        if error.code == "blocked_url":
            raise await blocked(services, caller.actor, body.base_url, error.message) from None
        raise
    connection = Connection(
        id="validate",
        provider=provider.id,
        name="validate",
        secret=presentable(body.api_key),
    )
    chat = provider.operations.get("chat")
    dialect = services.dialects.get(chat.codec) if chat is not None else None
    verdict = await probe(
        services.transport,
        provider,
        connection,
        dialect,
        signing=Signing(services.transport, services.clock),
        model=body.validation_model_id,
    )
    if verdict.transport == "blocked":
        raise await blocked(services, caller.actor, body.base_url, verdict.message or "The address is blocked.")
    return Trial(valid=verdict.valid, error=verdict.message, warning=verdict.warning)


def _draft(body: NewNode | NodeUpdate | NodeTrial, kind: str, name: str, prefix: str) -> NodeDraft:
    return NodeDraft(
        type=kind,
        name=name,
        prefix=prefix,
        api_type=body.api_type,
        base_url=body.base_url,
        chat_path=body.chat_path,
        models_path=body.models_path,
    )


def _shape(row: NodeRow) -> NodeShape:
    return NodeShape(
        id=row.id,
        type=row.type,
        name=row.name,
        prefix=row.prefix,
        api_type=row.api_type,
        base_url=row.base_url,
        chat_path=row.chat_path,
        models_path=row.models_path,
        created_at=iso(row.created_at) or "",
        updated_at=iso(row.updated_at) or "",
    )
