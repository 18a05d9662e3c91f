"""The management application: its routers in one list, its errors, its edge."""

from typing import Final

from fastapi import FastAPI

from omniroute.management import errors
from omniroute.management.edge import Edge
from omniroute.management.resources import (
    aliases,
    auth,
    cache,
    combos,
    explanations,
    keys,
    monitoring,
    pricing,
    provider_models,
    provider_nodes,
    provider_trials,
    providers,
    rate_limits,
    request_logs,
    routing,
    sessions,
    translator,
)
from omniroute.management.router import ManagementRouter
from omniroute.management.services import Services

_ROUTERS: Final[tuple[ManagementRouter, ...]] = (
    auth.public,
    auth.administrator,
    auth.local,
    providers.router,
    provider_trials.router,
    provider_models.router,
    provider_nodes.router,
    keys.router,
    aliases.router,
    pricing.router,
    cache.router,
    combos.router,
    explanations.router,
    explanations.traces,
    routing.router,
    rate_limits.router,
    rate_limits.configuration,
    sessions.router,
    monitoring.public,
    monitoring.router,
    request_logs.router,
    translator.router,
)


def build(services: Services) -> FastAPI:
    """The application for everything under /api that is not a surface. It answers with full paths."""
    app = FastAPI(
        title="OmniRoute management API",
        version=services.version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    for router in _ROUTERS:
        app.router.routes.extend(router.routes)
    errors.install(app)
    app.add_middleware(Edge, perimeter=services.perimeter, ids=services.ids)
    return app
