"""The provider knows no `developer` role: such messages are sent as `system`.

Needed by most OpenAI-compatible servers that are not OpenAI: MiniMax, DeepSeek and llama.cpp answer 400 to the
role. OpenAI itself treats the two alike on models that know both (platform.openai.com/docs, text generation).
"""

from omniroute.dialects.base import Loss
from omniroute.dialects.quirks.messages import rewrite_messages
from omniroute.dialects.quirks.quirk import Quirk, Rewritten
from omniroute.ir.json import JsonObject


def _as_system(message: JsonObject) -> JsonObject:
    return {**message, "role": "system"} if message.get("role") == "developer" else message


def _loss(index: int) -> Loss:
    return Loss(path=f"messages[{index}].role", what="developer role", how="approximated", weight="quality")


def _wire(body: JsonObject) -> Rewritten:
    return rewrite_messages(body, _as_system, _loss)


DEVELOPER_ROLE_IS_SYSTEM = Quirk(keys=("messages",), hint=b"developer", wire=_wire)
