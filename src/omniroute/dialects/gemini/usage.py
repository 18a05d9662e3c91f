"""Token counts and finish reasons of this dialect, and what they mean.

Source: ai.google.dev/api/generate-content (UsageMetadata, FinishReason, PromptFeedback). `promptTokenCount`
includes what came from a cache; thoughts are counted beside candidates, the prompts of hosted tools beside both.
"""

from collections.abc import Mapping
from types import MappingProxyType

from omniroute.dialects.gemini.wire import count
from omniroute.dialects.look import as_object, as_text, objects_in
from omniroute.dialects.media_tokens import media_tokens
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.result import Finish, FinishReason, MediaTokens, Usage

_REASONS: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "filter",
    "RECITATION": "filter",
    "BLOCKLIST": "filter",
    "PROHIBITED_CONTENT": "filter",
    "SPII": "filter",
    "IMAGE_SAFETY": "filter",
    "IMAGE_PROHIBITED_CONTENT": "filter",
    "IMAGE_RECITATION": "filter",
    "MODEL_ARMOR": "filter",
}
_WORDS: dict[FinishReason, str] = {
    "stop": "STOP",
    "stop_sequence": "STOP",
    "length": "MAX_TOKENS",
    "context": "MAX_TOKENS",
    "tool_calls": "STOP",
    "filter": "SAFETY",
    "pause": "STOP",
    "other": "OTHER",
}
VAGUE: frozenset[FinishReason] = frozenset({"stop_sequence", "context", "pause"})
"""Reasons for which the wire has only a wider word."""

_DETAILS = (
    "promptTokensDetails",
    "toolUsePromptTokensDetails",
    "cacheTokensDetails",
    "candidatesTokensDetails",
)
_TEXT: Mapping[str, int] = MappingProxyType({})

_BROKEN = frozenset({"MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL"})
"""Ends that leave nothing to use: another attempt is the only remedy."""


def broken(reason: str, message: JsonValue = None) -> Failure | None:
    """The failure that a finish reason stands for, if it does."""
    if reason not in _BROKEN:
        return None
    lines = (as_text(message) or "").strip().splitlines()
    said = lines[0][:400] if lines else "the model's tool call cannot be read; try again"
    return Failure(kind="protocol", status=502, message=f"{reason}: {said}", code=reason)


def decode_finish(reason: str, *, called: bool) -> Finish:
    """Why the answer ended; one with a tool call ended for it, though this API says STOP."""
    meaning = _REASONS.get(reason, "other")
    return Finish(reason="tool_calls" if called and meaning == "stop" else meaning, raw_reason=reason)


def blocked(feedback: JsonValue) -> Finish | None:
    """The end of an answer whose prompt was refused."""
    reason = as_text((as_object(feedback) or {}).get("blockReason"))
    return None if reason is None else Finish(reason="filter", raw_reason=reason)


def encode_finish(finish: Finish, *, refused: bool, native: bool) -> str:
    """The `finishReason`; `native` means that `raw_reason` is a word of this dialect."""
    if native and finish.raw_reason is not None:
        return finish.raw_reason
    if refused and finish.reason in ("stop", "other"):
        return _WORDS["filter"]
    return _WORDS[finish.reason]


def decode_usage(raw: JsonObject) -> Usage:
    prompt = count(raw.get("promptTokenCount"))
    cached = count(raw["cachedContentTokenCount"]) if "cachedContentTokenCount" in raw else 0
    tools = count(raw["toolUsePromptTokenCount"]) if "toolUsePromptTokenCount" in raw else 0
    thoughts = count(raw["thoughtsTokenCount"]) if "thoughtsTokenCount" in raw else 0
    answer = count(raw.get("candidatesTokenCount"))
    if not answer:
        answer = max(0, count(raw.get("totalTokenCount")) - prompt - tools - thoughts)
    fresh, output = max(0, prompt - cached) + tools, answer + thoughts
    return Usage(
        input=fresh,
        output=output,
        cache_read=cached,
        reasoning=thoughts,
        media=_media(raw, fresh, cached, output),
        raw=raw,
    )


def _media(raw: JsonObject, fresh: int, cached: int, output: int) -> MediaTokens | None:
    """What the details by modality tell; they are seldom about anything but text."""
    told = [_by_modality(raw[name]) if name in raw else _TEXT for name in _DETAILS]
    if not any(told):
        return None
    asked, tools, read, made = told
    audio, image = ((asked.get(kind, 0) + tools.get(kind, 0), read.get(kind, 0)) for kind in ("AUDIO", "IMAGE"))
    return media_tokens(
        fresh=fresh,
        cached=cached,
        output=output,
        audio=(*audio, made.get("AUDIO", 0)),
        image=(*image, made.get("IMAGE", 0)),
    )


def _by_modality(details: JsonValue) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for one in objects_in(details):
        kind = one.get("modality")
        if kind in ("AUDIO", "IMAGE"):
            found[kind] = found.get(kind, 0) + count(one.get("tokenCount"))
    return found


def encode_usage(usage: Usage, *, native: bool) -> JsonObject:
    """`usageMetadata`; the vendor's own one when it is of this dialect (`native`)."""
    if native and usage.raw is not None:
        return usage.raw
    wire: JsonObject = {
        "promptTokenCount": usage.input_total,
        "candidatesTokenCount": usage.output - usage.reasoning,
        "totalTokenCount": usage.input_total + usage.output,
    }
    if usage.cache_read:
        wire["cachedContentTokenCount"] = usage.cache_read
    if usage.reasoning:
        wire["thoughtsTokenCount"] = usage.reasoning
    return wire
