"""A glance at an answer that is passed on untouched: usage, finish and emptiness, without decoding its content."""

import msgspec

from omniroute.dialects.base import Glance
from omniroute.dialects.ollama.metrics import METRICS, decode_finish, decode_usage
from omniroute.ir.json import JsonObject, JsonValue

_ABSENT = msgspec.Raw()
_NOTHING = (b"", b"null", b'""', b"[]", b"{}")
_LONGEST_NOTHING = 4


class _MessageGlance(msgspec.Struct, frozen=True):
    content: msgspec.Raw = _ABSENT
    thinking: msgspec.Raw = _ABSENT
    tool_calls: msgspec.Raw = _ABSENT
    images: msgspec.Raw = _ABSENT


class _AnswerGlance(msgspec.Struct, frozen=True):
    message: _MessageGlance
    done_reason: JsonValue = None
    error: msgspec.Raw = _ABSENT
    total_duration: JsonValue = None
    load_duration: JsonValue = None
    prompt_eval_count: JsonValue = None
    prompt_eval_duration: JsonValue = None
    eval_count: JsonValue = None
    eval_duration: JsonValue = None


_GLANCE = msgspec.json.Decoder(_AnswerGlance)


def glance(body: bytes) -> Glance | None:
    """None for a body of an unusual shape, which the full decoder may still understand."""
    try:
        seen = _GLANCE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if _holds(seen.error):
        return None
    message = seen.message
    called = _holds(message.tool_calls)
    metrics: JsonObject = {name: getattr(seen, name) for name in METRICS}
    return Glance(
        usage=decode_usage(metrics),
        finish=decode_finish(seen.done_reason, called=called),
        empty=not (called or _holds(message.content) or _holds(message.thinking) or _holds(message.images)),
    )


def _holds(raw: msgspec.Raw) -> bool:
    return len(raw) > _LONGEST_NOTHING or bytes(raw) not in _NOTHING
