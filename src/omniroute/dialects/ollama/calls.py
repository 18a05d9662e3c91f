"""Tool calls on this wire: arguments are an object, not its text."""

import msgspec

from omniroute.dialects.look import as_object, as_text, kind_of
from omniroute.dialects.losses import Losses
from omniroute.dialects.objects import rest_of
from omniroute.dialects.ollama.ids import is_made_up
from omniroute.dialects.ollama.wire import NAME, FunctionCall
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue, RawJson
from omniroute.ir.parts import ToolCall


def given_id(call: JsonObject) -> str | None:
    return as_text(call.get("id")) or None


def function_of(call: JsonValue, path: str) -> JsonObject:
    function = as_object((as_object(call) or {}).get("function"))
    if function is None:
        raise InvalidRequest(f'{path}: expected an object with "function", got {kind_of(call)}')
    return function


def decode_call(call: JsonObject, position: int, call_id: str) -> ToolCall:
    """One entry of `tool_calls`. `type` and an `index` that only repeats its position say nothing."""
    function = as_object(call.get("function")) or {}
    known = ["name", "arguments"]
    if function.get("index") == position:
        known.append("index")
    extra = rest_of(call, ("type", "function") if is_made_up(call_id) else ("id", "type", "function")) or {}
    if not extra.get("id", True):
        del extra["id"]
    inner = rest_of(function, known)
    if inner is not None:
        extra["function"] = inner
    return ToolCall(
        call_id=call_id,
        name=as_text(function.get("name")) or "",
        arguments=_raw(function.get("arguments")),
        origin=NAME,
        extra=extra or None,
    )


def encode_call(part: ToolCall, path: str, losses: Losses) -> JsonObject:
    function: FunctionCall = {"name": part.name, "arguments": arguments_object(part.arguments, path, losses)}
    if part.origin != NAME:
        losses.foreign(path, part.extra)
        return {"function": function}
    extra = part.extra or {}
    call: JsonObject = {} if is_made_up(part.call_id) else {"id": part.call_id}
    return {**call, **extra, "function": {**function, **(as_object(extra.get("function")) or {})}}


def arguments_object(arguments: str, path: str, losses: Losses) -> JsonObject:
    """The arguments as an object; text that is none is kept whole under one key."""
    if not arguments.strip():
        return {}
    try:
        value = as_object(msgspec.json.decode(arguments))
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        value = None
    if value is not None:
        return value
    losses.approximated(f"{path}.arguments", "arguments that are not a JSON object", "quality")
    return {"_raw_arguments": arguments}


def _raw(value: JsonValue) -> RawJson:
    if value is None:
        return RawJson("")
    return RawJson(value if isinstance(value, str) else msgspec.json.encode(value).decode())
