"""Failures in the Responses API: bodies and events of providers to values, values to what clients are sent.

A client gets the status of the failure and the type and code of a fixed table, unless the failure has a code of
its own. Sources: platform.openai.com/docs/guides/error-codes, the codes of `response.error` in the openai SDK, and
those that the Codex CLI acts upon.
"""

from email.utils import parsedate_to_datetime

import msgspec

from omniroute.dialects.base import ErrorReply, Headers
from omniroute.dialects.look import as_array, as_count, as_object, as_text
from omniroute.dialects.openai_responses.wire import ErrorBody
from omniroute.dialects.sse import event_frame
from omniroute.ir.failure import Failure, FailureKind
from omniroute.ir.json import JsonObject, JsonValue

_MAX_MESSAGE = 4096

_TABLE: dict[int, tuple[str, str]] = {
    400: ("invalid_request_error", "bad_request"),
    401: ("authentication_error", "invalid_api_key"),
    402: ("billing_error", "payment_required"),
    403: ("permission_error", "insufficient_quota"),
    404: ("invalid_request_error", "model_not_found"),
    406: ("invalid_request_error", "model_not_supported"),
    413: ("payload_too_large", "PAYLOAD_TOO_LARGE"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
    499: ("invalid_request_error", ""),
    500: ("server_error", "internal_server_error"),
    502: ("server_error", "bad_gateway"),
    503: ("server_error", "service_unavailable"),
    504: ("server_error", "gateway_timeout"),
}
"""Type and code by status, the same as in every dialect of OpenAI's."""

_KINDS: dict[int, FailureKind] = {
    401: "authentication",
    402: "payment",
    403: "permission",
    404: "not_found",
    408: "timeout",
    429: "rate_limit",
    499: "cancelled",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}

_STATUSES: dict[str, int] = {
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "usage_limit_reached": 429,
    "usage_not_included": 403,
    "server_is_overloaded": 503,
    "slow_down": 503,
    "vector_store_timeout": 504,
    "context_length_exceeded": 400,
    "invalid_prompt": 400,
    "previous_response_not_found": 404,
}
"""What a code in an answer means as a status; codes about images are the client's fault as well."""

_WORDS = frozenset(
    {"server_error", "rate_limit_exceeded", "invalid_prompt", "vector_store_timeout", "insufficient_quota"}
    | {"context_length_exceeded", "server_is_overloaded", "slow_down", "usage_limit_reached", "usage_not_included"}
)
"""Codes of `response.error` that clients know and that a failure of any dialect may have."""

_QUOTA_WORDS = ("rate limit", "rate_limit", "ratelimit", "quota", "usage_limit_reached", "limit reached")


def decode_failure(status: int, headers: Headers, body: bytes) -> Failure:
    """A response that is not 2xx, whatever its body looks like."""
    said = _parsed(body)
    error = as_object(said.get("error")) or (said or None)
    message = _message(said, error) or _plain_text(body) or f"the provider answered with status {status}"
    return Failure(
        kind=_kind(status),
        status=status,
        message=_one_line(message),
        code=_code(error),
        retry_after=_retry_after(headers),
        raw=error,
    )


def decode_error(holder: JsonObject) -> Failure:
    """The failure in a `response` object that failed, in an `error` event, or in a body that holds an error."""
    said = holder.get("error")
    error = as_object(said) or (holder if not said else None)
    message = _one_line(_message(holder, error) or "the provider reported an error without words")
    status = _status(holder, error, message)
    return Failure(kind=_kind(status), status=status, message=message, code=_code(error), raw=error)


def cut_short() -> Failure:
    return Failure(kind="cut", status=502, message="the provider's stream ended before it was complete")


def encode_failure(failure: Failure) -> ErrorReply:
    status = failure.status if failure.status >= 400 else 502
    fallback = ("server_error", "internal_server_error") if status >= 500 else ("invalid_request_error", "")
    kind, code = _TABLE.get(status, fallback)
    param = as_text((failure.raw or {}).get("param"))
    body: ErrorBody = {
        "error": {"message": _shown(failure), "type": kind, "code": failure.code or code, "param": param}
    }
    return ErrorReply(status, msgspec.json.encode(body))


def encode_stream_failure(failure: Failure, sequence: int = 0) -> bytes:
    """The `error` event, for a stream of which nothing else is known."""
    event: JsonObject = {
        "type": "error",
        "code": failure.code or error_code(failure),
        "message": _shown(failure),
        "param": as_text((failure.raw or {}).get("param")),
        "sequence_number": sequence,
    }
    return event_frame(b"error", msgspec.json.encode(event))


def response_error(failure: Failure) -> JsonObject:
    """`error` of a response that failed."""
    return {"code": error_code(failure), "message": _shown(failure)}


def error_code(failure: Failure) -> str:
    """One of the words that clients of this API know."""
    if failure.code in _WORDS:
        return failure.code or ""
    if failure.status == 429:
        return "rate_limit_exceeded"
    return "server_error" if failure.status >= 500 else "invalid_prompt"


def _kind(status: int) -> FailureKind:
    return _KINDS.get(status, "server" if status >= 500 else "invalid_request")


def _status(holder: JsonObject, error: JsonObject | None, message: str) -> int:
    for fields in (error or {}, holder):
        for name in ("status", "status_code", "code"):
            value = fields.get(name)
            status = int(value) if isinstance(value, str) and value.isdecimal() else as_count(value)
            if status is not None and 400 <= status <= 599:
                return status
    code = _code(error) or ""
    if code in _STATUSES:
        return _STATUSES[code]
    if "image" in code:
        return 400
    words = f"{message} {code} {(error or {}).get('type')}".lower()
    return 429 if any(word in words for word in _QUOTA_WORDS) else 502


def _parsed(body: bytes) -> JsonObject:
    try:
        said: JsonValue = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    items = as_array(said)
    return as_object(items[0] if items else said) or {}


def _message(said: JsonObject, error: JsonObject | None) -> str | None:
    for fields in (error or {}, said):
        for name in ("message", "detail", "error", "msg", "error_description", "title"):
            value = fields.get(name)
            if isinstance(value, str) and value.strip():
                return value
    details = [as_object(item) or {} for item in as_array(said.get("detail")) or ()]
    return "; ".join(text for detail in details if (text := as_text(detail.get("msg")))) or None


def _plain_text(body: bytes) -> str | None:
    """A short body without markup; pages of proxies are never shown."""
    text = body[:_MAX_MESSAGE].decode(errors="replace").strip()
    return None if not text or text.startswith(("<", "{", "[")) else text


def _code(error: JsonObject | None) -> str | None:
    value = (error or {}).get("code")
    return value if isinstance(value, str) and value and not value.isdecimal() else None


def _shown(failure: Failure) -> str:
    return _one_line(failure.message) or "the request failed"


def _one_line(message: str) -> str:
    """Only the first line ever reaches a client, so that no stack trace does."""
    lines = message.strip().splitlines()
    return lines[0][:_MAX_MESSAGE] if lines else ""


def _retry_after(headers: Headers) -> float | None:
    """Seconds to wait. A date counts from the provider's own clock, the `date` header beside it."""
    milliseconds = _decimal(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    said = headers.get("retry-after")
    seconds = _decimal(said)
    if seconds is not None or said is None or "date" not in headers:
        return seconds
    try:
        return max(0.0, (parsedate_to_datetime(said) - parsedate_to_datetime(headers["date"])).total_seconds())
    except (ValueError, TypeError):
        return None


def _decimal(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
