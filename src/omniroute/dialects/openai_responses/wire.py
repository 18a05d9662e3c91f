"""What the Responses API looks like on the wire, as far as it is built or read by name.

Source: platform.openai.com/docs/api-reference/responses and the types of the openai SDK 3.x; `namespace` tools,
`client_metadata` and messages without ids are what the Codex CLI sends.
"""

from collections.abc import Collection
from typing import Literal, NotRequired, TypeAlias, TypedDict

import msgspec

from omniroute.dialects.look import as_object
from omniroute.dialects.repair import with_paired_surrogates
from omniroute.ir.json import JsonObject, JsonValue

_decode = msgspec.json.Decoder().decode

NAME = "openai_responses"
"""The origin of seals, unknown items and unknown fields of this dialect."""

MAX_TOOLS = 128
"""OpenAI refuses more tools in one request."""

MAX_CALL_ID = 64
"""OpenAI answers 400 to a longer `call_id`."""

MAX_NAME = 64
"""The longest name of a function that OpenAI and the servers that copy its API take."""

LEAST_OUTPUT_TOKENS = 16
"""OpenAI answers 400 to a smaller `max_output_tokens`."""

Status: TypeAlias = Literal["in_progress", "completed", "incomplete", "failed"]


class SummaryText(TypedDict):
    type: Literal["summary_text"]
    text: str


class OutputText(TypedDict):
    type: Literal["output_text"]
    text: str
    annotations: list[JsonObject]
    logprobs: list[JsonObject]


class InputDetails(TypedDict):
    cached_tokens: int
    cache_creation_tokens: NotRequired[int]


class OutputDetails(TypedDict):
    reasoning_tokens: int


class Usage(TypedDict):
    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    output_tokens_details: OutputDetails
    total_tokens: int


class ErrorObject(TypedDict):
    message: str
    type: str
    code: str | None
    param: str | None


class ErrorBody(TypedDict):
    error: ErrorObject


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
    if len(fields) <= len(known) and all(name in known for name in fields):
        return None
    return {name: value for name, value in fields.items() if name not in known} or None


def said(extra: JsonObject | None) -> JsonObject | None:
    """`extra` without its nulls: a field that was not asked for is null in every answer."""
    return {name: value for name, value in (extra or {}).items() if value is not None} or None


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
