"""Why an answer ended: the chat dialect's words and the representation's."""

from omniroute.dialects.openai_chat.wire import FinishReason as WireReason
from omniroute.ir.result import Finish, FinishReason

_DECODED: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "filter",
}
_ENCODED: dict[FinishReason, WireReason] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "context": "length",
    "tool_calls": "tool_calls",
    "filter": "content_filter",
    "pause": "stop",
    "other": "stop",
}
VAGUE: frozenset[FinishReason] = frozenset({"stop_sequence", "context", "pause"})
"""Reasons for which the wire has only a wider word."""


def decode_finish(raw: str | None, *, called: bool) -> Finish:
    """An answer with tool calls that says `stop` means the calls: many servers do not know the other word."""
    reason = "stop" if raw is None else _DECODED.get(raw, "other")
    if called and reason in ("stop", "other"):
        reason = "tool_calls"
    return Finish(reason=reason, raw_reason=raw)


def encode_finish(finish: Finish, *, called: bool) -> WireReason:
    reason = _ENCODED[finish.reason]
    if called:
        return "tool_calls" if reason == "stop" else reason
    return "stop" if reason == "tool_calls" else reason
