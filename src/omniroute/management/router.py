"""A router that cannot be declared without saying who may call its routes."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from omniroute.access.routes import Auth, Route
from omniroute.management import cookie
from omniroute.management.authentication import authenticate
from omniroute.management.errors import ErrorReply
from omniroute.management.services import Services

# Any of these may come from the perimeter, the guard of the router or the validation of the request.
_COMMON_STATUSES = (400, 401, 403, 404, 413, 415, 421, 429, 500)


class GuardedRoute(APIRoute):
    """Authenticates before anything of the request is read, so that nobody unknown learns what a body must be."""

    auth: Auth

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            services: Services = request.app.state.services
            caller = await run_in_threadpool(authenticate, services, request, self.auth)
            request.state.caller = caller
            response = await answer(request)
            session = caller.session
            if (
                session is not None
                and caller.cookie is not None
                and session.renewable
                and await run_in_threadpool(services.administrator.renew, session)
            ):
                cookie.renew(response, caller.cookie, request, services)
            return response

        return guarded


class _Public(GuardedRoute):
    auth = "public"


class _Client(GuardedRoute):
    auth = "client"


class _Manage(GuardedRoute):
    auth = "manage"


class _Session(GuardedRoute):
    auth = "session"


class ManagementRouter(APIRouter):
    """`auth` holds for every route of the router."""

    def __init__(self, *, auth: Auth, prefix: str, tag: str) -> None:
        classes: dict[Auth, type[GuardedRoute]] = {
            "public": _Public,
            "client": _Client,
            "manage": _Manage,
            "session": _Session,
        }
        super().__init__(
            prefix=prefix,
            tags=[tag],
            route_class=classes[auth],
            redirect_slashes=False,
            responses={status: {"model": ErrorReply} for status in _COMMON_STATUSES},
        )


def routes(app: FastAPI) -> tuple[Route, ...]:
    """Every route of the application with its class. Raises TypeError for one that has none."""
    found: list[Route] = []
    for route in app.routes:
        if not isinstance(route, GuardedRoute):
            raise TypeError(f"the route {route!r} does not say who may call it")
        found.extend(Route(method, route.path, route.auth, route.name) for method in sorted(route.methods or ()))
    return tuple(found)
