"""Tools on offer and the choice among them.

A namespace becomes its tools, one by one. A custom tool takes free text; for other dialects it is a function with
one string, `input`. Every other tool that is no function is the provider's own and stays whole.
Normal forms: a function declared in the manner of Chat Completions is written flat; a function without a name is
dropped, for no provider accepts one.
"""

from typing import Literal

from omniroute.dialects.look import as_array, as_object, as_text, kind_of, objects_in
from omniroute.dialects.losses import Losses
from omniroute.dialects.objects import rest_of
from omniroute.dialects.openai_responses import marks
from omniroute.dialects.openai_responses.names import Called, plain_name, qualified
from omniroute.dialects.openai_responses.wire import NAME
from omniroute.dialects.schema import tool_schema
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject
from omniroute.ir.request import Tool, ToolChoice

CUSTOM_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
"""What the free text of a custom tool looks like to a dialect that has functions only."""

_MODES: dict[str, Literal["auto", "none", "required"]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
    "any": "required",
}
_NAMED = ("function", "custom")


def decode_tools(rest: JsonObject) -> tuple[Tool, ...]:
    value = rest.get("tools")
    if value is None:
        return ()
    items = as_array(value)
    if items is None:
        raise InvalidRequest(f"tools: expected an array, got {kind_of(value)}")
    if not items:
        return ()
    del rest["tools"]
    found: list[Tool] = []
    for index, item in enumerate(items):
        path = f"tools[{index}]"
        fields = as_object(item)
        if fields is None:
            raise InvalidRequest(f"{path}: expected an object, got {kind_of(item)}")
        if fields.get("type") == "namespace":
            found += _namespace(fields, path)
        else:
            tool = _tool(fields)
            if tool is not None:
                found.append(tool)
    return tuple(found)


def encode_tools(
    tools: tuple[Tool, ...], names: dict[str, Called], *, native: bool, losses: Losses
) -> list[JsonObject]:
    encoded: list[JsonObject] = []
    inside: list[JsonObject] = encoded
    namespace: str | None = None
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        extra = tool.extra if tool.origin == NAME else None
        if not marks.has(extra, marks.NAMESPACE):
            inside, namespace = encoded, None
        elif (frame := as_object((extra or {})[marks.NAMESPACE])) is not None:
            inside, namespace = [], as_text(frame.get("name"))
            encoded.append({"type": "namespace", **frame, "tools": inside})
        if tool.hosted is None:
            if tool.name.strip() or native:
                inside.append(_encode_tool(tool, namespace, path, native, losses))
            else:
                losses.dropped(path, "tool without a name", "meaning")
        elif tool.origin == NAME:
            inside.append(tool.hosted)
        else:
            searched = _search(tool.hosted)
            if searched is None:
                losses.dropped(path, "hosted tool", "meaning")
            else:
                losses.approximated(path, "hosted tool", "quality")
                inside.append(searched)
    return encoded


def decode_tool_choice(rest: JsonObject) -> ToolChoice | None:
    """`tool_choice` and `parallel_tool_calls`. A choice of a hosted tool is one by the tool's type."""
    said, parallel = rest.get("tool_choice"), rest.get("parallel_tool_calls")
    if parallel is not None:
        if not isinstance(parallel, bool):
            raise InvalidRequest(f"parallel_tool_calls: expected true or false, got {kind_of(parallel)}")
        del rest["parallel_tool_calls"]
    if said is None:
        return None if parallel is None else ToolChoice(parallel=parallel, explicit=False)
    del rest["tool_choice"]
    if isinstance(said, str):
        mode = _MODES.get(said)
        if mode is None:
            raise InvalidRequest(f"tool_choice: expected auto, none, required or an object, got {said!r}")
        return ToolChoice(mode=mode, parallel=parallel)
    fields = as_object(said)
    if fields is None:
        raise InvalidRequest(f"tool_choice: expected a string or an object, got {kind_of(said)}")
    return _choice(fields, parallel)


def encode_tool_choice(
    choice: ToolChoice,
    offered: list[JsonObject],
    names: dict[str, Called],
    body: JsonObject,
    *,
    native: bool,
    losses: Losses,
) -> None:
    """Sets `tool_choice` and `parallel_tool_calls`; a forced tool that is not on offer would be refused."""
    if not native:
        losses.foreign("tool_choice", choice.extra)
        there = {tool.get("name") for tool in offered}
        missing = choice.mode == "one" and choice.names[0] not in there
        if not offered or missing:
            if choice.mode in ("required", "one") or (choice.mode == "subset" and choice.required):
                losses.dropped("tool_choice", "forced tool", "meaning")
            return
    if choice.parallel is not None:
        body["parallel_tool_calls"] = choice.parallel
    if not choice.explicit:
        return
    extra = choice.extra if native else None
    match choice.mode:
        case "auto" | "none" | "required":
            body["tool_choice"] = extra or choice.mode
        case "one":
            body["tool_choice"] = (
                extra if extra and "type" in extra else _function(choice.names[0], names, extra, native=native)
            )
        case "subset":
            listed = [_function(name, names, None, native=native) for name in choice.names]
            mode = "required" if choice.required else "auto"
            body["tool_choice"] = {"type": "allowed_tools", "mode": mode, "tools": listed, **(extra or {})}


