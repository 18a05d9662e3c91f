"""Token counts and stop reasons of this dialect, and what they mean."""

from omniroute.dialects.look import as_count, objects_in
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.result import Finish, FinishReason, Usage

_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "max_tokens": "length",
    "model_context_window_exceeded": "context",
    "tool_use": "tool_calls",
    "guardrail_intervened": "filter",
    "content_filtered": "filter",
}


def decode_finish(reason: JsonValue, *, called: bool) -> Finish:
    """Why the answer ended; without a reason it is a tool call when one was made (`called`), else a stop."""
    if not isinstance(reason, str):
        return Finish(reason="tool_calls" if called else "stop")
    return Finish(reason=_REASONS.get(reason, "other"), raw_reason=reason)


def decode_usage(raw: JsonObject) -> Usage:
    """`inputTokens` are fresh ones only; what was read from and written to the cache is counted beside them
    (docs.aws.amazon.com/bedrock, "Prompt caching"); `cacheDetails` tell for how long it is kept."""
    hour = sum(_count(one, "inputTokens") for one in objects_in(raw.get("cacheDetails")) if one.get("ttl") == "1h")
    return Usage(
        input=_count(raw, "inputTokens"),
        output=_count(raw, "outputTokens"),
        cache_read=_count(raw, "cacheReadInputTokens"),
        cache_write=_count(raw, "cacheWriteInputTokens"),
        cache_write_hour=hour,
        raw=raw,
    )


def _count(raw: JsonObject, name: str) -> int:
    return max(as_count(raw.get(name)) or 0, 0)
