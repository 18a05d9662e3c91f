"""Errors of the Gemini API: what a provider's failure means, and how a failure is told to a client.

Google's APIs answer with google.rpc.Status: a code, a word for it, a message and typed details.
Source: ai.google.dev/gemini-api/docs/troubleshooting and google/rpc/error_details.proto.
"""

import msgspec

from omniroute.dialects.base import ErrorReply
from omniroute.dialects.failures import WORDLESS, answered_with, error_status, kind_of_status, one_line
from omniroute.dialects.gemini.frames import frame
from omniroute.dialects.gemini.wire import ErrorBody, read_object
from omniroute.dialects.look import as_count, as_object, as_text, objects_in
from omniroute.ir.failure import Failure, FailureKind
from omniroute.ir.json import JsonObject

_TYPES = "type.googleapis.com/google.rpc."

_WORDS: dict[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
_STATUSES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_BAD_KEYS = frozenset({"API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED", "ACCESS_TOKEN_EXPIRED"})


def decode_failure(status: int, body: bytes) -> Failure:
    """The failure that a response with an error status reports."""
    read = read_object(body) or {}
    error = as_object(read.get("error")) or read
    message = one_line(error.get("message")) or one_line(read.get("error"))
    return Failure(
        kind=_kind(status, error),
        status=status,
        message=message or answered_with(status),
        code=as_text(error.get("status")),
        raw=error or None,
    )


def decode_error_body(body: JsonObject) -> Failure:
    """The failure in a chunk, or in an answer that claimed success: its own code tells the status."""
    error = as_object(body.get("error")) or {}
    word = as_text(error.get("status"))
    status = as_count(error.get("code")) or _STATUSES.get(word or "", 502)
    if not 400 <= status <= 599:
        status = 502
    message = one_line(error.get("message")) or WORDLESS
    return Failure(
        kind=_kind(status, error),
        status=status,
        message=message,
        code=word,
        raw=error,
    )


def encode_failure(failure: Failure, request_id: str) -> ErrorReply:
    return ErrorReply(error_status(failure), msgspec.json.encode(error_body(failure, request_id)))


def encode_stream_failure(failure: Failure, request_id: str) -> bytes:
    """The chunk with the error, which ends a stream."""
    return frame(msgspec.json.encode(error_body(failure, request_id)))


def error_body(failure: Failure, request_id: str) -> ErrorBody:
    status = error_status(failure)
    word = _WORDS.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")
    details: list[JsonObject] = []
    if failure.code is not None and failure.code not in _STATUSES:
        details.append({"@type": f"{_TYPES}ErrorInfo", "reason": failure.code, "domain": "omniroute"})
    if failure.retry_after is not None:
        details.append({"@type": f"{_TYPES}RetryInfo", "retryDelay": _seconds(failure.retry_after)})
    if request_id:
        details.append({"@type": f"{_TYPES}RequestInfo", "requestId": request_id})
    message = one_line(failure.message) or WORDLESS
    return {"error": {"code": status, "message": message, "status": word, "details": details}}


def _kind(status: int, error: JsonObject) -> FailureKind:
    # A wrong key is a 400 here, and only the reason tells it from a wrong body.
    if status == 400 and any(detail.get("reason") in _BAD_KEYS for detail in objects_in(error.get("details"))):
        return "authentication"
    return kind_of_status(status)


def _seconds(value: float) -> str:
    """A protobuf Duration, such as `1.5s`."""
    return f"{value:.3f}".rstrip("0").rstrip(".") + "s"
