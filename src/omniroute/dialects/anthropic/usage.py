"""Token counts and stop reasons of this dialect, and what they mean."""

from omniroute.dialects.anthropic.wire import StopReason, count
from omniroute.dialects.look import as_object
from omniroute.dialects.service_tier import tier_of
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.result import Finish, FinishReason, Usage

_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "max_tokens": "length",
    "model_context_window_exceeded": "context",
    "tool_use": "tool_calls",
    "refusal": "filter",
    "pause_turn": "pause",
}

_WORDS: dict[FinishReason, StopReason] = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "context": "model_context_window_exceeded",
    "tool_calls": "tool_use",
    "filter": "refusal",
    "pause": "pause_turn",
    "other": "end_turn",
}


def decode_finish(reason: JsonValue, sequence: JsonValue, *, called: bool) -> Finish:
    """Why the answer ended; without a reason it is a tool call when one was made (`called`), else a stop."""
    stop_sequence = sequence if isinstance(sequence, str) else None
    if not isinstance(reason, str):
        return Finish(reason="tool_calls" if called else "stop", stop_sequence=stop_sequence)
    return Finish(reason=_REASONS.get(reason, "other"), raw_reason=reason, stop_sequence=stop_sequence)


def encode_finish(finish: Finish, *, called: bool, refused: bool, native: bool) -> str:
    """The `stop_reason`. An answer with a tool call says so, whatever its provider said; `native` means that
    `raw_reason` is a word of this dialect."""
    if native and finish.raw_reason is not None and finish.reason == "other":
        return finish.raw_reason
    if called and finish.reason in ("stop", "other"):
        return "tool_use"
    if refused and finish.reason in ("stop", "other"):
        return "refusal"
    if finish.reason == "tool_calls" and not called and not native:
        return "end_turn"
    return _WORDS[finish.reason]


def merge(known: JsonObject, news: JsonObject) -> JsonObject:
    """The usage known after `news`: later numbers replace earlier ones, but nothing is unsaid by 0 or null.

    `message_delta` of some providers reports an input of 0 after `message_start` gave the real one.
    """
    merged = dict(known)
    for name, value in news.items():
        before = merged.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            merged[name] = merge(as_object(before) or {}, as_object(value) or {})
        elif value or before is None:
            merged[name] = value
    return merged


def decode_usage(raw: JsonObject) -> Usage:
    details = as_object(raw.get("output_tokens_details")) or {}
    written = as_object(raw.get("cache_creation"))
    return Usage(
        input=count(raw.get("input_tokens")),
        output=count(raw.get("output_tokens")),
        cache_read=count(raw.get("cache_read_input_tokens")),
        cache_write=count(raw.get("cache_creation_input_tokens")),
        cache_write_hour=0 if written is None else count(written.get("ephemeral_1h_input_tokens")),
        reasoning=count(details.get("thinking_tokens")),
        tier=tier_of(raw.get("speed")),
        raw=raw,
    )


def encode_usage(usage: Usage, *, native: bool) -> JsonObject:
    """The usage object of a whole answer; the vendor's own one when it is of this dialect (`native`)."""
    wire: JsonObject = {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    }
    if native and usage.raw is not None:
        return {**wire, **usage.raw}
    if usage.reasoning:
        wire["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return wire


_DELTA_FIELDS = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
    "output_tokens_details",
    "server_tool_use",
)


def encode_delta_usage(usage: Usage, *, native: bool) -> JsonObject:
    """The usage of `message_delta`, which has fewer fields than that of a whole answer."""
    wire = encode_usage(usage, native=native)
    return {name: wire[name] for name in _DELTA_FIELDS if name in wire}
