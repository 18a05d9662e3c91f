"""What Ollama's chat API looks like on the wire, as far as it is built or read by name.

Source: docs.ollama.com/api (chat, streaming, errors, capabilities/thinking), `api/types.go` of ollama/ollama, and
the types of the ollama SDK 0.6 for Python.
"""

from typing import Literal, NotRequired, TypedDict

from omniroute.ir.json import JsonObject

NAME = "ollama"
"""The origin of unknown fields of this dialect, and of the parts that stood in its messages."""


class FunctionCall(TypedDict):
    name: str
    arguments: JsonObject


class ToolCall(TypedDict):
    """Calls have no id in most versions of the server; results are matched by name and order."""

    id: NotRequired[str]
    function: FunctionCall


class Message(TypedDict):
    role: Literal["system", "user", "assistant", "tool"]
    content: str
    thinking: NotRequired[str]
    images: NotRequired[list[str]]
    tool_calls: NotRequired[list[JsonObject]]
    tool_name: NotRequired[str]
    tool_call_id: NotRequired[str]


class ErrorBody(TypedDict):
    error: str
