"""Tools on offer, and which of them may be called. This wire has tools but no way to choose among them."""

from omniroute.dialects.look import as_array, as_object, as_text, kind_of
from omniroute.dialects.losses import Losses
from omniroute.dialects.objects import rest_of
from omniroute.dialects.ollama.wire import NAME
from omniroute.dialects.schema import tool_schema
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.request import Tool, ToolChoice


def decode_tools(rest: JsonObject) -> tuple[Tool, ...]:
    """A function without a name is dropped: no provider accepts one."""
    value = rest.pop("tools", None)
    items = () if value is None else as_array(value)
    if items is None:
        raise InvalidRequest(f"tools: expected an array, got {kind_of(value)}")
    tools = (_tool(item, f"tools[{index}]") for index, item in enumerate(items))
    return tuple(tool for tool in tools if tool is not None)


def encode_tools(
    tools: tuple[Tool, ...], choice: ToolChoice | None, *, native: bool, losses: Losses
) -> list[JsonObject]:
    """The tools that a model may see so that it keeps to `choice` as far as it can without being told."""
    allowed = None if choice is None else _allowed(tools, choice, losses)
    encoded: list[JsonObject] = []
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        if allowed is not None and tool.name not in allowed:
            continue
        if tool.hosted is not None:
            if tool.origin == NAME:
                encoded.append(tool.hosted)
            else:
                losses.dropped(path, "hosted tool", "meaning")
        elif not tool.name.strip():
            losses.dropped(path, "tool without a name", "quality")
        else:
            encoded.append(_encode_tool(tool, path, native, losses))
    return encoded


def _allowed(tools: tuple[Tool, ...], choice: ToolChoice, losses: Losses) -> frozenset[str] | None:
    """The names of the tools to offer; None for all."""
    losses.foreign("tool_choice", choice.extra)
    if choice.parallel is False:
        losses.dropped("tool_choice.parallel", "one tool call at a time", "quality")
    match choice.mode:
        case "auto":
            return None
        case "none":
            if tools:
                losses.dropped("tools", "tools that must not be called", "quality")
            return frozenset()
        case "required":
            losses.dropped("tool_choice", "forced tool call", "meaning")
            return None
        case "one" | "subset":
            if choice.mode == "one" or choice.required:
                losses.approximated("tool_choice", "forced tool call", "meaning")
            for index, tool in enumerate(tools):
                if tool.name not in choice.names:
                    losses.dropped(f"tools[{index}]", "tool outside the allowed ones", "quality")
            offered = {tool.name for tool in tools}
            for index, name in enumerate(choice.names):
                if name not in offered:
                    losses.dropped(f"tool_choice.names[{index}]", "tool that is not offered", "quality")
            return frozenset(choice.names)


def _tool(item: JsonValue, path: str) -> Tool | None:
    fields = as_object(item)
    if fields is None:
        raise InvalidRequest(f"{path}: expected an object, got {kind_of(item)}")
    kind = fields.get("type") or "function"
    function = as_object(fields.get("function"))
    if kind != "function":
        return Tool(name=as_text(fields.get("name")) or str(kind), hosted=fields, origin=NAME)
    if function is None:
        raise InvalidRequest(f"{path}.function: expected an object, got {kind_of(fields.get('function'))}")
    name = as_text(function.get("name")) or ""
    if not name.strip():
        return None
    description = as_text(function.get("description"))
    schema = as_object(function.get("parameters"))
    read = {"name": name, "description": description, "parameters": schema}
    inner = rest_of(
        function, [key for key, value in read.items() if value is not None or function.get(key) is None]
    )
    extra = rest_of(fields, ("type", "function"))
    return Tool(
        name=name,
        description=description,
        schema=schema,
        origin=NAME,
        extra=extra if inner is None else {**(extra or {}), "function": inner},
    )


def _encode_tool(tool: Tool, path: str, native: bool, losses: Losses) -> JsonObject:
    if tool.strict:
        losses.dropped(f"{path}.strict", "strict schema", "quality")
    if tool.cache is not None:
        losses.dropped(f"{path}.cache", "cache mark", "cost")
    function: JsonObject = {"name": tool.name}
    if native:
        described = {"description": tool.description, "parameters": tool.schema}
    else:
        described = {"description": tool.description or "", "parameters": tool_schema(tool.schema)}
    function.update({name: value for name, value in described.items() if value is not None})
    if tool.origin != NAME:
        losses.foreign(path, tool.extra)
        return {"type": "function", "function": function}
    extra = tool.extra or {}
    function.update(as_object(extra.get("function")) or {})
    return {"type": "function", **extra, "function": function}
