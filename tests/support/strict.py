"""Holds every object on the wire against the vendor SDK's own types: strict, and without a key they do not know.

The SDK clients never validate (they only construct), so an SDK that is content proves little about shape.
"""

from collections.abc import Mapping
from typing import Any

import anthropic.types as claude
import msgspec
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from tests.support.frames import frames

OPENAI_EXTENSIONS = frozenset({"reasoning_content", "cache_creation_tokens"})
"""Keys beyond OpenAI's types that we send on purpose: the field in which DeepSeek, Qwen, vLLM and others carry
reasoning, and which clients of this dialect read; and cache writes, which are not part of our `prompt_tokens` as
OpenAI's `cache_write_tokens` are of theirs."""

ANTHROPIC_EXTENSIONS = frozenset({"context_management"})
"""Keys that Anthropic's server sends under a beta header and that its stable types leave out."""

_CHUNK = TypeAdapter(ChatCompletionChunk)
_COMPLETION = TypeAdapter(ChatCompletion)
_MESSAGE = TypeAdapter(claude.Message)
_EVENTS: Mapping[str, TypeAdapter[Any]] = {
    "message_start": TypeAdapter(claude.RawMessageStartEvent),
    "message_delta": TypeAdapter(claude.RawMessageDeltaEvent),
    "message_stop": TypeAdapter(claude.RawMessageStopEvent),
    "content_block_start": TypeAdapter(claude.RawContentBlockStartEvent),
    "content_block_delta": TypeAdapter(claude.RawContentBlockDeltaEvent),
    "content_block_stop": TypeAdapter(claude.RawContentBlockStopEvent),
}
_BLOCKS: Mapping[str, TypeAdapter[Any]] = {
    "text": TypeAdapter(claude.TextBlock),
    "thinking": TypeAdapter(claude.ThinkingBlock),
    "redacted_thinking": TypeAdapter(claude.RedactedThinkingBlock),
    "tool_use": TypeAdapter(claude.ToolUseBlock),
    "server_tool_use": TypeAdapter(claude.ServerToolUseBlock),
}
_DELTAS: Mapping[str, TypeAdapter[Any]] = {
    "text_delta": TypeAdapter(claude.TextDelta),
    "thinking_delta": TypeAdapter(claude.ThinkingDelta),
    "signature_delta": TypeAdapter(claude.SignatureDelta),
    "input_json_delta": TypeAdapter(claude.InputJSONDelta),
    "citations_delta": TypeAdapter(claude.CitationsDelta),
}

_OPENAI_ERROR_KEYS = {"message", "type", "param", "code"}
_ANTHROPIC_ERRORS = frozenset(
    {
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
    }
)


def chat_completion(raw: bytes) -> dict:
    return _check(_COMPLETION, raw, OPENAI_EXTENSIONS)


def chat_stream(raw: bytes) -> list[dict]:
    """Every chunk of a Chat Completions stream; an error chunk is held against OpenAI's error object."""
    chunks: list[dict] = []
    for frame in frames(raw):
        if frame.data == "[DONE]":
            continue
        data = frame.data.encode()
        is_error = "error" in msgspec.json.decode(data)
        chunks.append(openai_error(data) if is_error else _check(_CHUNK, data, OPENAI_EXTENSIONS))
    return chunks


def message(raw: bytes) -> dict:
    value = _check(_MESSAGE, raw, ANTHROPIC_EXTENSIONS)
    for block in value["content"]:
        _typed(_BLOCKS, block)
    return value


def message_stream(raw: bytes) -> list[dict]:
    """Every event of a Messages stream; `ping` and `error` have no vendor type and are checked by hand."""
    events: list[dict] = []
    for frame in frames(raw):
        event = msgspec.json.decode(frame.data)
        match event.get("type"):
            case "ping":
                assert event == {"type": "ping"}, f"a ping holds nothing else: {event}"
            case "error":
                anthropic_error(frame.data.encode())
            case _:
                _typed(_EVENTS, event)
                if event["type"] == "content_block_start":
                    _typed(_BLOCKS, event["content_block"])
                elif event["type"] == "content_block_delta":
                    _typed(_DELTAS, event["delta"])
        events.append(event)
    return events


def openai_error(raw: bytes) -> dict:
    value = msgspec.json.decode(raw)
    assert isinstance(value, dict), f"not an object: {value!r}"
    assert set(value) == {"error"}, f"an OpenAI error holds `error` only: {sorted(value)}"
    error = value["error"]
    assert set(error) >= _OPENAI_ERROR_KEYS, f"missing: {sorted(_OPENAI_ERROR_KEYS - set(error))}"
    assert isinstance(error["message"], str), error
    assert error["message"], error
    assert "\n" not in error["message"], f"only one line may reach a client: {error['message']!r}"
    assert isinstance(error["type"], str), error
    assert error["code"] is None or isinstance(error["code"], str), error
    return value


def anthropic_error(raw: bytes) -> dict:
    value = msgspec.json.decode(raw)
    assert isinstance(value, dict), f"not an object: {value!r}"
    assert value.get("type") == "error", f"an Anthropic error says so: {value}"
    assert set(value) <= {"type", "error", "request_id"}, f"unknown keys: {sorted(value)}"
    error = value["error"]
    assert error["type"] in _ANTHROPIC_ERRORS, f"not an error type of Anthropic's: {error['type']!r}"
    assert isinstance(error["message"], str), error
    assert error["message"], error
    assert "\n" not in error["message"], f"only one line may reach a client: {error['message']!r}"
    return value


def _typed(types: Mapping[str, TypeAdapter[Any]], value: dict) -> None:
    """Dispatches on `type` first: a union's own error would list every member."""
    kind = value.get("type")
    assert kind in types, f"unknown type {kind!r}: {value}"
    _check(types[kind], msgspec.json.encode(value), ANTHROPIC_EXTENSIONS)


def _check(adapter: TypeAdapter[Any], raw: bytes, extensions: frozenset[str]) -> dict:
    try:
        adapter.validate_json(raw, strict=True, extra="forbid")
    except ValidationError as broken:
        left = [error for error in broken.errors() if not _allowed(error, extensions)]
        if left:
            told = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in left)
            raise AssertionError(f"{told} in {raw[:300]!r}") from None
    return msgspec.json.decode(raw)


def _allowed(error: ErrorDetails, extensions: frozenset[str]) -> bool:
    return error["type"] == "extra_forbidden" and error["loc"][-1] in extensions
