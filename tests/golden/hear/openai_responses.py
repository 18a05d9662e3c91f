"""What a client of the Responses API is told."""

from typing import Final

from tests.golden.hear.heard import Ending, Heard, of_told
from tests.golden.hear.openai_chat import error, sayable
from tests.support import order_responses, strict_responses
from tests.support.order import ToldCall

__all__ = ["error", "sayable"]

FINISH: Final[dict[Ending, str]] = {
    "stop": "completed",
    "length": "max_output_tokens",
    "tool_calls": "completed",
    "filter": "content_filter",
}
HAS_SEALS: Final = True
HAS_IDS: Final = True


def whole(raw: bytes) -> Heard:
    response = strict_responses.response(raw)
    details = response["incomplete_details"]
    heard = Heard(usage=response["usage"], finish=response["status"] if details is None else details["reason"])
    for item in response["output"]:
        match item["type"]:
            case "message":
                heard.text += "".join(one["text"] for one in item["content"] if one["type"] == "output_text")
            case "reasoning":
                heard.reasoning += "".join(one["text"] for one in item["summary"])
                heard.seals += [item["encrypted_content"]] if item.get("encrypted_content") else []
            case "function_call":
                heard.calls.append(ToldCall(item["call_id"], item["name"], item["arguments"]))
    heard.refusal = _refusal(response)
    return heard


def stream(raw: bytes) -> Heard:
    events = strict_responses.stream(raw)
    heard = of_told(order_responses.responses(raw))
    heard.text = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    heard.refusal = "".join(event["delta"] for event in events if event["type"] == "response.refusal.delta")
    return heard


def tokens(usage: dict) -> dict[str, int]:
    inside = usage["input_tokens_details"]
    return {
        "input": usage["input_tokens"] - inside["cached_tokens"],
        "cache_read": inside["cached_tokens"],
        "cache_write": inside.get("cache_creation_tokens") or 0,
        "output": usage["output_tokens"],
        "reasoning": usage["output_tokens_details"]["reasoning_tokens"],
    }


def _refusal(response: dict) -> str:
    content = [part for item in response["output"] if item["type"] == "message" for part in item["content"]]
    return "".join(part["refusal"] for part in content if part["type"] == "refusal")
