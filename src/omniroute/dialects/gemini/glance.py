"""Usage and end of a whole answer that is passed on untouched, read without decoding its content."""

import msgspec

from omniroute.dialects.base import Glance
from omniroute.dialects.gemini.response import decode_response
from omniroute.dialects.gemini.usage import blocked, decode_finish, decode_usage
from omniroute.dialects.look import as_array
from omniroute.errors import UpstreamError
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject, JsonValue

_ABSENT = msgspec.Raw()
_SHORT = 256


class _Content(msgspec.Struct, frozen=True):
    parts: msgspec.Raw = _ABSENT


class _Candidate(msgspec.Struct, frozen=True):
    content: _Content = _Content()
    finishReason: str | None = None


class _Answer(msgspec.Struct, frozen=True):
    candidates: list[_Candidate]
    usageMetadata: JsonObject | None = None
    promptFeedback: JsonObject | None = None


_decoder = msgspec.json.Decoder(_Answer)


def glance(body: bytes) -> Glance:
    """Raises `UpstreamError(kind="protocol")` when `body` is not an answer of `generateContent`."""
    try:
        answer = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _slow_glance(body)
    if not answer.candidates and answer.promptFeedback is None:
        return _slow_glance(body)
    first = answer.candidates[0] if answer.candidates else _Candidate()
    parts = bytes(first.content.parts)
    finish = None
    if first.finishReason is not None:
        # Inside a text the quotes of this word would be escaped.
        finish = decode_finish(first.finishReason, called=b'"functionCall"' in parts)
    return Glance(
        usage=None if answer.usageMetadata is None else decode_usage(answer.usageMetadata),
        finish=finish or blocked(answer.promptFeedback),
        empty=len(parts) < _SHORT and _is_empty(parts),
    )


def _is_empty(parts: bytes) -> bool:
    try:
        found: JsonValue = msgspec.json.decode(parts) if parts else None
    except msgspec.DecodeError:
        return False
    return all(part == {"text": ""} for part in as_array(found) or ())


def _slow_glance(body: bytes) -> Glance:
    """For bodies of an unusual shape, which the full decoder may still understand."""
    decoded = decode_response(body)
    if isinstance(decoded, Failure):
        raise UpstreamError("protocol", f"the provider answered 200 with an error: {decoded.message}")
    return Glance(usage=decoded.usage, finish=decoded.finish, empty=not decoded.parts)
