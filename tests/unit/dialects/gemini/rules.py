"""What the Gemini API demands of a request, as one check over a whole body.

Types come from the google-genai SDK; the order of turns from ai.google.dev/gemini-api/docs/function-calling.
"""

import itertools
from typing import Any

import msgspec
from google.genai import types
from pydantic import TypeAdapter

_CONTENT = TypeAdapter(types.Content)
_TOOL = TypeAdapter(types.Tool)
_CONFIG = TypeAdapter(types.GenerationConfig)
_TOOL_CONFIG = TypeAdapter(types.ToolConfig)
_TOP = {
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "generationConfig",
    "safetySettings",
    "cachedContent",
}
_SCHEMA_KEYS = {
    *("type", "description", "nullable", "minimum", "maximum", "propertyOrdering"),
    *("minProperties", "maxProperties", "properties", "required", "items", "enum"),
}


def check_request(body: dict[str, Any]) -> None:
    """Raises AssertionError naming the rule that `body` breaks."""
    assert set(body) <= _TOP, f"unknown: {set(body) - _TOP}"
    for content in body["contents"]:
        _typed(_CONTENT, content)
    if "systemInstruction" in body:
        assert all(set(part) == {"text"} and part["text"] for part in body["systemInstruction"]["parts"])
    for tool in body.get("tools", []):
        _typed(_TOOL, tool)
        for function in tool.get("functionDeclarations", []):
            if "parameters" in function:
                assert function["parameters"]["type"] == "object"
                check_schema(function["parameters"])
    if "toolConfig" in body:
        _typed(_TOOL_CONFIG, body["toolConfig"])
    config = body.get("generationConfig", {})
    _typed(_CONFIG, config)
    assert len(config.get("stopSequences", [])) <= 5
    if "responseSchema" in config:
        check_schema(config["responseSchema"])
    _turns(body["contents"])
    _choice(body)


def check_schema(schema: dict[str, Any]) -> None:
    """Only what Google's `Schema` knows and this gateway means to send, all the way down."""
    assert set(schema) <= _SCHEMA_KEYS, f"refused keywords: {set(schema) - _SCHEMA_KEYS}"
    assert schema["type"] in ("string", "number", "integer", "boolean", "array", "object"), schema
    assert all(isinstance(value, str) for value in schema.get("enum", []))
    assert "enum" not in schema or schema["type"] == "string"
    assert set(schema.get("required", [])) <= set(schema.get("properties", {}))
    if schema["type"] == "array":
        check_schema(schema["items"])
    for inner in schema.get("properties", {}).values():
        check_schema(inner)


def _turns(contents: list[dict[str, Any]]) -> None:
    roles = [content["role"] for content in contents]
    assert roles, "a request has contents"
    assert roles[0] == "user", "the first turn is the user's"
    assert all(one != other for one, other in itertools.pairwise(roles)), f"turns alternate: {roles}"
    waiting: list[tuple[str, str]] = []
    for content in contents:
        parts = content["parts"]
        assert parts, "a turn has parts"
        assert all(part.get("text") != "" for part in parts), "no text is empty"
        answers = [
            (part["functionResponse"]["id"], part["functionResponse"]["name"])
            for part in parts
            if "functionResponse" in part
        ]
        assert answers == waiting, f"every call is answered, in order: {answers} for {waiting}"
        assert all("functionResponse" in part for part in parts[: len(answers)]), "answers come first"
        calls = [part for part in parts if "functionCall" in part]
        assert content["role"] == "model" or not calls, "only the model calls"
        assert all("thoughtSignature" not in part for part in calls[1:]), "only the first call is sealed"
        waiting = [(part["functionCall"]["id"], part["functionCall"]["name"]) for part in calls]
    assert not waiting, "the last calls are not answered"


def _choice(body: dict[str, Any]) -> None:
    choice = body.get("toolConfig", {}).get("functionCallingConfig", {})
    declared = [one["name"] for tool in body.get("tools", []) for one in tool.get("functionDeclarations", [])]
    assert len(declared) == len(set(declared)), "no two functions share a name"
    assert set(choice.get("allowedFunctionNames", [])) <= set(declared), "allowed functions are declared"
    assert not choice or declared, "a choice needs functions"


def _typed(adapter: TypeAdapter[Any], value: Any) -> None:
    adapter.validate_json(msgspec.json.encode(value), extra="forbid")
