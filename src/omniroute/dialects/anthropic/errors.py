"""Errors of the Messages API: what a provider's failure means, and how a failure is told to a client.

Status, type and meaning: platform.claude.com/docs, "Errors". Evidence is weighed in the order status, type, text.
"""

from email.utils import parsedate_to_datetime

import msgspec

from omniroute.dialects.anthropic.wire import ErrorBody, ErrorType, read_object
from omniroute.dialects.base import ErrorReply, Headers
from omniroute.dialects.look import as_object, as_text
from omniroute.dialects.sse import event_frame
from omniroute.ir.failure import Failure, FailureKind
from omniroute.ir.json import JsonObject

_LONGEST_MESSAGE = 4096

_STATUS_KINDS: dict[int, FailureKind] = {
    401: "authentication",
    402: "payment",
    403: "permission",
    404: "not_found",
    408: "timeout",
    429: "rate_limit",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}

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


def decode_failure(status: int, headers: Headers, body: bytes) -> Failure:
    """The failure that a response with an error status reports."""
    raw = read_object(body)
    error = as_object((raw or {}).get("error")) or {}
    word = as_text(error.get("type"))
    message = as_text(error.get("message")) or as_text((raw or {}).get("message"))
    message = _one_line(message) or f"the provider answered with status {status} and no message"
    return Failure(
        kind=_kind(status, message),
        status=status,
        message=message,
        code=word,
        retry_after=_retry_after(headers),
        raw=raw,
    )


def decode_error_body(body: JsonObject) -> Failure:
    """The failure in an `error` event, or in an answer that claimed success: only its type tells a status."""
    error = as_object(body.get("error")) or {}
    word = as_text(error.get("type"))
    kind, status = _TYPES.get(word or "", ("server", 500))
    message = _one_line(as_text(error.get("message"))) or "the provider reported an error without a message"
    return Failure(kind=kind, status=status, message=message, code=word, raw=body)


def encode_failure(failure: Failure, request_id: str) -> ErrorReply:
    status = failure.status if failure.status >= 400 else 502
    body: ErrorBody = {**_error(failure), "request_id": request_id}
    return ErrorReply(status, msgspec.json.encode(body))


def encode_stream_failure(failure: Failure, request_id: str = "") -> bytes:
    """The `error` event, which ends a stream."""
    body = _error(failure)
    if request_id:
        body["request_id"] = request_id
    return event_frame(b"error", msgspec.json.encode(body))


def cut_short() -> Failure:
    return Failure(
        kind="cut", status=502, message="the provider ended the stream before the answer was complete; try again"
    )


def _error(failure: Failure) -> ErrorBody:
    message = _one_line(failure.message) or "the request failed"
    return {"type": "error", "error": {"type": _type(failure.status), "message": message}}


def _type(status: int) -> ErrorType:
    if status in _STATUS_TYPES:
        return _STATUS_TYPES[status]
    return "invalid_request_error" if 400 <= status < 500 else "api_error"


def _kind(status: int, message: str) -> FailureKind:
    if status in _STATUS_KINDS:
        return _STATUS_KINDS[status]
    if status >= 500:
        return "server"
    # An account without credit is told so with a 400 of type invalid_request_error.
    if status == 400 and "credit balance is too low" in message:
        return "payment"
    return "invalid_request"


def _one_line(message: str | None) -> str:
    lines = (message or "").strip().splitlines()
    return lines[0][:_LONGEST_MESSAGE] if lines else ""


def _retry_after(headers: Headers) -> float | None:
    """Seconds from `retry-after`, which is a number or a date; a date counts from the answer's own `date`."""
    said = headers.get("retry-after")
    if said is None:
        return None
    try:
        seconds = float(said)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(said) - parsedate_to_datetime(headers["date"])).total_seconds()
        except (KeyError, ValueError, TypeError):
            return None
    return seconds if 0 <= seconds < float("inf") else None
