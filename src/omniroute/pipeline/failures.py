"""Failures that the gateway itself states, and edge errors as failures."""

import asyncio
from typing import Final, assert_never

from omniroute.dialects.failures import kind_of_status
from omniroute.errors import GatewayError, UpstreamError
from omniroute.ir.failure import Failure
from omniroute.pipeline.exchange import Exchange

CLIENT_LEFT: Final = Failure(kind="cancelled", status=499, message="the client closed the connection")
DRAINING: Final = Failure(
    kind="overloaded", status=503, message="the server is shutting down; send the request again", code="draining"
)
BUSY_S: Final = 1
"""Seconds after which one that was sent away may come again."""
BUSY: Final = Failure(
    kind="overloaded",
    status=503,
    message="the gateway has as many requests under way as routing.max_inflight allows; send the request again",
    code="too_busy",
    retry_after=BUSY_S,
)
INTERNAL: Final = Failure(
    kind="server",
    status=500,
    message="internal error; the log has it under this request id",
    code="internal_error",
)


def of_gateway(error: GatewayError) -> Failure:
    """An edge error as a value, for the caller's dialect to encode."""
    return Failure(
        kind=kind_of_status(error.status),
        status=error.status,
        message=error.message,
        code=error.code,
        retry_after=error.retry_after_s,
    )


def reason(error: BaseException, exchange: Exchange) -> Failure:
    """Why a request ended that an exception went through: an edge error, a client that left, or a bug."""
    if isinstance(error, GatewayError):
        return of_gateway(error)
    if isinstance(error, asyncio.CancelledError):
        return exchange.stopped or CLIENT_LEFT
    return INTERNAL


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
