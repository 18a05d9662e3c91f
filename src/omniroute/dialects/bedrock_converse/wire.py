"""What the Converse API looks like on the wire, as far as it is built or read by name.

Source: docs.aws.amazon.com/bedrock/latest/APIReference (Converse, ConverseStream) and the service model of
botocore 1.44.5. Bytes travel as base64; a union is an object with one member.
"""

from typing import Literal, NotRequired, TypeAlias, TypedDict

from omniroute.ir.json import JsonObject

NAME = "bedrock_converse"
"""The origin of seals and unknown blocks of this dialect."""

StopReason: TypeAlias = Literal[
    "end_turn",
    "tool_use",
    "max_tokens",
    "stop_sequence",
    "guardrail_intervened",
    "content_filtered",
    "malformed_model_output",
    "malformed_tool_use",
    "model_context_window_exceeded",
]


class Message(TypedDict):
    role: Literal["user", "assistant"]
    content: list[JsonObject]


class InferenceConfig(TypedDict):
    maxTokens: NotRequired[int]
    temperature: NotRequired[float]
    topP: NotRequired[float]
    stopSequences: NotRequired[list[str]]


class Body(TypedDict):
    """A request, for both operations: whether a stream is wanted is in the path, as the model is."""

    messages: list[Message]
    system: NotRequired[list[JsonObject]]
    inferenceConfig: NotRequired[InferenceConfig]
    toolConfig: NotRequired[JsonObject]
    outputConfig: NotRequired[JsonObject]
    additionalModelRequestFields: NotRequired[JsonObject]
    requestMetadata: NotRequired[dict[str, str]]


def without(value: JsonObject, *known: str) -> JsonObject | None:
    """The fields of `value` that are not `known`, nulls left out; None when there are none."""
    return {name: field for name, field in value.items() if name not in known and field is not None} or None
