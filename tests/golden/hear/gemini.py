"""What a client of the Gemini API is told."""

from typing import Final

import msgspec

from omniroute.ir.result import Usage
from tests.golden.hear.heard import Ending, Heard, of_told
from tests.support import order_gemini, strict_gemini
from tests.support.order import ToldCall

FINISH: Final[dict[Ending, str]] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "filter": "SAFETY",
}
HAS_SEALS: Final = True
HAS_IDS: Final = True


def whole(raw: bytes) -> Heard:
    response = strict_gemini.response(raw)
    candidate = response["candidates"][0]
    heard = Heard(finish=candidate["finishReason"], usage=response["usageMetadata"])
    for part in (candidate.get("content") or {}).get("parts", []):
        heard.seals += [part["thoughtSignature"]] if "thoughtSignature" in part else []
        match part:
            case {"text": text, "thought": True}:
                heard.reasoning += text
            case {"text": text}:
                heard.text += text
            case {"functionCall": call}:
                written = msgspec.json.encode(call.get("args", {})).decode()
                heard.calls.append(ToldCall(call.get("id", ""), call["name"], written))
    return heard


def stream(raw: bytes) -> Heard:
    strict_gemini.stream(raw)
    return of_told(order_gemini.gemini(raw))


def error(raw: bytes) -> str:
    return strict_gemini.error(raw)["error"]["message"]


def tokens(usage: dict) -> dict[str, int]:
    """Thoughts are counted beside candidates here, and cache writes not at all."""
    thoughts, cached = usage.get("thoughtsTokenCount", 0), usage.get("cachedContentTokenCount", 0)
    return {
        "input": usage["promptTokenCount"] - cached,
        "cache_read": cached,
        "output": usage["candidatesTokenCount"] + thoughts,
        "reasoning": thoughts,
    }


def sayable(usage: Usage) -> dict[str, int]:
    return {
        "input": usage.input + usage.cache_write,
        "cache_read": usage.cache_read,
        "output": usage.output,
        "reasoning": usage.reasoning,
    }
