"""The session cookie: how it is set and taken away."""

from starlette.requests import Request
from starlette.responses import Response

from omniroute.access.sessions import COOKIE, LIFETIME_S
from omniroute.management.services import Services


def renew(response: Response, value: str, request: Request, services: Services) -> None:
    """Hands out a cookie for a whole lifetime."""
    response.set_cookie(
        COOKIE,
        value,
        max_age=LIFETIME_S,
        path="/",
        httponly=True,
        samesite="lax",
        secure=_is_secure(request, services),
    )


def remove(response: Response) -> None:
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")


def _is_secure(request: Request, services: Services) -> bool:
    """Where the browser talks https: as we see it, as a trusted proxy says, or as the operator has decided."""
    if services.settings.cookie_secure or request.url.scheme == "https":
        return True
    peer = request.client.host if request.client else None
    forwarded = request.headers.get("x-forwarded-proto", "").strip().lower()
    return forwarded == "https" and services.perimeter.trusts(peer)
