"""Claude on Google's Vertex AI: the model is in the path, and the API's version in the body.

Source: docs.cloud.google.com/vertex-ai, "Claude models", and `lib/vertex` of the anthropic SDK 1.x.
"""

from omniroute.dialects.quirks.quirk import Quirk, Rewritten
from omniroute.ir.json import JsonObject

VERSION = "vertex-2023-10-16"


def _wire(body: JsonObject) -> Rewritten:
    rest = {name: value for name, value in body.items() if name != "model"}
    rest.setdefault("anthropic_version", VERSION)
    return Rewritten(rest)


VERTEX_ANTHROPIC = Quirk(keys=("model", "anthropic_version"), wire=_wire)
