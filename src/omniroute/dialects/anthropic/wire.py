"""What the Messages API looks like on the wire, as far as it is built or read by name.

Source: platform.claude.com/docs (Messages API, streaming, errors) and the types of the anthropic SDK 2.x.
"""

from typing import Literal, NotRequired, TypeAlias, TypedDict

from omniroute.ir.json import JsonObject, JsonValue

NAME = "anthropic"
"""The origin of seals, unknown blocks and unknown fields of this dialect."""

ErrorType: TypeAlias = Literal[
    "invalid_request_error",
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "api_error",
    "overloaded_error",
    "timeout_error",
]

StopReason: TypeAlias = Literal[
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
]


class Answer(TypedDict):
    """A whole response, and with empty content the `message` of `message_start`."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[JsonObject]
    stop_reason: str | None
    stop_sequence: str | None
    usage: JsonObject


class ErrorDetail(TypedDict):
    type: ErrorType
    message: str


class ErrorBody(TypedDict):
    """The body of a failed request, and without `request_id` the data of an `error` event."""

    type: Literal["error"]
    error: ErrorDetail
    request_id: NotRequired[str]


def count(value: JsonValue) -> int:
    """`value` as a number of tokens; anything that is not a whole number counts as 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def without(value: JsonObject, *known: str) -> JsonObject | None:
    """The fields of `value` that are not `known`; None when there are none."""
    for name in value:
        if name not in known:
            return {name: field for name, field in value.items() if name not in known}
    return None
