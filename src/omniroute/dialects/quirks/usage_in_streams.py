"""Streams of the chat dialect report usage only when asked, so every stream is asked.

Implied for each target that speaks chat, unless it has `no_stream_options`. The chunk that comes of it is withheld
from a client that did not ask, so nobody has to be told
(platform.openai.com/docs/api-reference/chat, `stream_options.include_usage`).
"""

from omniroute.dialects.look import as_object
from omniroute.dialects.quirks.quirk import Quirk, Rewritten
from omniroute.ir.json import JsonObject


def _wire(body: JsonObject) -> Rewritten:
    if body.get("stream") is not True:
        return Rewritten(body)
    options = as_object(body.get("stream_options")) or {}
    if options.get("include_usage") is True:
        return Rewritten(body)
    return Rewritten({**body, "stream_options": {**options, "include_usage": True}})


USAGE_IN_STREAMS = Quirk(keys=("stream", "stream_options"), hint=b"true", wire=_wire)
