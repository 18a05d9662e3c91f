"""Errors of the management API: one shape for all of them, and nothing in it that a caller may not know."""

from collections.abc import Mapping
from typing import Final

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from omniroute.access.perimeter import Refusal
from omniroute.errors import GatewayError
from omniroute.ir.json import JsonObject

_TYPES: Final = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found",
    409: "conflict",
    413: "payload_too_large",
    421: "misdirected_request",
    429: "rate_limit_error",
}
_CODES: Final = {404: "not_found", 405: "method_not_allowed", 413: "payload_too_large"}
_MESSAGES: Final = {
    404: "There is nothing at this address.",
    405: "This address does not know that method.",
    413: "The body is too large for the management API.",
}
_FIELD_LENGTH: Final = 100


class ErrorDetail(BaseModel):
    """Which field is wrong, as a dotted path, and why."""

    field: str
    message: str


class ErrorBody(BaseModel):
    message: str
    type: str
    code: str
    details: list[ErrorDetail] | None = None


class ErrorReply(BaseModel):
    """What every error looks like. `needsSetup` is there, and true, before the first password was set."""

    error: ErrorBody
    requestId: str
    needsSetup: bool | None = None


class Unauthenticated(GatewayError):
    """401; says whether the first password is still to be set."""

    def __init__(self, *, needs_setup: bool) -> None:
        super().__init__(
            401,
            "Set the first password with the link that was printed at start (`omniroute setup --link` renews it)."
            if needs_setup
            else "Log in, or send an API key that has the scope `manage`.",
            code="setup_required" if needs_setup else "authentication_required",
        )
        self.needs_setup = needs_setup


class NeedsSetup(GatewayError):
    """403 to a login before the first password was set."""

    def __init__(self) -> None:
        super().__init__(403, "No password is set yet. Open the set-up link first.", code="setup_required")


def refuse(refusal: Refusal) -> GatewayError:
    """A refusal of the perimeter as an error."""
    return GatewayError(refusal.status, refusal.message, code=refusal.code)


def install(app: FastAPI) -> None:
    """Makes every error of the application answer in the one shape."""
    app.add_exception_handler(GatewayError, _on_gateway_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)


def reply(
    status: int,
    message: str,
    *,
    code: str,
    request_id: str,
    details: list[JsonObject] | None = None,
    needs_setup: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error as a response."""
    kind = _TYPES.get(status) or ("server_error" if status >= 500 else "invalid_request")
    error: JsonObject = {"message": message, "type": kind, "code": code}
    if details is not None:
        error["details"] = details
    body: JsonObject = {"error": error, "requestId": request_id}
    if needs_setup:
        body["needsSetup"] = True
    return Response(msgspec.json.encode(body), status, headers=dict(headers or {}), media_type="application/json")


def request_id_of(request: Request) -> str:
    return str(getattr(request.state, "request_id", ""))


def _on_gateway_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)
    wait = error.retry_after_s
    return reply(
        error.status,
        error.message,
        code=error.code,
        request_id=request_id_of(request),
        needs_setup=isinstance(error, NeedsSetup) or (isinstance(error, Unauthenticated) and error.needs_setup),
        headers=None if wait is None else {"retry-after": str(max(1, round(wait)))},
    )


def _on_invalid_request(request: Request, error: Exception) -> Response:
    """Names the fields, never their values: those may be secrets."""
    assert isinstance(error, RequestValidationError)
    details: list[JsonObject] = []
    for found in error.errors():
        if found["type"] == "json_invalid":
            details.append({"field": "body", "message": "Invalid JSON body"})
            continue
        place = [str(step)[:_FIELD_LENGTH] for step in found["loc"] if step not in ("body", "query", "path")]
        details.append({"field": ".".join(place) or "body", "message": str(found["msg"])})
    return reply(
        400,
        "Invalid request",
        code="validation_error",
        request_id=request_id_of(request),
        details=details,
    )


def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return reply(
        error.status_code,
        _MESSAGES.get(error.status_code, "The request cannot be used."),
        code=_CODES.get(error.status_code, "bad_request"),
        request_id=request_id_of(request),
        headers=error.headers,
    )
