"""Logging in and out, the first password, and changing it."""

from typing import Annotated

from fastapi import Request, Response
from pydantic import Field

from omniroute.access.administrator import LockedOut, NoPassword, SignedIn, WrongPassword, locked_out
from omniroute.access.perimeter import is_loopback_address
from omniroute.access.setup import LIFETIME_S, link
from omniroute.errors import GatewayError, InvalidRequest
from omniroute.management import cookie
from omniroute.management.errors import NeedsSetup
from omniroute.management.router import ManagementRouter
from omniroute.management.shapes import Body, CallerOf, Reply, ServicesOf, iso

public = ManagementRouter(auth="public", prefix="/api", tag="auth")
administrator = ManagementRouter(auth="session", prefix="/api", tag="auth")
local = ManagementRouter(auth="manage", prefix="/api", tag="auth")

_Password = Annotated[str, Field(min_length=1, max_length=200)]


class Login(Body):
    password: _Password


class Setup(Body):
    token: Annotated[str, Field(min_length=1, max_length=200)]
    password: _Password


class RequireLoginChange(Body):
    """`currentPassword` is needed for a new `password`. Login cannot be switched off."""

    require_login: bool | None = None
    password: _Password | None = None
    current_password: _Password | None = None


class Success(Reply):
    success: bool = True


class Status(Reply):
    authenticated: bool
    needs_setup: bool


class RequireLogin(Reply):
    require_login: bool
    has_password: bool
    setup_complete: bool


class SetupLink(Reply):
    url: str
    expires_at: str


@public.post("/auth/login")
def login(body: Login, request: Request, response: Response, services: ServicesOf, caller: CallerOf) -> Success:
    """Opens a session and sets its cookie. Five wrong passwords lock an address out for fifteen minutes."""
    match services.administrator.log_in(body.password, caller.actor):
        case SignedIn(value):
            cookie.renew(response, value, request, services)
            return Success()
        case WrongPassword():
            raise GatewayError(401, "Invalid password", code="invalid_password")
        case LockedOut(retry_after_s):
            raise locked_out(retry_after_s)
        case NoPassword():
            raise NeedsSetup


@public.post("/auth/logout")
def logout(response: Response, services: ServicesOf, caller: CallerOf) -> Success:
    """Ends the session of the cookie for good."""
    services.administrator.log_out(caller.cookie, caller.actor)
    cookie.remove(response)
    return Success()


@public.get("/auth/status")
def status(services: ServicesOf, caller: CallerOf) -> Status:
    return Status(authenticated=caller.kind != "anonymous", needs_setup=not services.administrator.has_password())


@public.post("/auth/setup", responses={409: {"description": "A password is set already."}})
def setup(body: Setup, request: Request, response: Response, services: ServicesOf, caller: CallerOf) -> Success:
    """Sets the first password with the one-time token of the set-up link, from this machine only, and logs in."""
    if not is_loopback_address(request.client.host if request.client else None):
        raise GatewayError(
            403, "The first password can only be set from the machine itself.", code="setup_is_local"
        )
    signed_in = services.administrator.set_up(body.token, body.password, caller.actor)
    cookie.renew(response, signed_in.cookie, request, services)
    return Success()


@local.post("/auth/setup-link", responses={409: {"description": "A password is set already."}})
def setup_link(request: Request, services: ServicesOf, caller: CallerOf) -> SetupLink:
    """A new one-time set-up link; any older one ends. For the command line of this machine only."""
    if caller.kind != "cli":
        raise GatewayError(403, "Only the command line on this machine may do this.", code="cli_required")
    if services.administrator.has_password():
        raise GatewayError(409, "A password is set already; log in with it.", code="already_set_up")
    base = services.settings.public_base_url or str(request.base_url)
    expires_at = iso(services.now_ms() + int(LIFETIME_S * 1000)) or ""
    return SetupLink(url=link(base, services.setup_tokens.issue()), expires_at=expires_at)


@public.get("/settings/require-login")
def require_login(services: ServicesOf) -> RequireLogin:
    has_password = services.administrator.has_password()
    return RequireLogin(require_login=True, has_password=has_password, setup_complete=has_password)


@administrator.put("/settings/require-login", name="change_require_login")
@administrator.post("/settings/require-login", name="change_require_login_by_post")
def change_require_login(
    body: RequireLoginChange, request: Request, response: Response, services: ServicesOf, caller: CallerOf
) -> Success:
    """Changes the password, which ends every other session."""
    if body.require_login is None and body.password is None:
        raise InvalidRequest("No valid fields to update", code="nothing_to_update")
    if body.require_login is False:
        raise InvalidRequest("Login cannot be switched off.", code="login_required")
    if body.password is not None:
        if body.current_password is None:
            raise InvalidRequest("currentPassword is needed for a new password.", code="current_password_missing")
        signed_in = services.administrator.change_password(body.current_password, body.password, caller.actor)
        cookie.renew(response, signed_in.cookie, request, services)
    return Success()
