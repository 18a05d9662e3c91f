"""What a client of Anthropic's Messages is told."""

from typing import Final

import msgspec

from omniroute.ir.result import Usage
from tests.golden.hear.heard import Ending, Heard, of_told
from tests.support import order, strict
from tests.support.order import ToldCall

FINISH: Final[dict[Ending, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "filter": "refusal",
}
HAS_SEALS: Final = True
HAS_IDS: Final = True


def whole(raw: bytes) -> Heard:
    message = strict.message(raw)
    heard = Heard(finish=message["stop_reason"], usage=message["usage"])
    for block in message["content"]:
        match block["type"]:
            case "text":
                heard.text += block["text"]
            case "thinking":
                heard.reasoning += block["thinking"]
                heard.seals += [block["signature"]] if block["signature"] else []
            case "tool_use":
                written = msgspec.json.encode(block["input"]).decode()
                heard.calls.append(ToldCall(block["id"], block["name"], written))
    return heard


def stream(raw: bytes) -> Heard:
    strict.message_stream(raw)
    return of_told(order.anthropic(raw))


def error(raw: bytes) -> str:
    return strict.anthropic_error(raw)["error"]["message"]


def tokens(usage: dict) -> dict[str, int]:
    return {
        "input": usage["input_tokens"],
        "cache_read": usage.get("cache_read_input_tokens") or 0,
        "cache_write": usage.get("cache_creation_input_tokens") or 0,
        "output": usage["output_tokens"],
    }


def sayable(usage: Usage) -> dict[str, int]:
    return {
        "input": usage.input,
        "cache_read": usage.cache_read,
        "cache_write": usage.cache_write,
        "output": usage.output,
    }
