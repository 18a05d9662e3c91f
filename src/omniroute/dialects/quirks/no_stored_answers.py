"""The provider keeps no answers: `store` and `prompt_cache_retention` are OpenAI's own and are not sent.

Implied for every target that speaks chat, unless its row has the quirk `stores_answers`: strict servers answer 400
to members they do not know (platform.openai.com/docs/api-reference/chat has both members; no other vendor's
documentation of chat completions does). Not to store is what such a provider does anyway, so only a wish to store
is a loss.
"""

from omniroute.dialects.base import Loss
from omniroute.dialects.quirks.quirk import Quirk, Rewritten
from omniroute.ir.json import JsonObject

_STORE, _RETENTION = "store", "prompt_cache_retention"


def _wire(body: JsonObject) -> Rewritten:
    if _STORE not in body and _RETENTION not in body:
        return Rewritten(body)
    losses: list[Loss] = []
    if body.get(_STORE):
        losses.append(Loss(path=_STORE, what="stored answer", how="dropped", weight="quality"))
    if body.get(_RETENTION) is not None:
        losses.append(Loss(path=_RETENTION, what="cache retention", how="dropped", weight="cost"))
    kept = {name: value for name, value in body.items() if name not in (_STORE, _RETENTION)}
    return Rewritten(kept, tuple(losses))


NO_STORED_ANSWERS = Quirk(keys=(_STORE, _RETENTION), wire=_wire)
