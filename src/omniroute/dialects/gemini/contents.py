"""`systemInstruction` and `contents` as turns, and turns of this dialect back to exactly the same contents.

A turn that was a content has this dialect as its origin. One without origin was only a part of something: a
leading system turn is `systemInstruction`, and a tool turn is the beginning of the user content behind it, since
tool results and other parts share a content here. Foreign conversations go through `arrangement`.
"""

from omniroute.dialects.gemini.callids import CallIds, of_conversation
from omniroute.dialects.gemini.parts import decode_part, kind_of
from omniroute.dialects.gemini.wire import NAME, without
from omniroute.dialects.gemini.wire_parts import encode_part
from omniroute.dialects.look import as_array, as_object
from omniroute.dialects.losses import Losses
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.parts import AnyPart, ToolResult
from omniroute.ir.request import Role, Turn

_ROLES: dict[JsonValue, Role] = {
    None: "user",
    "": "user",
    "user": "user",
    "model": "assistant",
    "assistant": "assistant",
    "function": "user",
    "tool": "user",
    "system": "system",
}


def decode_system(said: JsonValue) -> Turn:
    """A content, a list of parts or a plain string; its role says nothing and is not kept."""
    fields = as_object(said)
    if fields is None or ("parts" not in fields and "text" in fields):
        fields = {"parts": said}
    extra = without(fields, "parts", "role")
    return Turn(
        role="system", parts=_parts(fields.get("parts"), "systemInstruction.parts", CallIds()), extra=extra
    )


def decode_contents(said: JsonValue) -> list[Turn]:
    if isinstance(said, str):
        return [Turn(role="user", parts=_parts(said, "contents", CallIds()), origin=NAME)]
    if said is None:
        return []
    contents = [said] if as_object(said) is not None else as_array(said)
    if contents is None:
        raise InvalidRequest(f"contents: expected a list of contents, got {kind_of(said)}")
    ids = of_conversation(contents)
    return [turn for i, content in enumerate(contents) for turn in _turns(content, f"contents[{i}]", ids)]


def encode_contents(turns: tuple[Turn, ...], body: JsonObject, losses: Losses) -> None:
    """Writes what this dialect's client sent, one content for each turn."""
    beginning: list[JsonObject] = []
    contents: list[JsonObject] = []
    for i, turn in enumerate(turns):
        parts = _wire_parts(turn, i, losses)
        if turn.role in ("system", "developer") and turn.origin is None and not contents:
            known = as_object(body.get("systemInstruction")) or {"parts": []}
            body["systemInstruction"] = {**known, "parts": [*known["parts"], *parts], **(turn.extra or {})}
        elif turn.role == "tool" and turn.origin is None and i + 1 < len(turns) and turns[i + 1].role == "user":
            beginning = parts
        else:
            contents.append({"role": _wire_role(turn), "parts": beginning + parts, **(turn.extra or {})})
            beginning = []
    body["contents"] = contents


def _turns(said: JsonValue, path: str, ids: CallIds) -> list[Turn]:
    content = as_object(said)
    if content is None:
        if not isinstance(said, str):
            raise InvalidRequest(f"{path}: expected an object with `role` and `parts`, got {kind_of(said)}")
        content = {"parts": said}
    word = content.get("role")
    role = _ROLES.get(word) if word is None or isinstance(word, str) else None
    if role is None:
        raise InvalidRequest(f"{path}.role: expected 'user' or 'model', got {word!r}")
    parts = _parts(content.get("parts"), f"{path}.parts", ids)
    extra = without(content, "role", "parts")
    results = 0
    while role == "user" and results < len(parts) and isinstance(parts[results], ToolResult):
        results += 1
    if not results:
        return [Turn(role=role, parts=parts, origin=NAME, extra=extra)]
    if results == len(parts):
        return [Turn(role="tool", parts=parts, origin=NAME, extra=extra)]
    return [
        Turn(role="tool", parts=parts[:results]),
        Turn(role="user", parts=parts[results:], origin=NAME, extra=extra),
    ]


def _parts(said: JsonValue, path: str, ids: CallIds) -> tuple[AnyPart, ...]:
    if said is None:
        return ()
    items = [said] if isinstance(said, str) or as_object(said) is not None else as_array(said)
    if items is None:
        raise InvalidRequest(f"{path}: expected a list of parts, got {kind_of(said)}")
    return tuple(decode_part(item, f"{path}[{i}]", ids) for i, item in enumerate(items))


def _wire_parts(turn: Turn, i: int, losses: Losses) -> list[JsonObject]:
    parts = (encode_part(part, f"turns[{i}].parts[{j}]", losses) for j, part in enumerate(turn.parts))
    return [part for part in parts if part is not None]


def _wire_role(turn: Turn) -> str:
    match turn.role:
        case "assistant":
            return "model"
        case "system" | "developer":
            return "system"
        case "user" | "tool":
            return "user"
