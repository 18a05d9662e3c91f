"""Errors of the Messages API: what a provider's failure means, and how a failure is told to a client.

Status, type and meaning: platform.claude.com/docs, "Errors". Evidence is weighed in the order status, type, text.
"""

import msgspec

from omniroute.dialects.anthropic.wire import ErrorBody, ErrorType
from omniroute.dialects.base import ErrorReply
from omniroute.dialects.failures import WORDLESS, answered_with, error_status, kind_of_status, one_line
from omniroute.dialects.look import as_object, as_text
from omniroute.dialects.objects import read_object
from omniroute.dialects.sse import event_frame
from omniroute.ir.failure import Failure, FailureKind
from omniroute.ir.json import JsonObject

_TYPES: dict[str, tuple[FailureKind, int]] = {
    "invalid_request_error": ("invalid_request", 400),
    "authentication_error": ("authentication", 401),
    "billing_error": ("payment", 402),
    "permission_error": ("permission", 403),
    "not_found_error": ("not_found", 404),
    "request_too_large": ("invalid_request", 413),
    "rate_limit_error": ("rate_limit", 429),
    "api_error": ("server", 500),
    "timeout_error": ("timeout", 504),
    "overloaded_error": ("overloaded", 529),
}

_STATUS_TYPES: dict[int, ErrorType] = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def decode_failure(status: int, body: bytes) -> Failure:
    """The failure that a response with an error status reports."""
    raw = read_object(body)
    error = as_object((raw or {}).get("error")) or {}
    word = as_text(error.get("type"))
    message = as_text(error.get("message")) or as_text((raw or {}).get("message"))
    message = one_line(message) or answered_with(status)
    return Failure(
        kind=_kind(status, message),
        status=status,
        message=message,
        code=word,
        raw=raw,
    )


def decode_error_body(body: JsonObject) -> Failure:
    """The failure in an `error` event, or in an answer that claimed success: only its type tells a status."""
    error = as_object(body.get("error")) or {}
    word = as_text(error.get("type"))
    kind, status = _TYPES.get(word or "", ("server", 500))
    message = one_line(error.get("message")) or WORDLESS
    return Failure(kind=kind, status=status, message=message, code=word, raw=body)


def encode_failure(failure: Failure, request_id: str) -> ErrorReply:
    body: ErrorBody = {**_error(failure), "request_id": request_id}
    return ErrorReply(error_status(failure), msgspec.json.encode(body))


def encode_stream_failure(failure: Failure, request_id: str = "") -> bytes:
    """The `error` event, which ends a stream."""
    body = _error(failure)
    if request_id:
        body["request_id"] = request_id
    return event_frame(b"error", msgspec.json.encode(body))


def _error(failure: Failure) -> ErrorBody:
    message = one_line(failure.message) or WORDLESS
    return {"type": "error", "error": {"type": _type(failure.status), "message": message}}


def _type(status: int) -> ErrorType:
    if status in _STATUS_TYPES:
        return _STATUS_TYPES[status]
    return "invalid_request_error" if 400 <= status < 500 else "api_error"


def _kind(status: int, message: str) -> FailureKind:
    # An account without credit is told so with a 400 of type invalid_request_error.
    if status == 400 and "credit balance is too low" in message:
        return "payment"
    return kind_of_status(status)
