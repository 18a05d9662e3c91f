"""The messages of a request: wire to turns.

Results of tools are matched to their calls by `tool_call_id`, else by name and order. Normal forms are named in
`request`.
"""

from collections.abc import Sequence

from omniroute.dialects.look import as_array, as_object, as_text, kind_of
from omniroute.dialects.objects import rest_of
from omniroute.dialects.ollama.calls import decode_call, function_of, given_id
from omniroute.dialects.ollama.ids import CallIds, is_made_up
from omniroute.dialects.ollama.images import decode_image
from omniroute.dialects.ollama.wire import NAME
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.parts import AnyPart, Media, Reasoning, Text, ToolCall, ToolResult
from omniroute.ir.request import Role, Turn

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
}
_OPTIONAL = ("images", "thinking", "tool_calls", "tool_name", "tool_call_id")


def decode_messages(messages: JsonValue) -> tuple[Turn, ...]:
    """No messages at all is how clients ask Ollama to load a model; it is a conversation without turns."""
    if messages is None:
        return ()
    items = as_array(messages)
    if items is None:
        raise InvalidRequest(f"messages: expected an array, got {kind_of(messages)}")
    reader = _Reader()
    turns = (reader.read(item, f"messages[{index}]") for index, item in enumerate(items))
    return tuple(turn for turn in turns if turn is not None)


class _Reader:
    def __init__(self) -> None:
        self._ids = CallIds()
        self._nameless: set[str] = set()

    def read(self, item: JsonValue, path: str) -> Turn | None:
        message = as_object(item)
        if message is None:
            raise InvalidRequest(f"{path}: expected an object, got {kind_of(item)}")
        word = as_text(message.get("role"))
        role = _ROLES.get(word or "")
        if role is None:
            raise InvalidRequest(f"{path}.role: expected system, user, assistant or tool, got {word!r}")
        known = ["role", "content", "images", *(name for name in _OPTIONAL if not message.get(name, True))]
        content = _content(message, path)
        if role == "tool":
            return self._result(message, content, known)
        parts: list[AnyPart] = [*content]
        if role == "assistant":
            thinking = message.get("thinking")
            if thinking:
                known.append("thinking")
                parts.insert(0, Reasoning(text=_text(thinking, f"{path}.thinking"), origin=NAME))
            known.append("tool_calls")
            parts += self._calls(message, path)
        return Turn(role=role, parts=tuple(parts), origin=NAME, extra=rest_of(message, known))

    def _calls(self, message: JsonObject, path: str) -> list[ToolCall]:
        calls: list[ToolCall] = []
        items = _array(message, "tool_calls", path)
        if items:
            self._ids.begin_round()
        for position, item in enumerate(items):
            function = function_of(item, f"{path}.tool_calls[{position}]")
            fields = as_object(item) or {}
            name = as_text(function.get("name")) or ""
            call_id = self._ids.of_call(given_id(fields), name)
            if name.strip():
                calls.append(decode_call(fields, position, call_id))
            else:
                self._nameless.add(call_id)
        return calls

    def _result(self, message: JsonObject, content: list[Media | Text], known: list[str]) -> Turn | None:
        name = as_text(message.get("tool_name")) or None
        given = as_text(message.get("tool_call_id")) or None
        call_id = self._ids.of_result(given, name or as_text(message.get("name")))
        if call_id in self._nameless:
            return None
        known += ["tool_name"] if name else []
        known += ["tool_call_id"] if given and not is_made_up(given) else []
        extra = rest_of(message, known)
        if given is None and not is_made_up(call_id):
            # The client named its call and not the result: the null says that no id is to be written back.
            extra = {**(extra or {}), "tool_call_id": None}
        result = ToolResult(call_id=call_id, content=tuple(content), name=name, origin=NAME, extra=extra)
        return Turn(role="tool", parts=(result,), origin=NAME)


def _content(message: JsonObject, path: str) -> list[Media | Text]:
    """Images come first, as they do in the prompt that Ollama makes of a message."""
    parts: list[Media | Text] = []
    for position, image in enumerate(_array(message, "images", path)):
        parts.append(decode_image(_text(image, f"{path}.images[{position}]")))
    content = message.get("content")
    if content:
        parts.append(Text(text=_text(content, f"{path}.content")))
    return parts


def _array(message: JsonObject, name: str, path: str) -> Sequence[JsonValue]:
    value = message.get(name)
    items = () if value is None else as_array(value)
    if items is None:
        raise InvalidRequest(f"{path}.{name}: expected an array, got {kind_of(value)}")
    return items


def _text(value: JsonValue, path: str) -> str:
    if not isinstance(value, str):
        raise InvalidRequest(f"{path}: expected a string, got {kind_of(value)}")
    return value
