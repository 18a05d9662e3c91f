"""Failures of Cohere as values: `{"message": "..."}` and a status, or a finish reason that is none.

Source: docs.cohere.com/reference/errors.
"""

from omniroute.dialects.failures import QUOTA_WORDS, answered_with, kind_of_status, one_line
from omniroute.dialects.look import as_text
from omniroute.dialects.objects import read_object
from omniroute.ir.failure import Failure, FailureKind
from omniroute.ir.json import JsonObject

_FAILED: dict[str, tuple[FailureKind, int]] = {"ERROR": ("server", 502), "TIMEOUT": ("timeout", 504)}
"""Finish reasons of an answer that the provider gave up."""


def decode_failure(status: int, body: bytes) -> Failure:
    """A response that is not 2xx, whatever its body looks like."""
    raw = read_object(body)
    return Failure(
        kind=kind_of_status(status),
        status=status,
        message=one_line((raw or {}).get("message")) or answered_with(status),
        raw=raw,
    )


def failure_in(answer: JsonObject) -> Failure | None:
    """The failure that an answer, or the delta of `message-end`, tells of."""
    reason = answer.get("finish_reason")
    said = answer.get("error")
    found = _FAILED.get(reason) if isinstance(reason, str) else None
    if found is None and not said:
        return None
    message = one_line(said) or "the provider gave up the answer without saying why"
    kind, status = _meant(message) or found or ("server", 502)
    return Failure(kind=kind, status=status, message=message, code=as_text(reason), raw=answer)


def failure_without_answer(answer: JsonObject) -> Failure | None:
    """The failure in a 2xx body or an event that is nothing but a message."""
    message = one_line(answer.get("message")) or one_line(answer.get("error"))
    kind, status = _meant(message) or ("server", 502)
    return Failure(kind=kind, status=status, message=message, raw=answer) if message else None


def _meant(message: str) -> tuple[FailureKind, int] | None:
    """What an error without a status says about itself."""
    limited = any(word in message.lower() for word in QUOTA_WORDS)
    return ("rate_limit", 429) if limited else None
