"""Failures of Bedrock as values: exceptions by name, in a header, a body or an event.

Source: docs.aws.amazon.com/bedrock/latest/APIReference (Converse, "Errors"; "Common Errors"). The header
`x-amzn-errortype` holds the name, sometimes with a namespace before `#` and an address behind `:`.
"""

from omniroute.dialects.base import Headers
from omniroute.dialects.failures import answered_with, kind_of_status, one_line
from omniroute.dialects.look import as_text
from omniroute.dialects.objects import read_object
from omniroute.ir.failure import Failure, FailureKind
from omniroute.ir.json import JsonObject

_EXCEPTIONS: dict[str, tuple[FailureKind, int]] = {
    "accessdeniedexception": ("permission", 403),
    "expiredtokenexception": ("authentication", 403),
    "internalserverexception": ("server", 500),
    "incompletesignatureexception": ("authentication", 403),
    "invalidsignatureexception": ("authentication", 403),
    "missingauthenticationtokenexception": ("authentication", 403),
    "modelerrorexception": ("server", 424),
    "modelnotreadyexception": ("overloaded", 429),
    "modelstreamerrorexception": ("server", 424),
    "modeltimeoutexception": ("timeout", 408),
    "resourcenotfoundexception": ("not_found", 404),
    "servicequotaexceededexception": ("rate_limit", 400),
    "serviceunavailableexception": ("overloaded", 503),
    "throttlingexception": ("rate_limit", 429),
    "unrecognizedclientexception": ("authentication", 403),
    "validationexception": ("invalid_request", 400),
}


def decode_failure(status: int, headers: Headers, body: bytes) -> Failure:
    """A response that is not 2xx, whatever its body looks like."""
    raw = read_object(body)
    name = _name(headers.get("x-amzn-errortype") or as_text((raw or {}).get("__type")) or "")
    known = _EXCEPTIONS.get(name.lower())
    return Failure(
        kind=known[0] if known is not None else kind_of_status(status),
        status=status,
        message=_message(raw) or answered_with(status),
        code=name or None,
        raw=raw,
    )


def decode_exception(name: str, payload: bytes) -> Failure:
    """An exception in a stream, or a failure in an answer that claimed success: only its name tells a status."""
    raw = read_object(payload)
    name = _name(name or as_text((raw or {}).get("__type")) or "")
    kind, status = _EXCEPTIONS.get(name.lower(), ("server", 502))
    message = _message(raw) or f"the provider reported {name or 'an error'} without words"
    return Failure(kind=kind, status=status, message=message, code=name or None, raw=raw)


def is_failure(answer: JsonObject) -> bool:
    """Whether a 2xx body tells of a failure instead of an answer."""
    return "output" not in answer and ("__type" in answer or bool(_message(answer)))


def _name(said: str) -> str:
    """Events write a small first letter, everything else a capital one."""
    name = said.partition(":")[0].rpartition("#")[2].strip()[:100]
    return name[:1].upper() + name[1:]


def _message(raw: JsonObject | None) -> str:
    return one_line((raw or {}).get("message")) or one_line((raw or {}).get("Message"))
