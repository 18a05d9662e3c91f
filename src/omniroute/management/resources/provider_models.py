"""The models that a connection's provider lists."""

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from omniroute.accounts.probe import ModelList, models
from omniroute.accounts.signing import Signing
from omniroute.accounts.verdict import Verdict
from omniroute.errors import GatewayError
from omniroute.management.connection_fields import ConnectionId
from omniroute.management.router import ManagementRouter
from omniroute.management.shapes import Reply, ServicesOf
from omniroute.management.trial import subject

router = ManagementRouter(auth="manage", prefix="/api/providers", tag="providers")


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


@router.get(
    "/{connection_id}/models",
    responses={
        502: {"description": "The provider refuses or cannot be understood."},
        503: {"description": "The address is blocked."},
        504: {"description": "No answer in time."},
    },
)
async def discovered_models(
    connection_id: ConnectionId,
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
    answer = await models(
        services.transport,
        found.provider,
        found.connection,
        signing=Signing(services.transport, services.clock),
        proxy=services.settings.proxy,
    )
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
