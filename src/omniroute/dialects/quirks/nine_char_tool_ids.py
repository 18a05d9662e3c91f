"""Tool call ids must be nine letters or digits: others are renamed, in calls and in their results alike.

Needed by Mistral's API (400 "Tool call id was ... but must be a-z, A-Z, 0-9, with a length of 9"). A name
depends on the id alone, so that a conversation keeps its prefix from turn to turn.
"""

import hashlib
import re

from omniroute.dialects.base import Loss
from omniroute.dialects.look import as_array, as_object, as_text
from omniroute.dialects.quirks.messages import rewrite_messages
from omniroute.dialects.quirks.quirk import Quirk, Rewritten
from omniroute.ir.json import JsonObject, JsonValue

_FITTING = re.compile(r"[A-Za-z0-9]{9}")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def nine_characters(call_id: str) -> str:
    """`call_id` when it fits, else nine characters that stand for it."""
    if _FITTING.fullmatch(call_id):
        return call_id
    number = int.from_bytes(hashlib.sha256(call_id.encode()).digest()[:8])
    digits: list[str] = []
    for _ in range(9):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(digits)


def _renamed(message: JsonObject) -> JsonObject:
    changes: JsonObject = {}
    answered = message.get("tool_call_id")
    if isinstance(answered, str) and nine_characters(answered) != answered:
        changes["tool_call_id"] = nine_characters(answered)
    calls = as_array(message.get("tool_calls")) or ()
    renamed = [_renamed_call(call) for call in calls]
    if any(after is not before for after, before in zip(renamed, calls, strict=True)):
        changes["tool_calls"] = renamed
    return {**message, **changes} if changes else message


def _renamed_call(call: JsonValue) -> JsonValue:
    fields = as_object(call)
    if fields is None:
        return call
    call_id = as_text(fields.get("id"))
    if call_id is None or nine_characters(call_id) == call_id:
        return call
    return {**fields, "id": nine_characters(call_id)}


def _loss(index: int) -> Loss:
    return Loss(path=f"messages[{index}]", what="tool call id", how="approximated", weight="quality")


def _wire(body: JsonObject) -> Rewritten:
    return rewrite_messages(body, _renamed, _loss)


NINE_CHAR_TOOL_IDS = Quirk(keys=("messages",), hint=b"tool_call", wire=_wire)
