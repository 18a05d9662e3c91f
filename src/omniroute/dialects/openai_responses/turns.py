"""The `input` of a request: items to turns.

Neighbouring items that the model made (reasoning, messages, calls) are one assistant turn; a message of anybody
else and every result of a tool is a turn of its own. Normal forms: `input` as one object is a list of one; a call
without a name is dropped with its result, for no provider accepts one; a result without `output` has an empty one.
"""

from collections.abc import Mapping

from omniroute.dialects.look import as_array, as_object, as_text, kind_of
from omniroute.dialects.openai_responses import marks
from omniroute.dialects.openai_responses.content import INPUT, decode_element
from omniroute.dialects.openai_responses.items import decode_item
from omniroute.dialects.openai_responses.names import Called
from omniroute.dialects.openai_responses.wire import NAME
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.parts import AnyPart, Media, Refusal, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.request import Role, Turn

_ROLES: dict[str, Role] = {"system": "system", "developer": "developer", "user": "user", "assistant": "assistant"}
_RESULT = ("type", "call_id", "output")


def decode_input(value: JsonValue, names: Mapping[str, Called]) -> list[Turn]:
    if isinstance(value, str):
        return [Turn(role="user", parts=(Text(text=value),))]
    single = as_object(value)
    items = [single] if single is not None else as_array(value)
    if items is None:
        raise InvalidRequest(f"input: expected a string or an array of items, got {kind_of(value)}")
    reader = _Reader(names)
    for index, item in enumerate(items):
        fields = as_object(item)
        if fields is None:
            raise InvalidRequest(f"input[{index}]: expected an object, got {kind_of(item)}")
        reader.read(fields, f"input[{index}]")
    return reader.finished()


class _Reader:
    def __init__(self, names: Mapping[str, Called]) -> None:
        self._names = names
        self._turns: list[Turn] = []
        self._made: list[AnyPart] = []
        self._nameless: set[str] = set()

    def read(self, item: JsonObject, path: str) -> None:
        kind = as_text(item.get("type"))
        if kind is None and "role" not in item:
            raise InvalidRequest(f"{path}.type: expected the type of an item, got {kind_of(item.get('type'))}")
        if kind in (None, "message"):
            role = _role(item, path)
            if role != "assistant":
                self._turn(_message(item, role, path))
                return
        elif kind in ("function_call_output", "custom_tool_call_output"):
            if as_text(item.get("call_id")) not in self._nameless:
                self._turn(_result(item, kind == "custom_tool_call_output", path))
            return
        elif kind.endswith(("_output", "_response")):
            unknown = Unknown(data=item, origin=NAME)
            self._turn(Turn(role="user", parts=(unknown,), origin=NAME, extra={marks.WHOLE: None}))
            return
        for part in decode_item(item, path, self._names):
            if isinstance(part, ToolCall) and not part.name.strip():
                self._nameless.add(part.call_id)
            else:
                self._made.append(part)

    def finished(self) -> list[Turn]:
        if self._made:
            self._turns.append(Turn(role="assistant", parts=tuple(self._made), origin=NAME))
            self._made = []
        return self._turns

    def _turn(self, turn: Turn) -> None:
        self.finished().append(turn)


def _role(item: JsonObject, path: str) -> Role:
    said = as_text(item.get("role"))
    role = _ROLES.get(said or "")
    if role is None:
        raise InvalidRequest(f"{path}.role: expected system, developer, user or assistant, got {said!r}")
    return role


def _message(item: JsonObject, role: Role, path: str) -> Turn:
    extra = marks.item_marks(item, ("type", "role", "content"))
    if "type" not in item:
        extra[marks.UNTYPED] = None
    parts = _content(item.get("content"), f"{path}.content")
    return Turn(role=role, parts=parts, origin=NAME, extra=extra or None)


def _content(content: JsonValue, path: str) -> tuple[Text | Media | Refusal | Unknown, ...]:
    if isinstance(content, str):
        return (Text(text=content),)
    elements = as_array(content)
    if elements is None:
        raise InvalidRequest(f"{path}: expected a string or an array, got {kind_of(content)}")
    return tuple(decode_element(element, f"{path}[{index}]", INPUT) for index, element in enumerate(elements))


def _result(item: JsonObject, custom: bool, path: str) -> Turn:
    call_id = as_text(item.get("call_id"))
    if call_id is None:
        raise InvalidRequest(f"{path}.call_id: expected the id of the call that this item answers")
    output = item.get("output")
    content: list[Text | Media | Unknown] = []
    for part in _content("" if output is None else output, f"{path}.output"):
        content.append(Text(text=part.text, origin=NAME) if isinstance(part, Refusal) else part)
    extra = marks.item_marks(item, _RESULT)
    if custom:
        extra[marks.CUSTOM] = None
    result = ToolResult(call_id=call_id, content=tuple(content), origin=NAME, extra=extra or None)
    return Turn(role="tool", parts=(result,), origin=NAME)
