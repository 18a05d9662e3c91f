"""How the gateway is, and what this API is."""

from typing import Any

from fastapi import Request, Response

from omniroute.management.health import health_body
from omniroute.management.openapi import document
from omniroute.management.router import ManagementRouter
from omniroute.management.shapes import CallerOf, Reply, ServicesOf

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


class Cryptography(Reply):
    status: str
    provider: str


class Health(Reply):
    """Without a management credential only the first four members are there."""

    status: str
    version: str
    uptime: float
    provider_summary: ProviderSummary | None = None
    timestamp: str | None = None
    setup_complete: bool | None = None
    revision: int | None = None
    node_count: int | None = None
    system: System | None = None
    cryptography: Cryptography | None = None


@public.get("/monitoring/health", response_model_exclude_none=True, responses={503: {"model": Health}})
def health(response: Response, services: ServicesOf, caller: CallerOf) -> Health:
    """503 when the database cannot be read."""
    body = health_body(services, full=caller.kind != "anonymous")
    if body["status"] != "healthy":
        response.status_code = 503
    return Health.model_validate(body)


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> dict[str, Any]:
    """The description of this API."""
    return document(request.app)
