"""Failures as OpenAI and the many who imitate it put them: bodies and statuses to values, and their words to them.

Shapes seen: OpenAI's own (platform.openai.com/docs/guides/error-codes), FastAPI's `detail`, a bare string,
Google's one-element list.
"""

from typing import Final

from omniroute.dialects.failures import (
    QUOTA_WORDS,
    WORDLESS,
    answered_with,
    kind_of_status,
    one_line,
    plain_text,
)
from omniroute.dialects.look import as_array, as_count, as_object, as_text
from omniroute.dialects.objects import read_json
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject

_TYPES_AND_CODES: Final[dict[int, tuple[str, str]]] = {
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

_CODES: Final[dict[str, int]] = {
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
"""What a code in an answer or a stream means as a status; codes about images are the client's fault as well."""


def decode_failure(status: int, body: bytes) -> Failure:
    """A response that is not 2xx, whatever its body looks like."""
    said = _parsed(body)
    error = as_object(said.get("error")) or (said or None)
    return Failure(
        kind=kind_of_status(status),
        status=status,
        message=one_line(_message(said, error)) or one_line(plain_text(body)) or answered_with(status),
        code=_code(error),
        raw=error,
    )


def failure_in_answer(answer: JsonObject) -> Failure | None:
    """The failure that a 2xx body or a chunk of a stream holds instead of an answer."""
    return reported(answer) if answer.get("error") else None


def reported(holder: JsonObject) -> Failure:
    """The failure that `holder` tells of: in its `error`, or as a whole. Nothing but its words tells a status."""
    said = holder.get("error")
    error = as_object(said) or (holder if not said else None)
    message = one_line(_message(holder, error)) or WORDLESS
    status = _status(holder, error, message)
    return Failure(kind=kind_of_status(status), status=status, message=message, code=_code(error), raw=error)


def type_and_code(status: int) -> tuple[str, str]:
    """What OpenAI's clients are told beside an error status; the code may be empty."""
    usual = ("server_error", "internal_server_error") if status >= 500 else ("invalid_request_error", "")
    return _TYPES_AND_CODES.get(status, usual)


def _status(holder: JsonObject, error: JsonObject | None, message: str) -> int:
    for fields in (error or {}, holder):
        for name in ("status", "status_code", "code"):
            value = fields.get(name)
            status = int(value) if isinstance(value, str) and value.isdecimal() else as_count(value)
            if status is not None and 400 <= status <= 599:
                return status
    code = _code(error) or ""
    if code in _CODES:
        return _CODES[code]
    if "image" in code:
        return 400
    words = f"{message} {code} {(error or {}).get('type')}".lower()
    return 429 if any(word in words for word in QUOTA_WORDS) else 502


def _parsed(body: bytes) -> JsonObject:
    said = read_json(body)
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


def _code(error: JsonObject | None) -> str | None:
    value = (error or {}).get("code")
    return value if isinstance(value, str) and value and not value.isdecimal() else None
