"""Failures as bodies and events for clients of the Responses API; `dialects.openai_failures` reads providers'.

Sources: the codes of `response.error` in the openai SDK, and those that the Codex CLI acts upon.
"""

import msgspec

from omniroute.dialects.base import ErrorReply
from omniroute.dialects.failures import WORDLESS, error_status, one_line
from omniroute.dialects.look import as_text
from omniroute.dialects.openai_failures import type_and_code
from omniroute.dialects.openai_responses.wire import ErrorBody
from omniroute.dialects.sse import event_frame
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject

_WORDS = frozenset(
    {"server_error", "rate_limit_exceeded", "invalid_prompt", "vector_store_timeout", "insufficient_quota"}
    | {"context_length_exceeded", "server_is_overloaded", "slow_down", "usage_limit_reached", "usage_not_included"}
)
"""Codes of `response.error` that clients know and that a failure of any dialect may have."""


def encode_failure(failure: Failure) -> ErrorReply:
    status = error_status(failure)
    kind, code = type_and_code(status)
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


def _shown(failure: Failure) -> str:
    return one_line(failure.message) or WORDLESS
