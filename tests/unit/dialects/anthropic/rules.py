"""What the Messages API refuses, checked on a request body that an encoder made."""

import itertools
import re
from typing import Any

Json = dict[str, Any]

_TEXT_ONLY = {"text"}
_USER = {"text", "image", "document", "tool_result"}
_ASSISTANT = {"text", "thinking", "redacted_thinking", "tool_use"}


def check_request(body: Json) -> None:
    """Raises AssertionError naming the rule that `body` breaks."""
    assert isinstance(body["max_tokens"], int), "max_tokens is required"
    assert {block["type"] for block in body.get("system", [])} <= _TEXT_ONLY, "system is text"
    _check_messages(body["messages"])
    _check_thinking(body)
    names = [tool["name"] for tool in body.get("tools", [])]
    assert len(names) == len(set(names)), "tool names are unique"
    assert all(tool["input_schema"]["type"] == "object" for tool in body.get("tools", []))
    assert body.get("tools") != [], "an empty list of tools is left out"
    choice = body.get("tool_choice")
    assert choice is None or names, "a tool choice needs tools"
    assert choice is None or choice["type"] in ("auto", "any", "tool", "none")
    assert 0 <= body.get("temperature", 0) <= 1
    assert not ("temperature" in body and "top_p" in body)
    assert all(word.strip() for word in body.get("stop_sequences", []))
    for block in _all_blocks(body):
        if block["type"] == "text":
            assert block["text"].strip(), "a text block is not blank"
        if block["type"] in ("thinking", "redacted_thinking"):
            assert "cache_control" not in block, "thinking cannot be marked"


def _check_messages(messages: list[Json]) -> None:
    roles = [message["role"] for message in messages]
    assert roles[0] == "user", "the first message is the user's"
    assert all(one != other for one, other in itertools.pairwise(roles)), "roles alternate"
    open_ids: list[str] = []
    seen: set[str] = set()
    for message in messages:
        content = message["content"]
        assert content, "no message is empty"
        kinds = {block["type"] for block in content}
        assert kinds <= (_USER if message["role"] == "user" else _ASSISTANT), kinds
        answered = [block["tool_use_id"] for block in content if block["type"] == "tool_result"]
        assert answered == open_ids, "every call is answered once, in order, directly after it"
        assert all(block["type"] == "tool_result" for block in content[: len(answered)]), "results come first"
        calls = [block for block in content if block["type"] == "tool_use"]
        open_ids = [block["id"] for block in calls]
        assert not seen & set(open_ids), "call ids are unique"
        assert len(open_ids) == len(set(open_ids)), "call ids are unique"
        seen |= set(open_ids)
        assert all(re.fullmatch(r"[A-Za-z0-9_-]+", call_id) for call_id in open_ids), open_ids
        assert all(isinstance(block["input"], dict) and block["name"] for block in calls)
    assert not open_ids, "every call is answered"


def _check_thinking(body: Json) -> None:
    thinking = body.get("thinking", {"type": "disabled"})
    if thinking["type"] == "disabled":
        return
    assert body["messages"][-1]["role"] == "user"
    assert body.get("temperature", 1) == 1
    assert "top_k" not in body
    assert body.get("tool_choice", {"type": "auto"})["type"] in ("auto", "none")
    if thinking["type"] == "enabled":
        assert 1024 <= thinking["budget_tokens"] < body["max_tokens"]


def _all_blocks(body: Json) -> list[Json]:
    blocks = list(body.get("system", []))
    for message in body["messages"]:
        for block in message["content"]:
            blocks.append(block)
            if block["type"] == "tool_result" and isinstance(block.get("content"), list):
                blocks.extend(block["content"])
    return blocks
