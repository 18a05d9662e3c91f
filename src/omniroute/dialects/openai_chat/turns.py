"""The messages of a request: wire to turns.

Normal forms, which `request.decode_request` documents for the whole body: null members of a message are absent; no
content, null and an empty array are one; role `model` is `assistant`; `function_call` and role `function` become
tool calls and tool results; a call without a name is dropped with its result (no provider accepts one).
"""

from collections.abc import Sequence

from omniroute.dialects.look import as_array, as_object, as_text, kind_of
from omniroute.dialects.objects import rest_of
from omniroute.dialects.openai_chat.content import (
    decode_element,
    decode_reasoning,
    raw_arguments,
    required_text,
    take_cache,
)
from omniroute.dialects.openai_chat.wire import NAME
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue, RawJson
from omniroute.ir.parts import AnyPart, Media, Refusal, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.request import Role, Turn

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
}
_MEMBERS = frozenset({"role", "content", "name"})
_TOOL_MEMBERS = _MEMBERS | {"tool_call_id"}
_NULLABLE = ("refusal", "audio", "function_call", "tool_calls", "reasoning_content", "reasoning", "annotations")


def decode_messages(messages: JsonValue) -> tuple[Turn, ...]:
    items = as_array(messages)
    if items is None:
        raise InvalidRequest(f"messages: expected an array, got {kind_of(messages)}")
    nameless: set[str] = set()
    turns = (_turn(item, index, nameless) for index, item in enumerate(items))
    return tuple(turn for turn in turns if turn is not None)


def decode_tool_call(call: JsonObject, path: str, fallback_id: str) -> ToolCall:
    """One entry of `tool_calls`; `fallback_id` is for a call that has no id."""
    kind = "custom" if as_object(call.get("custom")) is not None else "function"
    function = as_object(call.get(kind))
    if function is None:
        raise InvalidRequest(f"{path}.function: expected an object, got {kind_of(call.get('function'))}")
    text_member = "input" if kind == "custom" else "arguments"
    extra = rest_of(call, ("id", "type", kind))
    inner = rest_of(function, ("name", text_member))
    if inner is not None:
        extra = {**(extra or {}), kind: inner}
    if kind == "custom":
        extra = {**(extra or {}), "type": kind}
    return ToolCall(
        call_id=as_text(call.get("id")) or fallback_id,
        name=as_text(function.get("name")) or "",
        arguments=RawJson(raw_arguments(function.get(text_member))),
        origin=NAME,
        extra=extra,
    )


def _turn(item: JsonValue, index: int, nameless: set[str]) -> Turn | None:
    path = f"messages[{index}]"
    message = as_object(item)
    if message is None:
        raise InvalidRequest(f"{path}: expected an object, got {kind_of(item)}")
    said = as_text(message.get("role"))
    role = _ROLES.get(said or "")
    if role is None:
        raise InvalidRequest(f"{path}.role: expected system, developer, user, assistant or tool, got {said!r}")
    if role == "tool":
        return _tool_turn(message, path, nameless)
    parts = _content(message.get("content"), path)
    name = as_text(message.get("name")) or None
    if message.keys() <= _MEMBERS:
        return Turn(role=role, parts=tuple(parts), name=name, origin=NAME)
    known = {*_MEMBERS, *(name for name in _NULLABLE if not message.get(name, True))}
    if role == "assistant":
        parts = _assistant_parts(message, parts, known, index, nameless)
    cache, extra = take_cache(rest_of(message, known))
    return Turn(role=role, parts=tuple(parts), name=name, cache=cache, origin=NAME, extra=extra)


def _content(content: JsonValue, path: str) -> list[AnyPart]:
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(text=content)]
    elements = as_array(content)
    if elements is None:
        raise InvalidRequest(f"{path}.content: expected a string or an array, got {kind_of(content)}")
    return [decode_element(element, f"{path}.content[{index}]") for index, element in enumerate(elements)]


def _assistant_parts(
    message: JsonObject, said: list[AnyPart], known: set[str], index: int, nameless: set[str]
) -> list[AnyPart]:
    path = f"messages[{index}]"
    parts = said
    thinking = decode_reasoning(message)
    if thinking is not None:
        known |= {"reasoning_content", "reasoning", "reasoning_details"}
        parts = [thinking, *parts]
    refusal = as_text(message.get("refusal"))
    if refusal:
        known.add("refusal")
        parts = [*parts, Refusal(text=refusal)]
    calls = as_array(message.get("tool_calls"))
    if calls is not None:
        known.add("tool_calls")
        parts = [*parts, *_calls(calls, index, nameless)]
    legacy = as_object(message.get("function_call"))
    if legacy is not None:
        known.add("function_call")
        parts = [*parts, _legacy_call(legacy, f"{path}.function_call")]
    return parts


def _calls(calls: Sequence[JsonValue], index: int, nameless: set[str]) -> list[AnyPart]:
    parts: list[AnyPart] = []
    for position, item in enumerate(calls):
        path = f"messages[{index}].tool_calls[{position}]"
        fields = as_object(item)
        if fields is None:
            raise InvalidRequest(f"{path}: expected an object, got {kind_of(item)}")
        call = decode_tool_call(fields, path, f"call_{index}_{position}")
        if call.name:
            parts.append(call)
        else:
            nameless.add(call.call_id)
    return parts


def _legacy_call(call: JsonObject, path: str) -> ToolCall:
    name = required_text(call, "name", path)
    arguments = RawJson(raw_arguments(call.get("arguments")))
    return ToolCall(call_id=f"call_{name}", name=name, arguments=arguments, origin=NAME)


def _tool_turn(message: JsonObject, path: str, nameless: set[str]) -> Turn | None:
    name = as_text(message.get("name")) or None
    call_id = as_text(message.get("tool_call_id"))
    if call_id is None and message.get("role") == "function" and name is not None:
        call_id = f"call_{name}"
    if call_id is None:
        raise InvalidRequest(f"{path}.tool_call_id: expected the id of the call that this message answers")
    if call_id in nameless:
        return None
    content: list[Text | Media | Unknown] = []
    for part in _content(message.get("content"), path):
        if isinstance(part, Text | Media | Unknown):
            content.append(part)
        elif isinstance(part, Refusal):
            content.append(Text(text=part.text, origin=NAME))
    cache, extra = take_cache(rest_of(message, _TOOL_MEMBERS))
    result = ToolResult(call_id=call_id, content=tuple(content), name=name, origin=NAME)
    return Turn(role="tool", parts=(result,), cache=cache, origin=NAME, extra=extra)
