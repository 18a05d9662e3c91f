"""The provider refuses `stream_options`: it is removed, and usage of a stream is then an estimate.

Needed by older OpenAI-compatible servers that validate the body strictly (422 "extra fields not permitted").
"""

from omniroute.dialects.base import Loss
from omniroute.dialects.quirks.quirk import Quirk, Rewritten
from omniroute.ir.json import JsonObject

NAME = "no_stream_options"


def _wire(body: JsonObject) -> Rewritten:
    if "stream_options" not in body:
        return Rewritten(body)
    loss = Loss(path="stream_options", what="stream options", how="dropped", weight="cost")
    return Rewritten({name: value for name, value in body.items() if name != "stream_options"}, (loss,))


NO_STREAM_OPTIONS = Quirk(keys=("stream_options",), wire=_wire)
