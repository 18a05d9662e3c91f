"""Why an answer ended: this API has a status and, for an incomplete answer, a reason."""

from omniroute.dialects.look import as_object, as_text
from omniroute.ir.json import JsonObject
from omniroute.ir.result import Finish, FinishReason

_INCOMPLETE: dict[str, FinishReason] = {"max_output_tokens": "length", "content_filter": "filter"}
_REASONS: dict[FinishReason, str] = {
    "length": "max_output_tokens",
    "context": "max_output_tokens",
    "filter": "content_filter",
}
VAGUE: frozenset[FinishReason] = frozenset({"context", "pause"})
"""Reasons for which the wire has only a wider word; that of a stop sequence is lost with the sequence."""


def decode_finish(response: JsonObject, *, called: bool) -> Finish:
    """`called` says that the answer holds a call for the client. An unknown reason is kept in `raw_reason`."""
    status = as_text(response.get("status"))
    raw = as_text((as_object(response.get("incomplete_details")) or {}).get("reason"))
    if status == "incomplete":
        return Finish(reason=_INCOMPLETE.get(raw or "", "other" if raw else "length"), raw_reason=raw)
    return Finish(reason="tool_calls" if called else "stop", raw_reason=status)


def incomplete_reason(finish: Finish, *, native: bool) -> str | None:
    """The reason of `incomplete_details`; None for an answer that is complete."""
    if native and finish.reason == "other" and finish.raw_reason not in (None, "completed"):
        return finish.raw_reason
    return _REASONS.get(finish.reason)
