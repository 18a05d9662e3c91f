"""What Ollama's chat API looks like on the wire, as far as it is built or read by name.

Source: docs.ollama.com/api (chat, streaming, errors, capabilities/thinking), `api/types.go` of ollama/ollama, and
the types of the ollama SDK 0.6 for Python.
"""

from collections.abc import Collection
from typing import Literal, NotRequired, TypedDict

import msgspec

from omniroute.dialects.look import as_object
from omniroute.dialects.repair import with_paired_surrogates
from omniroute.ir.json import JsonObject, JsonValue

NAME = "ollama"
"""The origin of unknown fields of this dialect, and of the parts that stood in its messages."""

_decode = msgspec.json.Decoder().decode


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


def read_object(raw: bytes) -> JsonObject | None:
    """The JSON object in `raw`; None for anything else. Half an emoji, which strict JSON refuses, is mended."""
    try:
        return as_object(_decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return as_object(_decode(with_paired_surrogates(raw)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def rest_of(fields: JsonObject, known: Collection[str]) -> JsonObject | None:
    """The fields that are not in `known`, in their order; None when there are none."""
    return {name: value for name, value in fields.items() if name not in known} or None


def said(fields: JsonObject | None) -> JsonObject | None:
    """`fields` without nulls; None when none is left."""
    return {name: value for name, value in (fields or {}).items() if value is not None} or None


def kind_of(value: JsonValue) -> str:
    """What a value is, in the words of JSON, for messages to clients."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, list):
        return "an array"
    return "an object" if isinstance(value, dict) else "a number"
