"""Failures that the gateway itself states, and edge errors as failures."""

from typing import Final, assert_never

from omniroute.errors import GatewayError, UpstreamError
from omniroute.ir.failure import Failure, FailureKind

_KINDS: Final[dict[int, FailureKind]] = {
    401: "authentication",
    402: "payment",
    403: "permission",
    404: "not_found",
    408: "timeout",
    429: "rate_limit",
    503: "overloaded",
    504: "timeout",
}

CLIENT_LEFT: Final = Failure(kind="cancelled", status=499, message="the client closed the connection")
DRAINING: Final = Failure(
    kind="overloaded", status=503, message="the server is shutting down; send the request again", code="draining"
)
INTERNAL: Final = Failure(
    kind="server",
    status=500,
    message="internal error; the log has it under this request id",
    code="internal_error",
)


def of_gateway(error: GatewayError) -> Failure:
    """An edge error as a value, for the caller's dialect to encode."""
    kind = _KINDS.get(error.status, "invalid_request" if error.status < 500 else "server")
    return Failure(
        kind=kind, status=error.status, message=error.message, code=error.code, retry_after=error.retry_after_s
    )


def of_upstream(error: UpstreamError) -> Failure:
    """What a transport or decoder raised, as a value for the engine."""
    match error.kind:
        case "connect":
            return Failure(kind="connect", status=502, message=error.message, code="upstream_unreachable")
        case "blocked":
            return Failure(kind="connect", status=502, message=error.message, code="address_blocked")
        case "proxy":
            return Failure(kind="connect", status=502, message=error.message, code="proxy_failed")
        case "timeout":
            return Failure(kind="timeout", status=504, message=error.message, code="upstream_timeout")
        case "closed":
            return Failure(kind="cut", status=502, message=error.message, code="upstream_closed")
        case "protocol":
            return Failure(kind="protocol", status=502, message=error.message, code="upstream_protocol")
        case _:
            assert_never(error.kind)
