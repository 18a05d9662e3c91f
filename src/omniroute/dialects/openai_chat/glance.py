"""A glance at an answer that is passed on untouched: usage, finish and emptiness, without decoding its content."""

import msgspec

from omniroute.dialects.base import Glance
from omniroute.dialects.openai_chat.finish import decode_finish
from omniroute.dialects.openai_chat.response import decode_response
from omniroute.dialects.openai_chat.usage import Common, common_usage
from omniroute.errors import UpstreamError
from omniroute.ir.failure import Failure

_ABSENT = msgspec.Raw()


class _MessageGlance(msgspec.Struct, frozen=True):
    content: msgspec.Raw = _ABSENT
    tool_calls: msgspec.Raw = _ABSENT
    function_call: msgspec.Raw = _ABSENT
    refusal: msgspec.Raw = _ABSENT
    reasoning_content: msgspec.Raw = _ABSENT
    reasoning: msgspec.Raw = _ABSENT
    audio: msgspec.Raw = _ABSENT
    images: msgspec.Raw = _ABSENT


class _ChoiceGlance(msgspec.Struct, frozen=True):
    message: _MessageGlance = _MessageGlance()
    finish_reason: str | None = None


class _AnswerGlance(msgspec.Struct, frozen=True):
    choices: list[_ChoiceGlance] | None = None
    usage: Common | None = None
    service_tier: str | None = None
    error: msgspec.Raw = _ABSENT


_GLANCE = msgspec.json.Decoder(_AnswerGlance)
_NOTHING = (b"", b"null", b'""', b"[]", b"{}")
_LONGEST_NOTHING = 4


def glance(body: bytes) -> Glance:
    """Usage, finish and emptiness of an answer that is passed on untouched."""
    try:
        seen = _GLANCE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _slow_glance(body)
    if seen.error is not _ABSENT and _holds(seen.error):
        return _slow_glance(body)
    if seen.choices is None:
        raise UpstreamError("protocol", "the provider's answer has no choices")
    first = seen.choices[0] if seen.choices else None
    called = first is not None and _holds(first.message.tool_calls)
    usage = None if seen.usage is None else common_usage(seen.usage, seen.service_tier)
    if usage is None and seen.usage is not None:
        return _slow_glance(body)
    return Glance(
        usage=usage,
        finish=None if first is None else decode_finish(first.finish_reason, called=called),
        empty=not any(_holds_content(choice.message) for choice in seen.choices),
    )


def _slow_glance(body: bytes) -> Glance:
    """For bodies of an unusual shape, which the full decoder may still understand."""
    decoded = decode_response(body)
    if isinstance(decoded, Failure):
        raise UpstreamError("protocol", f"the provider answered 200 with an error: {decoded.message}")
    return Glance(usage=decoded.usage, finish=decoded.finish, empty=not decoded.parts)


def _holds_content(message: _MessageGlance) -> bool:
    return len(message.content) > _LONGEST_NOTHING or (
        _holds(message.content)
        or _holds(message.tool_calls)
        or _holds(message.refusal)
        or _holds(message.reasoning_content)
        or _holds(message.reasoning)
        or _holds(message.function_call)
        or _holds(message.audio)
        or _holds(message.images)
    )


def _holds(raw: msgspec.Raw) -> bool:
    return len(raw) > _LONGEST_NOTHING or bytes(raw) not in _NOTHING
