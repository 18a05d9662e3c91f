"""What the Chat Completions API looks like on the wire, as far as it is built or read by name.

Source: platform.openai.com/docs/api-reference/chat and the types of the openai SDK 3.x. `reasoning_content`
(DeepSeek), `reasoning` and `reasoning_details` (OpenRouter), `images` (OpenRouter) and `cache_control` on parts
(OpenRouter, LiteLLM) are common extensions.
"""

from typing import Literal, NotRequired, TypeAlias, TypedDict

NAME = "openai_chat"
"""The origin of unknown parts and unknown fields of this dialect, and of parts that stood in a content array."""

MAX_TOOLS = 128
"""OpenAI refuses more tools in one request, and so do the servers that copy its API."""

MAX_CALL_ID = 40
"""OpenAI answers 400 to a longer `tool_calls[].id`."""

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "function_call"]


class FunctionCall(TypedDict):
    name: str
    arguments: str


class ToolCall(TypedDict):
    id: str
    type: Literal["function"]
    function: FunctionCall


class ArgumentsFragment(TypedDict):
    arguments: str


class ToolCallDelta(TypedDict):
    index: int
    function: ArgumentsFragment


class UsageDetails(TypedDict, total=False):
    cached_tokens: int
    cache_creation_tokens: int
    reasoning_tokens: int


class Usage(TypedDict):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: NotRequired[UsageDetails]
    completion_tokens_details: NotRequired[UsageDetails]


class ErrorObject(TypedDict):
    message: str
    type: str
    code: str | None
    param: str | None


class ErrorBody(TypedDict):
    error: ErrorObject
