"""Who is calling the management API, and whether that is enough for a route."""

import hmac
from typing import Literal, TypeAlias

import msgspec
from starlette.requests import Request

from omniroute.access import csrf
from omniroute.access.actor import Actor
from omniroute.access.credentials import bearer
from omniroute.access.perimeter import standing
from omniroute.access.routes import Auth
from omniroute.access.sessions import COOKIE, Session
from omniroute.errors import GatewayError
from omniroute.management.errors import Unauthenticated, refuse, request_id_of
from omniroute.management.services import Services

MANAGE = "manage"
"""The scope that makes a client key a management credential."""

Kind: TypeAlias = Literal["anonymous", "session", "key", "cli"]


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """`session` is set for kind `session`; `cookie` is what the request presented, whatever it was worth."""

    kind: Kind
    actor: Actor
    session: Session | None = None
    cookie: str | None = None

    def __repr__(self) -> str:
        return f"Caller(kind={self.kind!r})"


def authenticate(services: Services, request: Request, auth: Auth) -> Caller:
    """The caller of a route of class `auth`. Blocks on the database.

    Raises GatewayError: 401, 403, and for requests a browser may have been tricked into 403 or 415.
    """
    headers = dict(request.headers)
    peer = request.client.host if request.client else None
    address = services.perimeter.client_address(headers, peer=peer)
    caller = _identified(services, request, headers, peer, address)
    if auth != "public":
        if caller.kind == "anonymous":
            raise Unauthenticated(needs_setup=not services.administrator.has_password())
        if auth == "session" and caller.kind != "session":
            raise GatewayError(403, "Only the administrator, logged in, may do this.", code="session_required")
    programmatic = caller.kind in ("key", "cli")
    refusal = (
        csrf.refusal_of_body(request.method, headers)
        if programmatic
        else csrf.refusal(request.method, headers, services.perimeter)
    )
    if refusal is not None:
        raise refuse(refusal)
    if auth == "client" and caller.kind == "anonymous":
        raise Unauthenticated(needs_setup=False)
    return caller


def _identified(
    services: Services, request: Request, headers: dict[str, str], peer: str | None, address: str
) -> Caller:
    """Anonymous when nothing presented is worth anything; 403 for a client key that may not manage."""
    request_id = request_id_of(request)
    cookie = request.cookies.get(COOKIE)
    token = bearer(headers)
    if token is not None:
        if _is_cli_token(services, token) and services.perimeter.is_on_this_machine(headers, peer=peer):
            return Caller(kind="cli", actor=Actor(name="cli", address=address, request_id=request_id))
        grant = services.find_grant(token)
        if grant is not None:
            refusal = standing(grant, services.clock.now())
            if refusal is not None:
                raise refuse(refusal)
            if MANAGE not in grant.scopes:
                raise GatewayError(
                    403, f"The API key {grant.name!r} does not have the scope `manage`.", code="scope_missing"
                )
            return Caller(
                kind="key", actor=Actor(name=f"key:{grant.key_id}", address=address, request_id=request_id)
            )
    else:
        session = services.administrator.session(cookie)
        if session is not None:
            actor = Actor(name="admin", address=address, request_id=request_id)
            return Caller(kind="session", actor=actor, session=session, cookie=cookie)
    actor = Actor(name="anonymous", address=address, request_id=request_id)
    return Caller(kind="anonymous", actor=actor, cookie=cookie)


def _is_cli_token(services: Services, token: str) -> bool:
    return hmac.compare_digest(token.encode(), services.cli_token.encode())
