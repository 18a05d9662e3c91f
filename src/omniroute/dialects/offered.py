"""The tools that a client offers, and a body without some of them; the others keep their bytes."""

from collections.abc import Callable
from typing import Final

import msgspec

from omniroute.dialects.envelope import Fields
from omniroute.dialects.instructions import Changed, items, listed
from omniroute.dialects.look import as_array, as_object, as_text, objects_in
from omniroute.dialects.losses import Losses
from omniroute.ir.json import JsonObject, JsonValue

_CHOICES: Final = ("tool_choice", "toolConfig", "tool_config")
_MEANINGLESS: Final = (*_CHOICES, "parallel_tool_calls")
"""Members that providers refuse, or that say nothing, where no tool is offered."""
_DECLARATIONS: Final = ("functionDeclarations", "function_declarations")
_CALLING: Final = ("functionCallingConfig", "function_calling_config")
_ALLOWED: Final = ("allowedFunctionNames", "allowed_function_names")

Wanted = Callable[[str], bool]


def without_tools(fields: Fields, wanted: Wanted) -> Changed:
    """Only the tools whose names are `wanted`; one that the provider runs and that has no name goes by its type. A
    choice that names a tool which is gone is left to the model."""
    tools = items(fields.get("tools"))
    if not tools:
        return Changed({}, ())
    losses = Losses()
    kept: list[msgspec.Raw] = []
    for index, raw in enumerate(tools):
        left = _left(raw, f"tools[{index}]", wanted, losses)
        if left is not None:
            kept.append(left)
    if not losses:
        return Changed({}, ())
    edits: dict[str, bytes | None] = {"tools": listed(kept) if kept else None}
    if not kept:
        edits.update((name, None) for name in _MEANINGLESS if name in fields)
        return Changed(edits, tuple(losses))
    for name in _CHOICES:
        if name in fields:
            before: JsonValue = msgspec.json.decode(fields[name])
            after = _choice(before, wanted)
            if after != before:
                losses.dropped("tool_choice", "tool choice", "meaning")
                edits[name] = None if after is None else msgspec.json.encode(after)
    return Changed(edits, tuple(losses))


def _left(raw: msgspec.Raw, path: str, wanted: Wanted, losses: Losses) -> msgspec.Raw | None:
    """What remains of one entry; None for nothing."""
    value: JsonValue = msgspec.json.decode(raw)
    tool = as_object(value)
    if tool is None:
        return raw
    if "name" not in tool and "type" not in tool and "function" not in tool:
        return _gemini(tool, raw, path, wanted, losses)
    if wanted(_name(tool)):
        return raw
    losses.dropped(path, "tool", "meaning")
    return None


def _gemini(tool: JsonObject, raw: msgspec.Raw, path: str, wanted: Wanted, losses: Losses) -> msgspec.Raw | None:
    """Google's clients have all of their functions in one entry, and name hosted tools by their members."""
    left: JsonObject = {}
    before = len(losses)
    for name, value in tool.items():
        if name not in _DECLARATIONS:
            if wanted(name):
                left[name] = value
            else:
                losses.dropped(f"{path}.{name}", "tool", "meaning")
            continue
        functions = [one for one in objects_in(value) if wanted(as_text(one.get("name")) or "")]
        for _ in range(len(objects_in(value)) - len(functions)):
            losses.dropped(f"{path}.{name}", "tool", "meaning")
        if functions:
            left[name] = functions
    if len(losses) == before:
        return raw
    return msgspec.Raw(msgspec.json.encode(left)) if left else None


def _name(tool: JsonObject) -> str:
    for inner in ("function", "custom"):
        fields = as_object(tool.get(inner))
        if fields is not None:
            tool = fields
            break
    return as_text(tool.get("name")) or as_text(tool.get("type")) or ""


def _choice(value: JsonValue, wanted: Wanted) -> JsonValue:
    """The choice among what is left; None when nothing of it is."""
    choice = as_object(value)
    if choice is None:
        return value
    for calling in _CALLING:
        config = as_object(choice.get(calling))
        allowed = next((name for name in _ALLOWED if config is not None and name in config), None)
        if config is not None and allowed is not None:
            names = [name for name in as_array(config[allowed]) or () if isinstance(name, str) and wanted(name)]
            return {**choice, calling: {**config, allowed: names}} if names else None
    if choice.get("type") == "allowed_tools":
        inner = as_object(choice.get("allowed_tools"))
        listing = choice if inner is None else inner
        left = [tool for tool in objects_in(listing.get("tools")) if wanted(_name(tool))]
        if not left:
            return None
        return (
            {**choice, "tools": left} if inner is None else {**choice, "allowed_tools": {**inner, "tools": left}}
        )
    if "name" in choice or "function" in choice or "custom" in choice:
        return choice if wanted(_name(choice)) else None
    return value