def _namespace(fields: JsonObject, path: str) -> list[Tool]:
    namespace = as_text(fields.get("name"))
    inner = as_array(fields.get("tools"))
    if namespace is None or not inner or len(objects_in(inner)) != len(inner):
        return [Tool(name=namespace or "namespace", hosted=fields, origin=NAME)]
    found: list[Tool] = []
    for item in objects_in(inner):
        tool = _tool(item)
        if tool is not None:
            found.append(_within(tool, namespace, rest_of(fields, ("type", "tools")) if not found else None))
    return found


def _within(tool: Tool, namespace: str, frame: JsonObject | None) -> Tool:
    extra = {**(tool.extra or {}), marks.NAMESPACE: frame}
    name = tool.name if tool.hosted is not None else qualified(namespace, tool.name)
    if tool.hosted is None and name.removeprefix(f"{namespace}__") != tool.name:
        extra["name"] = tool.name
    return Tool(
        name=name,
        schema=tool.schema,
        description=tool.description,
        strict=tool.strict,
        hosted=tool.hosted,
        origin=NAME,
        extra=extra,
    )


def _tool(fields: JsonObject) -> Tool | None:
    kind = fields.get("type", "function")
    nested = as_object(fields.get("function"))
    if kind == "function" and nested is not None and "name" not in fields:
        fields = {**(rest_of(fields, ("function",)) or {}), **nested}
    name = as_text(fields.get("name")) or ""
    if kind not in _NAMED:
        return Tool(name=name or str(kind), hosted=fields, origin=NAME)
    if not name.strip():
        return None
    known = ["type", "name"]
    description = as_text(fields.get("description"))
    if description is not None:
        known.append("description")
    if kind == "custom":
        extra = {marks.CUSTOM: None, **(rest_of(fields, known) or {})}
        return Tool(name=name, description=description, schema=CUSTOM_SCHEMA, origin=NAME, extra=extra)
    schema, strict = as_object(fields.get("parameters")), fields.get("strict")
    known += ["parameters"] if schema is not None else []
    known += ["strict"] if isinstance(strict, bool) else []
    return Tool(
        name=name,
        schema=schema,
        description=description,
        strict=strict if isinstance(strict, bool) else None,
        origin=NAME,
        extra=rest_of(fields, known),
    )


def _encode_tool(tool: Tool, namespace: str | None, path: str, native: bool, losses: Losses) -> JsonObject:
    if tool.cache is not None:
        losses.dropped(f"{path}.cache", "cache mark", "cost")
    if tool.origin != NAME:
        losses.foreign(path, tool.extra)
    own = tool.extra if tool.origin == NAME else None
    encoded: JsonObject = {"type": "function", "name": plain_name(tool, namespace)}
    if marks.has(own, marks.CUSTOM):
        encoded["type"] = "custom"
        if tool.description is not None:
            encoded["description"] = tool.description
    elif native:
        described = {"description": tool.description, "parameters": tool.schema, "strict": tool.strict}
        encoded.update({name: value for name, value in described.items() if value is not None})
    else:
        # Where `strict` is absent this API means true; every other dialect means false.
        encoded["description"] = tool.description or ""
        encoded["parameters"] = tool_schema(tool.schema)
        encoded["strict"] = bool(tool.strict)
    if own:
        marks.restore(encoded, rest_of(own, ("name",)))
    return encoded


def _search(hosted: JsonObject) -> JsonObject | None:
    """The web search of another vendor, which this API has too."""
    kind = as_text(hosted.get("type")) or ""
    return {"type": "web_search"} if kind.startswith("web_search") else None


def _choice(fields: JsonObject, parallel: bool | None) -> ToolChoice:
    kind = as_text(fields.get("type")) or ""
    inner = as_object(fields.get("function"))
    name = as_text((inner or fields).get("name"))
    if kind == "function" and name is not None:
        extra = rest_of(fields, ("type", "name", "function"))
        namespace = as_text(fields.get("namespace"))
        if namespace is not None:
            return ToolChoice(mode="one", names=(qualified(namespace, name),), parallel=parallel, extra=fields)
        return ToolChoice(mode="one", names=(name,), parallel=parallel, extra=extra)
    if kind == "custom" and name is not None:
        return ToolChoice(mode="one", names=(name,), parallel=parallel, extra=fields)
    if kind == "allowed_tools":
        return _subset(fields, parallel)
    mode = _MODES.get(kind)
    if mode is not None:
        return ToolChoice(mode=mode, parallel=parallel, extra=fields)
    return ToolChoice(mode="one", names=(name or kind or "tool",), parallel=parallel, extra=fields)


def _subset(fields: JsonObject, parallel: bool | None) -> ToolChoice:
    listed = objects_in(fields.get("tools"))
    names = tuple(as_text(tool.get("name")) or as_text(tool.get("type")) or "" for tool in listed)
    known = ["type", "mode"] if fields.get("mode") in ("auto", "required") else ["type"]
    if fields.get("tools") == [{"type": "function", "name": name} for name in names]:
        known.append("tools")
    required = fields.get("mode") == "required"
    return ToolChoice(
        mode="subset", names=names, required=required, parallel=parallel, extra=rest_of(fields, known)
    )


def _function(name: str, names: dict[str, Called], extra: JsonObject | None, *, native: bool) -> JsonObject:
    """A choice of one tool. Clients of this API said themselves what kind it is; for others the tool says it."""
    called = names.get(name)
    kind = "custom" if called is not None and called.custom and not native else "function"
    return {"type": kind, "name": name if called is None else called.name, **(extra or {})}
