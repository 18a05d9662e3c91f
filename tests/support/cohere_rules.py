"""What Cohere's chat API (v2) refuses, checked on a request body that an encoder made.

The shapes are those of the cohere SDK 7.3 for Python (`ChatMessages`, `ToolV2`, `ResponseFormatV2`, `Thinking`).
"""

from typing import Any

Json = dict[str, Any]

_NUMBERS = {"temperature", "seed", "frequency_penalty", "presence_penalty", "k", "p", "max_tokens"}
_BODY = {
    "model",
    "messages",
    "stream",
    "tools",
    "strict_tools",
    "tool_choice",
    "response_format",
    "stop_sequences",
    "thinking",
} | _NUMBERS
_CONTENT = {
    "system": {"text"},
    "user": {"text", "image_url"},
    "assistant": {"text", "thinking"},
    "tool": {"text", "document"},
}


def check_request(body: Json) -> None:
    """Raises AssertionError naming the rule that `body` breaks."""
    assert set(body) <= _BODY, set(body) - _BODY
    assert isinstance(body["stream"], bool)
    _check_messages(body["messages"])
    names = [tool["function"]["name"] for tool in body.get("tools", [])]
    assert len(names) == len(set(names)), "tool names are unique"
    assert body.get("tools") != [], "an empty list of tools is left out"
    for tool in body.get("tools", []):
        assert set(tool) == {"type", "function"}
        assert set(tool["function"]) <= {"name", "description", "parameters"}
        assert isinstance(tool["function"]["parameters"], dict)
    assert body.get("tool_choice", "NONE") in ("REQUIRED", "NONE")
    assert names or not {"tool_choice", "strict_tools"} & set(body)
    assert "response_format" not in body or not names
    assert set(body.get("response_format", {})) <= {"type", "json_schema"}
    assert 0.01 <= body.get("p", 0.5) <= 0.99
    assert 0 <= body.get("k", 0) <= 500
    assert 0 <= body.get("frequency_penalty", 0) <= 1
    assert 0 <= body.get("presence_penalty", 0) <= 1
    assert len(body.get("stop_sequences", [])) <= 5
    assert body.get("thinking", {}).get("token_budget", 1) > 0


def _check_messages(messages: list[Json]) -> None:
    assert messages, "there is a message"
    waiting: list[str] = []
    used: set[str] = set()
    for message in messages:
        role = message["role"]
        for block in message.get("content", []):
            assert block["type"] in _CONTENT[role], (role, block["type"])
        if role == "tool":
            assert set(message) == {"role", "tool_call_id", "content"}
            assert message["tool_call_id"] == waiting.pop(0), "results follow their calls, in order"
            continue
        assert not waiting, "every call is answered"
        assert set(message) <= {"role", "content"} | (
            {"tool_calls", "tool_plan"} if role == "assistant" else set()
        )
        assert message.get("content") or message.get("tool_calls"), "no message is empty"
        assert "tool_plan" not in message or message.get("tool_calls")
        for call in message.get("tool_calls", []):
            assert set(call) == {"id", "type", "function"}
            assert call["id"] not in used, "call ids are unique"
            assert isinstance(call["function"]["arguments"], str)
            used.add(call["id"])
            waiting.append(call["id"])
    assert not waiting, "every call is answered"
