"""Failures of Ollama servers as values, and values as errors for clients: `{"error": "<message>"}` and a status.

Source: docs.ollama.com/api/errors. An error in a stream is a line of the same shape; there the status is gone.
"""

import msgspec

from omniroute.dialects.base import ErrorReply
from omniroute.dialects.failures import (
    QUOTA_WORDS,
    WORDLESS,
    answered_with,
    error_status,
    kind_of_status,
    one_line,
    plain_text,
)
from omniroute.dialects.look import as_count, as_object, as_text
from omniroute.dialects.objects import read_object
from omniroute.dialects.ollama.wire import ErrorBody
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject


def decode_failure(status: int, body: bytes) -> Failure:
    """A response that is not 2xx, whatever its body looks like."""
    answer = read_object(body)
    message = one_line(_message(answer) if answer is not None else plain_text(body))
    return Failure(
        kind=kind_of_status(status),
        status=status,
        message=message or answered_with(status),
        code=_code(answer or {}),
        raw=answer,
    )


def failure_in_answer(answer: JsonObject) -> Failure | None:
    """The failure that a 2xx body or a line of a stream holds instead of an answer."""
    if not answer.get("error"):
        return None
    message = one_line(_message(answer)) or WORDLESS
    status = _status(answer, message)
    return Failure(kind=kind_of_status(status), status=status, message=message, code=_code(answer), raw=answer)


def encode_failure(failure: Failure) -> ErrorReply:
    return ErrorReply(error_status(failure), msgspec.json.encode(_body(failure)))


def encode_stream_failure(failure: Failure) -> bytes:
    """The line that ends a stream which has already begun."""
    return msgspec.json.encode(_body(failure)) + b"\n"


def _body(failure: Failure) -> ErrorBody:
    return {"error": one_line(failure.message) or WORDLESS}


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
    return 429 if any(word in message.lower() for word in QUOTA_WORDS) else 502
