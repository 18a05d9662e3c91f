"""Holds Gemini answers against the types of the google-genai SDK, without a key they do not know, and against what
these types leave open: the finish reasons, the role, the spelling of names."""

import re
from typing import Any

import msgspec
from google.genai.types import BlockedReason, FinishReason, GenerateContentResponse
from pydantic import TypeAdapter, ValidationError

from tests.support.order_gemini import payloads

_RESPONSE: TypeAdapter[Any] = TypeAdapter(GenerateContentResponse)
_FINISHES = frozenset(reason.value for reason in FinishReason)
_BLOCKS = frozenset(reason.value for reason in BlockedReason)
_SNAKE = re.compile(r"[a-z]_[a-z]")
_CALLERS_OWN = frozenset({"args", "response"})
_STATUSES = frozenset(
    {
        "INVALID_ARGUMENT",
        "FAILED_PRECONDITION",
        "UNAUTHENTICATED",
        "PERMISSION_DENIED",
        "NOT_FOUND",
        "ABORTED",
        "RESOURCE_EXHAUSTED",
        "CANCELLED",
        "INTERNAL",
        "UNIMPLEMENTED",
        "UNAVAILABLE",
        "DEADLINE_EXCEEDED",
    }
)


def response(raw: bytes) -> dict:
    """A whole answer, or one chunk of a stream."""
    try:
        _RESPONSE.validate_json(raw, strict=True, extra="forbid")
    except ValidationError as broken:
        told = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in broken.errors())
        raise AssertionError(f"{told} in {raw[:300]!r}") from None
    value = msgspec.json.decode(raw)
    _camel(value)
    assert "candidates" in value or "usageMetadata" in value or "promptFeedback" in value, f"says nothing: {value}"
    for candidate in value.get("candidates", []):
        _candidate(candidate)
    feedback = value.get("promptFeedback") or {}
    assert feedback.get("blockReason") in (None, *_BLOCKS), f"no block reason of Google's: {feedback}"
    return value


def stream(raw: bytes) -> list[dict]:
    """Every chunk of a stream of server-sent events; a chunk with an error is held against google.rpc.Status."""
    return [error(one) if b'"error"' in one[:9] else response(one) for one in payloads(raw)]


def error(raw: bytes) -> dict:
    value = msgspec.json.decode(raw)
    assert set(value) == {"error"}, f"an error holds `error` only: {sorted(value)}"
    status = value["error"]
    assert set(status) | {"details"} == {"code", "message", "status", "details"}, sorted(status)
    assert isinstance(status["code"], int), status
    assert status["status"] in _STATUSES, status
    assert isinstance(status["message"], str), status
    assert status["message"], status
    assert "\n" not in status["message"], f"only one line may reach a client: {status['message']!r}"
    for detail in status.get("details", []):
        assert detail["@type"].startswith("type.googleapis.com/google.rpc."), detail
    return value


def _candidate(candidate: dict) -> None:
    assert candidate.get("index", 0) == 0, f"the one candidate has index 0: {candidate}"
    assert candidate.get("finishReason") in (None, *_FINISHES), f"no finish reason of Google's: {candidate}"
    content = candidate.get("content")
    if content is None:
        return
    assert content["role"] == "model", f"the role of an answer is model: {content}"
    assert content["parts"], "a content has parts"
    for part in content["parts"]:
        kinds = set(part) - {"thought", "thoughtSignature"}
        assert len(kinds) == 1, f"a part has one kind of data: {part}"
        call = part.get("functionCall")
        assert call is None or (call["name"] and isinstance(call.get("args", {}), dict)), part


def _camel(value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _camel(item)
    elif isinstance(value, dict):
        for name, inner in value.items():
            assert not _SNAKE.search(name), f"{name!r} is not camelCase"
            if name not in _CALLERS_OWN:
                _camel(inner)
