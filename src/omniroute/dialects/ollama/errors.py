"""Failures of Ollama servers as values, and values as errors for clients: `{"error": "<message>"}` and a status.

Source: docs.ollama.com/api/errors. An error in a stream is a line of the same shape; there the status is gone.
"""

from email.utils import parsedate_to_datetime

import msgspec

from omniroute.dialects.base import ErrorReply, Headers
from omniroute.dialects.look import as_count, as_object, as_text
from omniroute.dialects.ollama.wire import ErrorBody, read_object
from omniroute.ir.failure import Failure, FailureKind
from omniroute.ir.json import JsonObject

_LONGEST_MESSAGE = 4096

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
_QUOTA_WORDS = ("rate limit", "rate_limit", "quota", "usage limit", "limit reached", "too many requests")


def decode_failure(status: int, headers: Headers, body: bytes) -> Failure:
    """A response that is not 2xx, whatever its body looks like."""
    answer = read_object(body)
    message = _one_line(_message(answer or {}) or (_plain_text(body) if answer is None else None))
    return Failure(
        kind=_kind(status),
        status=status,
        message=message or f"the provider answered with status {status}",
        code=_code(answer or {}),
        retry_after=_retry_after(headers),
        raw=answer,
    )


def failure_in_answer(answer: JsonObject) -> Failure | None:
    """The failure that a 2xx body or a line of a stream holds instead of an answer."""
    if not answer.get("error"):
        return None
    message = _one_line(_message(answer)) or "the provider reported an error without words"
    status = _status(answer, message)
    return Failure(kind=_kind(status), status=status, message=message, code=_code(answer), raw=answer)


def encode_failure(failure: Failure) -> ErrorReply:
    status = failure.status if failure.status >= 400 else 502
    return ErrorReply(status, msgspec.json.encode(_body(failure)))


def encode_stream_failure(failure: Failure) -> bytes:
    """The line that ends a stream which has already begun."""
    return msgspec.json.encode(_body(failure)) + b"\n"


def cut_short() -> Failure:
    return Failure(kind="cut", status=502, message="the provider's stream ended before it was complete")


def _body(failure: Failure) -> ErrorBody:
    return {"error": _one_line(failure.message) or "the provider reported an error without words"}


def _kind(status: int) -> FailureKind:
    return _KINDS.get(status, "server" if status >= 500 else "invalid_request")


def _message(answer: JsonObject) -> str | None:
    error = answer.get("error")
    inner = as_object(error) or {}
    return as_text(error) or as_text(inner.get("message")) or as_text(answer.get("message"))


def _code(answer: JsonObject) -> str | None:
    """Ollama itself has no codes; servers that copy OpenAI's error object do."""
    inner = as_object(answer.get("error")) or {}
    return as_text(inner.get("code")) or None


def _status(answer: JsonObject, message: str) -> int:
    for fields in (answer, as_object(answer.get("error")) or {}):
        for name in ("status_code", "status", "code"):
            status = as_count(fields.get(name))
            if status is not None and 400 <= status <= 599:
                return status
    return 429 if any(word in message.lower() for word in _QUOTA_WORDS) else 502


def _plain_text(body: bytes) -> str | None:
    """A short body without markup; pages of proxies are never shown."""
    text = body[:_LONGEST_MESSAGE].decode(errors="replace").strip()
    return None if text.startswith(("<", "{", "[")) else text


def _one_line(message: str | None) -> str:
    """Only the first line ever reaches a client, so that no stack trace does."""
    lines = (message or "").strip().splitlines()
    return lines[0][:_LONGEST_MESSAGE] if lines else ""


def _retry_after(headers: Headers) -> float | None:
    """Seconds from `retry-after`, which is a number or a date; a date counts from the answer's own `date`."""
    words = headers.get("retry-after")
    if words is None:
        return None
    try:
        seconds = float(words)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(words) - parsedate_to_datetime(headers["date"])).total_seconds()
        except (KeyError, ValueError, TypeError):
            return None
    return seconds if 0 <= seconds < float("inf") else None
