"""Usage and end of a whole answer that is passed on untouched, read without decoding its content."""

import msgspec

from omniroute.dialects.anthropic.usage import decode_finish, decode_usage
from omniroute.dialects.base import Glance
from omniroute.errors import UpstreamError
from omniroute.ir.json import JsonObject


class _Answer(msgspec.Struct):
    content: msgspec.Raw
    usage: JsonObject | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None


_decoder = msgspec.json.Decoder(_Answer)


def glance(body: bytes) -> Glance:
    """Raises `UpstreamError(kind="protocol")` when `body` is not a message."""
    try:
        answer = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        raise UpstreamError("protocol", f"the provider's answer is not a message: {broken}") from broken
    content = bytes(answer.content)
    if not content.startswith(b"["):
        raise UpstreamError("protocol", "the provider's answer has no list of content blocks")
    return Glance(
        usage=decode_usage(answer.usage) if answer.usage else None,
        # Without a stop reason only the blocks could tell a call from a stop, and they are not read here.
        finish=decode_finish(answer.stop_reason, answer.stop_sequence, called=False)
        if answer.stop_reason
        else None,
        empty=not content[1:-1].strip(),
    )
