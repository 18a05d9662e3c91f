"""What the Converse API refuses, checked on a request body that an encoder made.

The rules are those of the service model (botocore 1.44.5: members, lengths, patterns, enumerations),
and those that its documentation has beside them: alternation, answered calls, no blank text.
"""

import base64
import itertools
import re
from typing import Any

Json = dict[str, Any]

_BODY = {
    "messages",
    "system",
    "inferenceConfig",
    "toolConfig",
    "outputConfig",
    "additionalModelRequestFields",
    "requestMetadata",
}
_USER = {"text", "image", "document", "video", "audio", "toolResult", "cachePoint"}
_ASSISTANT = {"text", "toolUse", "reasoningContent", "cachePoint"}
_RESULT = {"text", "image", "document", "video"}
_FORMATS = {
    "image": {"png", "jpeg", "gif", "webp"},
    "document": {"pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"},
    "video": {"mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"},
    "audio": {"mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "m4a", "webm"},
}


def check_request(body: Json) -> None:
    """Raises AssertionError naming the rule that `body` breaks."""
    assert set(body) <= _BODY, set(body) - _BODY
    for block in body.get("system", [{"text": "."}]):
        kind, value = _only(block)
        assert kind in ("text", "cachePoint"), kind
        assert kind != "text" or value.strip(), "a system text is not blank"
    _check_messages(body["messages"])
    _check_tools(body)
    config = body.get("inferenceConfig", {})
    assert set(config) <= {"maxTokens", "temperature", "topP", "stopSequences"}
    assert config.get("maxTokens", 1) >= 1
    assert 0 <= config.get("temperature", 0) <= 1
    assert 0 <= config.get("topP", 0) <= 1
    assert all(word for word in config.get("stopSequences", []))
    for name, value in body.get("requestMetadata", {}).items():
        assert re.fullmatch(r"[a-zA-Z0-9\s:_@$#=/+,\-.]{1,256}", name)
        assert re.fullmatch(r"[a-zA-Z0-9\s:_@$#=/+,\-.]{0,256}", value)
    assert body.get("system") != []
    assert body.get("requestMetadata") != {}
    budget = body.get("additionalModelRequestFields", {}).get("thinking", {}).get("budget_tokens")
    assert budget is None or 1024 <= budget < config["maxTokens"]
    _check_points(body)


def _only(union: Json) -> tuple[str, Any]:
    assert len(union) == 1, f"a union has one member: {list(union)}"
    return next(iter(union.items()))


def _check_messages(messages: list[Json]) -> None:
    roles = [message["role"] for message in messages]
    assert roles[0] == "user", "the first message is the user's"
    assert set(roles) <= {"user", "assistant"}
    assert all(one != other for one, other in itertools.pairwise(roles)), "roles alternate"
    waiting: list[str] = []
    used: set[str] = set()
    names: list[str] = []
    for message in messages:
        assert set(message) == {"role", "content"}
        assert message["content"], "no message is empty"
        answered: list[str] = []
        calls: list[str] = []
        kinds: list[str] = []
        for block in message["content"]:
            kind, value = _only(block)
            kinds.append(kind)
            assert kind in (_USER if message["role"] == "user" else _ASSISTANT), kind
            if kind == "toolUse":
                assert set(value) == {"toolUseId", "name", "input"}
                assert re.fullmatch(r"[a-zA-Z0-9_.:-]{1,64}", value["toolUseId"])
                assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", value["name"])
                assert isinstance(value["input"], dict)
                assert value["toolUseId"] not in used, "call ids are unique"
                used.add(value["toolUseId"])
                calls.append(value["toolUseId"])
            elif kind == "toolResult":
                answered.append(value["toolUseId"])
                assert set(value) <= {"toolUseId", "content", "status"}
                assert value.get("status", "error") == "error"
                for piece in value["content"]:
                    inner, content = _only(piece)
                    assert inner in _RESULT
                    _check_content(inner, content, names)
            else:
                _check_content(kind, value, names)
        assert answered == waiting, "every call is answered once, in order, directly after it"
        assert message["role"] == "assistant" or "document" not in kinds or {"text", "toolResult"} & set(kinds)
        waiting = calls
    assert not waiting, "every call is answered"
    assert len(names) == len(set(names)), "documents have names of their own"


def _check_content(kind: str, value: Any, names: list[str]) -> None:
    if kind == "text":
        assert value.strip(), "a text is not blank"
    elif kind in _FORMATS:
        assert set(value) == {"format", "source"} | ({"name"} if kind == "document" else set())
        assert value["format"] in _FORMATS[kind]
        where, data = _only(value["source"])
        assert where in ("bytes", "s3Location")
        assert where != "bytes" or base64.b64decode(data, validate=True)
        if kind == "document":
            names.append(value["name"])
            assert re.fullmatch(r"[A-Za-z0-9\s\-()\[\]]{1,200}", value["name"])
            assert not re.search(r"\s\s", value["name"])
    elif kind == "reasoningContent":
        inner, content = _only(value)
        if inner == "reasoningText":
            assert set(content) == {"text", "signature"}
        else:
            assert inner == "redactedContent"


def _check_tools(body: Json) -> None:
    uses = [block for message in body["messages"] for block in message["content"] if "toolUse" in block]
    config = body.get("toolConfig")
    assert config is not None or not uses, "a conversation with calls declares tools"
    if config is None:
        return
    assert set(config) <= {"tools", "toolChoice"}
    names = [tool["toolSpec"]["name"] for tool in config["tools"] if "toolSpec" in tool]
    assert names, "tools are not empty"
    assert len(names) == len(set(names)), "tool names are unique"
    for tool in config["tools"]:
        kind, spec = _only(tool)
        if kind == "toolSpec":
            assert set(spec) <= {"name", "description", "inputSchema", "strict"}
            assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", spec["name"])
            assert spec.get("description", ".")
            assert spec["inputSchema"]["json"]["type"] == "object"
        else:
            assert kind == "cachePoint"
    if "toolChoice" in config:
        kind, value = _only(config["toolChoice"])
        assert kind in ("auto", "any", "tool")
        assert value == ({"name": value.get("name")} if kind == "tool" else {})
        assert kind != "tool" or value["name"] in names


def _check_points(value: Any) -> None:
    if isinstance(value, dict):
        if "cachePoint" in value and isinstance(value["cachePoint"], dict):
            point = value["cachePoint"]
            assert point.get("type") == "default"
            assert point.get("ttl", "5m") in ("5m", "1h")
        for name, inner in value.items():
            if name not in ("input", "json"):
                _check_points(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_points(inner)
