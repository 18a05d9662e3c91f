"""The provider refuses thinking in the history: `reasoning_content` and its spellings are removed from messages.

Needed by endpoints that validate messages strictly (Groq, Mistral and Cerebras answer 400 to the unknown member;
older OpenAI deployments too). A translated request never carries it; this is for same-dialect histories, which
a client may have begun with a thinking model elsewhere.
"""

from omniroute.dialects.base import Loss
from omniroute.dialects.quirks.messages import rewrite_messages
from omniroute.dialects.quirks.quirk import Quirk, Rewritten
from omniroute.ir.json import JsonObject

_SPELLINGS = frozenset({"reasoning_content", "reasoning", "reasoning_details"})


def _without_reasoning(message: JsonObject) -> JsonObject:
    if message.get("role") != "assistant" or _SPELLINGS.isdisjoint(message):
        return message
    return {name: value for name, value in message.items() if name not in _SPELLINGS}


def _loss(index: int) -> Loss:
    return Loss(path=f"messages[{index}].reasoning_content", what="reasoning", how="dropped", weight="quality")


def _wire(body: JsonObject) -> Rewritten:
    return rewrite_messages(body, _without_reasoning, _loss)


NO_REASONING_CONTENT = Quirk(keys=("messages",), hint=b'"reasoning', wire=_wire)
