"""What Cohere's chat API (v2) looks like on the wire, as far as it is built or read by name.

Source: docs.cohere.com/reference (chat, chat-stream) and the types of the cohere SDK 7.3 for Python.
"""

from typing import Literal, NotRequired, TypedDict

from omniroute.ir.json import JsonObject

NAME = "cohere"
"""The origin of citations and unknown blocks of this dialect."""


class Message(TypedDict):
    role: Literal["system", "user", "assistant", "tool"]
    content: NotRequired[list[JsonObject]]
    tool_plan: NotRequired[str]
    tool_calls: NotRequired[list[JsonObject]]
    tool_call_id: NotRequired[str]


def without(value: JsonObject, *known: str) -> JsonObject | None:
    """The fields of `value` that are not `known`, nulls left out; None when there are none."""
    return {name: field for name, field in value.items() if name not in known and field is not None} or None
