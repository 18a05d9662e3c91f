"""System prompt and messages as turns, and turns of this dialect back to exactly the same messages.

A turn that was a message has this dialect as its origin. One without origin was only a part of something: a
leading system turn is the top-level `system`, and a tool turn is the beginning of the user message behind it,
since tool results and other content share a message here. Foreign conversations go through `arrangement`.
"""

from collections.abc import Iterator

from omniroute.dialects.anthropic.blocks import encode_block, is_string
from omniroute.dialects.anthropic.parts import decode_block
from omniroute.dialects.anthropic.wire import NAME, without
from omniroute.dialects.look import as_array, as_object
from omniroute.dialects.losses import Losses
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.parts import AnyPart, Text, ToolResult
from omniroute.ir.request import Role, Turn

_ROLES = {"tool": "user", "developer": "system"}


def decode_system(system: JsonValue) -> Turn:
    return Turn(role="system", parts=_parts(system, "system"))


def decode_messages(messages: JsonValue) -> list[Turn]:
    found = as_array(messages)
    if found is None:
        raise InvalidRequest("messages: expected a list of messages")
    return [turn for i, message in enumerate(found) for turn in _turns(message, f"messages[{i}]")]


def _turns(message: JsonValue, path: str) -> list[Turn]:
    fields = as_object(message)
    if fields is None:
        raise InvalidRequest(f"{path}: expected an object with `role` and `content`")
    said = fields.get("role")
    if said not in ("user", "assistant", "system"):
        raise InvalidRequest(f"{path}.role: expected 'user', 'assistant' or 'system', got {said!r}")
    role: Role = said
    parts = _parts(fields.get("content"), f"{path}.content")
    extra = without(fields, "role", "content")
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


def _parts(content: JsonValue, path: str) -> tuple[AnyPart, ...]:
    if isinstance(content, str):
        return (Text(text=content),)
    blocks = as_array(content)
    if blocks is None:
        raise InvalidRequest(f"{path}: expected a string or a list of content blocks")
    return tuple([decode_block(block, f"{path}[{i}]") for i, block in enumerate(blocks)])


def encode_turns(turns: tuple[Turn, ...], body: JsonObject, losses: Losses) -> None:
    """Writes `system` and `messages` of a conversation that this dialect's client sent, one message per turn."""
    leading = 0
    while (
        leading < len(turns) and turns[leading].role in ("system", "developer") and turns[leading].origin is None
    ):
        leading += 1
    if leading == 1:
        body["system"] = _content(turns[0], 0, losses)
    elif leading > 1:
        body["system"] = [block for i, turn in enumerate(turns[:leading]) for block in _blocks(turn, i, losses)]
    body["messages"] = [*_messages(turns, leading, losses)]


def _messages(turns: tuple[Turn, ...], leading: int, losses: Losses) -> Iterator[JsonObject]:
    beginning: list[JsonObject] = []
    for i, turn in enumerate(turns[leading:], leading):
        opens = turn.role == "tool" and turn.origin is None
        if opens and i + 1 < len(turns) and turns[i + 1].role == "user":
            beginning += _blocks(turn, i, losses)
            continue
        content = [*beginning, *_blocks(turn, i, losses)] if beginning else _content(turn, i, losses)
        beginning = []
        yield {"role": _ROLES.get(turn.role, turn.role), "content": content, **(turn.extra or {})}


def _content(turn: Turn, i: int, losses: Losses) -> str | list[JsonObject]:
    only = turn.parts[0] if is_string(turn.parts) else None
    return only.text if isinstance(only, Text) else _blocks(turn, i, losses)


def _blocks(turn: Turn, i: int, losses: Losses) -> list[JsonObject]:
    blocks = (encode_block(part, f"turns[{i}].parts[{j}]", losses) for j, part in enumerate(turn.parts))
    return [block for block in blocks if block is not None]
