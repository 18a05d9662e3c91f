"""The model wants its thinking back: assistant messages keep `reasoning_content`, and calls must have it.

Needed by DeepSeek's thinking mode (api-docs.deepseek.com: with tool calls, `reasoning_content` must be passed
back, else 400), Kimi K2 Thinking and QwQ-like models. The chat encoder writes `reasoning_content` only for targets
with this quirk; the hook adds the empty string to an assistant message with tool calls that lost its thinking.
"""

from omniroute.dialects.base import Loss
from omniroute.dialects.quirks.messages import rewrite_messages
from omniroute.dialects.quirks.quirk import Quirk, Rewritten
from omniroute.ir.json import JsonObject

NAME = "replay_reasoning_content"


def _with_reasoning(message: JsonObject) -> JsonObject:
    if not message.get("tool_calls") or isinstance(message.get("reasoning_content"), str):
        return message
    return {**message, "reasoning_content": ""}


def _loss(index: int) -> Loss:
    path = f"messages[{index}].reasoning_content"
    return Loss(path=path, what="empty reasoning", how="added", weight="quality")


def _wire(body: JsonObject) -> Rewritten:
    return rewrite_messages(body, _with_reasoning, _loss)


REPLAY_REASONING_CONTENT = Quirk(keys=("messages",), hint=b"tool_calls", wire=_wire)
