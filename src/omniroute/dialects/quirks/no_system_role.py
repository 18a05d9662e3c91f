"""The model takes no `system` role: its instructions go in front of the first question.

Implied for chat models whose ids start with `glm` or `ernie-`, which the reference gateway found to refuse or
ignore the role. The leading instructions and the first question become one message; an instruction later in the
conversation becomes a user's message where it stands, so that what was sent before stays the same from turn to
turn.
"""

import re
from collections.abc import Sequence

from omniroute.dialects.base import Loss
from omniroute.dialects.look import as_array, as_object, as_text, objects_in
from omniroute.dialects.quirks.quirk import Quirk, Rewritten
from omniroute.ir.json import JsonObject, JsonValue

MODELS = re.compile(r"(?:glm|ernie-)", re.IGNORECASE)
"""How the bare ids of these models begin."""

_ROLES = ("system", "developer")
_OPENING = "[System Instructions]\n"
_QUESTION = "\n\n[User Message]\n"


def _wire(body: JsonObject) -> Rewritten:
    messages = as_array(body.get("messages")) or ()
    instructions = [index for index, message in enumerate(messages) if _instructs(message)]
    if not instructions:
        return Rewritten(body)
    leading = 0
    while leading in instructions:
        leading += 1
    written: list[JsonValue] = []
    if leading:
        text = "\n\n".join(_text(message) for message in messages[:leading])
        first = as_object(messages[leading]) if leading < len(messages) else None
        if first is not None and first.get("role") == "user":
            written.append({**first, "content": _asked(text, first.get("content"))})
            leading += 1
        else:
            written.append({"role": "user", "content": _OPENING + text})
    written += [_turned(message) if _instructs(message) else message for message in messages[leading:]]
    losses = tuple(
        Loss(path=f"messages[{index}].role", what="system role", how="approximated", weight="quality")
        for index in instructions
    )
    return Rewritten({**body, "messages": written}, losses)


def _instructs(message: JsonValue) -> bool:
    fields = as_object(message)
    return fields is not None and fields.get("role") in _ROLES


def _turned(message: JsonValue) -> JsonObject:
    return {"role": "user", "content": _OPENING + _text(message)}


def _text(message: JsonValue) -> str:
    content = (as_object(message) or {}).get("content")
    if isinstance(content, str):
        return content
    return "\n".join(as_text(element.get("text")) or "" for element in objects_in(content))


def _asked(instructions: str, content: JsonValue) -> JsonValue:
    """A question behind its instructions; whatever is not text in it stays."""
    opening = f"{_OPENING}{instructions}{_QUESTION}"
    elements: Sequence[JsonValue] | None = as_array(content)
    if elements is None:
        return opening + (as_text(content) or "")
    first = as_object(elements[0]) if elements else None
    text = None if first is None else as_text(first.get("text"))
    if first is not None and text is not None:
        return [{**first, "text": opening + text}, *elements[1:]]
    return [{"type": "text", "text": opening}, *elements]


NO_SYSTEM_ROLE = Quirk(keys=("messages",), wire=_wire)
