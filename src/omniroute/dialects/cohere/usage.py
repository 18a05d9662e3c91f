"""Token counts and finish reasons of this dialect, and what they mean."""

from omniroute.dialects.look import as_count, as_object
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.result import Finish, FinishReason, Usage

_REASONS: dict[str, FinishReason] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop_sequence",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "filter",
}


def decode_finish(reason: JsonValue, *, called: bool) -> Finish:
    """Why the answer ended; without a reason it is a tool call when one was made (`called`), else a stop."""
    if not isinstance(reason, str) or not reason:
        return Finish(reason="tool_calls" if called else "stop")
    return Finish(reason=_REASONS.get(reason, "other"), raw_reason=reason)


def decode_usage(raw: JsonObject) -> Usage:
    """What is billed, where that is told: `tokens` also counts what Cohere itself puts around the conversation.

    `cached_tokens` are a part of the input.
    """
    billed, counted = as_object(raw.get("billed_units")) or {}, as_object(raw.get("tokens")) or {}

    def count(name: str) -> int:
        found = as_count(billed.get(name))
        return max(as_count(counted.get(name)) or 0 if found is None else found, 0)

    total = count("input_tokens")
    cached = min(max(as_count(raw.get("cached_tokens")) or 0, 0), total)
    return Usage(input=total - cached, output=count("output_tokens"), cache_read=cached, raw=raw)
