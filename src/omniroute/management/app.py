"""The management application: its routers in one list, its errors, its edge."""

from typing import Final

from fastapi import FastAPI

from omniroute.management import errors
from omniroute.management.edge import Edge
from omniroute.management.resources import (
    aliases,
    auth,
    availability,
    budgets,
    cache,
    cache_breaks,
    call_logs,
    combo_defaults,
    combo_trials,
    combos,
    explanations,
    keys,
    logging,
    monitoring,
    policies,
    pricing,
    prompting,
    provider_models,
    provider_nodes,
    provider_trials,
    providers,
    rate_limits,
    request_logs,
    resilience,
    routing,
    sessions,
    telemetry,
    translator,
    usage_analytics,
    usage_history,
    usage_quota,
    usage_utilization,
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
    policies.router,
    combo_defaults.router,
    prompting.prompts,
    prompting.thinking,
    budgets.router,
    cache.router,
    cache_breaks.router,
    combo_trials.router,
    combos.router,
    explanations.router,
    explanations.traces,
    routing.router,
    resilience.router,
    availability.router,
    rate_limits.router,
    rate_limits.configuration,
    sessions.router,
    telemetry.router,
    monitoring.public,
    monitoring.router,
    request_logs.router,
    call_logs.router,
    usage_history.router,
    usage_analytics.router,
    usage_quota.router,
    usage_quota.limits,
    usage_utilization.router,
    logging.router,
    translator.router,
    usage_quota.of_connection,  # the last one: its parameter would match the other addresses under /api/usage
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
