"""The model samples in its own way: temperature, top_p and the penalties are refused unless they are the default.

Needed by OpenAI's reasoning models (400 `unsupported_value`; platform.openai.com/docs/guides/reasoning lists the
parameters) and by models that the catalogue knows to take no temperature.
"""

from omniroute.dialects.base import Loss
from omniroute.dialects.quirks.quirk import Quirk, Rewritten
from omniroute.ir.json import JsonObject

_DEFAULTS = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}


def _wire(body: JsonObject) -> Rewritten:
    refused = [name for name, default in _DEFAULTS.items() if body.get(name) not in (None, default)]
    if not refused:
        return Rewritten(body)
    losses = tuple(Loss(path=name, what=name, how="dropped", weight="quality") for name in refused)
    return Rewritten({name: value for name, value in body.items() if name not in refused}, losses)


FIXED_SAMPLING = Quirk(keys=tuple(_DEFAULTS), wire=_wire)
