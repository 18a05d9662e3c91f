"""Usage, finish and emptiness of a whole answer that is passed on untouched, read without decoding its content."""

import msgspec

from omniroute.dialects.base import Glance
from omniroute.dialects.openai_responses.finish import decode_finish
from omniroute.dialects.openai_responses.response import decode_response
from omniroute.dialects.openai_responses.usage import decode_usage
from omniroute.errors import UpstreamError
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject

_ABSENT = msgspec.Raw()
_NOTHING = (b"", b"null", b'""', b"[]")
_CALLS = ("function_call", "custom_tool_call")


class _Item(msgspec.Struct, frozen=True):
    type: str = ""
    name: str | None = None
    content: msgspec.Raw = _ABSENT
    summary: msgspec.Raw = _ABSENT
    encrypted_content: msgspec.Raw = _ABSENT


class _Answer(msgspec.Struct, frozen=True):
    output: list[_Item]
    status: str | None = None
    usage: JsonObject | None = None
    service_tier: str | None = None
    error: msgspec.Raw = _ABSENT
    incomplete_details: JsonObject | None = None


_decoder = msgspec.json.Decoder(_Answer)


def glance(body: bytes) -> Glance:
    """Raises `UpstreamError(kind="protocol")` when `body` is no response. One that runs in the background has no
    finish yet and is not empty either."""
    try:
        seen = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _slow_glance(body)
    if bytes(seen.error) not in _NOTHING or seen.status in ("failed", "cancelled"):
        return _slow_glance(body)
    usage = None if seen.usage is None else decode_usage(seen.usage, seen.service_tier)
    if seen.status in ("queued", "in_progress"):
        return Glance(usage=usage, finish=None, empty=False)
    called = any(item.type in _CALLS and item.name for item in seen.output)
    said: JsonObject = {"status": seen.status, "incomplete_details": seen.incomplete_details}
    return Glance(
        usage=usage,
        finish=decode_finish(said, called=called),
        empty=not any(_holds_content(item) for item in seen.output),
    )


def _slow_glance(body: bytes) -> Glance:
    """For bodies of an unusual shape, which the full decoder may still understand."""
    decoded = decode_response(body)
    if isinstance(decoded, Failure):
        raise UpstreamError("protocol", f"the provider answered 200 with an error: {decoded.message}")
    return Glance(usage=decoded.usage, finish=decoded.finish, empty=not decoded.parts)


def _holds_content(item: _Item) -> bool:
    match item.type:
        case "message":
            return bytes(item.content) not in _NOTHING
        case "reasoning":
            return any(bytes(raw) not in _NOTHING for raw in (item.content, item.summary, item.encrypted_content))
        case "function_call" | "custom_tool_call":
            return bool(item.name)
        case _:
            return True
