"""What a client of Chat Completions is told."""

from typing import Final

from omniroute.ir.result import Usage
from tests.golden.hear.heard import Ending, Heard, of_told
from tests.support import order, strict
from tests.support.order import ToldCall

FINISH: Final[dict[Ending, str]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "filter": "content_filter",
}
HAS_SEALS: Final = False
HAS_IDS: Final = True


def whole(raw: bytes) -> Heard:
    choice = strict.chat_completion(raw)["choices"][0]
    message = choice["message"]
    calls = message.get("tool_calls") or []
    return Heard(
        text=message["content"] or "",
        refusal=message.get("refusal") or "",
        reasoning=message.get("reasoning_content") or "",
        calls=[ToldCall(one["id"], one["function"]["name"], one["function"]["arguments"]) for one in calls],
        finish=choice["finish_reason"],
        usage=strict.chat_completion(raw)["usage"],
    )


def stream(raw: bytes) -> Heard:
    chunks = strict.chat_stream(raw)
    heard = of_told(order.openai_chat(raw, include_usage=True))
    deltas = [choice["delta"] for chunk in chunks for choice in chunk.get("choices", [])]
    heard.refusal = "".join(delta.get("refusal") or "" for delta in deltas)
    return heard


def error(raw: bytes) -> str:
    return strict.openai_error(raw)["error"]["message"]


def tokens(usage: dict) -> dict[str, int]:
    inside = usage.get("prompt_tokens_details") or {}
    return {
        "input": usage["prompt_tokens"] - (inside.get("cached_tokens") or 0),
        "cache_read": inside.get("cached_tokens") or 0,
        "cache_write": inside.get("cache_creation_tokens") or 0,
        "output": usage["completion_tokens"],
        "reasoning": (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0,
    }


def sayable(usage: Usage) -> dict[str, int]:
    return {
        "input": usage.input,
        "cache_read": usage.cache_read,
        "cache_write": usage.cache_write,
        "output": usage.output,
        "reasoning": usage.reasoning,
    }
