"""What the Responses API looks like on the wire, as far as it is built or read by name.

Source: platform.openai.com/docs/api-reference/responses and the types of the openai SDK 3.x; `namespace` tools,
`client_metadata` and messages without ids are what the Codex CLI sends.
"""

from typing import Literal, NotRequired, TypeAlias, TypedDict

from omniroute.ir.json import JsonObject

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
