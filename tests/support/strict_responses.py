"""Holds responses and their stream events against the openai SDK's own types: strict, and without unknown keys."""

from typing import Any, get_args

import msgspec
import openai.types.responses as sdk
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from tests.support.frames import frames

EXTENSIONS = frozenset({"cache_creation_tokens", "store"})
"""Keys beyond the types that we send on purpose: cache writes, which are not part of our `input_tokens` as
OpenAI's `cache_write_tokens` are of theirs; and `store`, which OpenAI's server sends and its types leave out."""

NEWER = frozenset({"cache_write_tokens"})
"""Keys that the types demand and that the API of most clients and servers does not have yet."""

_RESPONSE = TypeAdapter(sdk.Response)
_ITEMS = {
    "message": TypeAdapter(sdk.ResponseOutputMessage),
    "reasoning": TypeAdapter(sdk.ResponseReasoningItem),
    "function_call": TypeAdapter(sdk.ResponseFunctionToolCall),
    "custom_tool_call": TypeAdapter(sdk.ResponseCustomToolCall),
}


def _by_type() -> dict[str, TypeAdapter[Any]]:
    """Dispatch on `type` first: a union's own error would list every member."""
    union = get_args(sdk.ResponseStreamEvent)[0]
    return {get_args(member.model_fields["type"].annotation)[0]: TypeAdapter(member) for member in get_args(union)}


_EVENTS = _by_type()


def response(raw: bytes) -> dict:
    value = _check(_RESPONSE, raw)
    _items(value["output"])
    return value


def stream(raw: bytes) -> list[dict]:
    """Every event of a Responses stream."""
    events: list[dict] = []
    for frame in frames(raw):
        event = msgspec.json.decode(frame.data)
        kind = event.get("type")
        assert kind in _EVENTS, f"unknown type {kind!r}: {event}"
        _check(_EVENTS[kind], frame.data.encode())
        if "response" in event:
            _items(event["response"]["output"])
        elif "item" in event:
            _items([event["item"]])
        events.append(event)
    return events


def _items(items: list[dict]) -> None:
    for item in items:
        if item["type"] in _ITEMS:
            _check(_ITEMS[item["type"]], msgspec.json.encode(item))


def _check(adapter: TypeAdapter[Any], raw: bytes) -> dict:
    try:
        adapter.validate_json(raw, strict=True, extra="forbid")
    except ValidationError as broken:
        left = [error for error in broken.errors() if not _allowed(error)]
        if left:
            told = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in left[:5])
            raise AssertionError(f"{told} in {raw[:400]!r}") from None
    return msgspec.json.decode(raw)


def _allowed(error: ErrorDetails) -> bool:
    last = error["loc"][-1]
    return (error["type"] == "extra_forbidden" and last in EXTENSIONS) or (
        error["type"] == "missing" and last in NEWER
    )
