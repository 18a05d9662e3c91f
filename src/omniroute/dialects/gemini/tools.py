"""Tools and the choice among them, as this dialect's own client sent them and back.

A function's schema stood under `parameters`, in OpenAPI's words, or under `parametersJsonSchema`. A null in
`extra` says how the wire had it and means nothing to others: `parametersJsonSchema` that it stood there,
`parameters` that its types were in upper case.
"""

from omniroute.dialects.gemini.parts import kind_of
from omniroute.dialects.gemini.schema import read_schema, write_schema
from omniroute.dialects.gemini.wire import NAME, without
from omniroute.dialects.look import as_array, as_object, as_text
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.request import Tool, ToolChoice


def decode_tools(rest: JsonObject) -> tuple[Tool, ...]:
    """Every function declaration and every hosted tool, in order; `tools` is taken out of `rest`."""
    said = rest.pop("tools", None)
    items = [said] if as_object(said) is not None else as_array(said)
    if said is not None and items is None:
        raise InvalidRequest(f"tools: expected a list of tools, got {kind_of(said)}")
    found: list[Tool] = []
    for i, item in enumerate(items or ()):
        fields = as_object(item)
        if fields is None:
            raise InvalidRequest(f"tools[{i}]: expected an object, got {kind_of(item)}")
        for name, value in fields.items():
            if name == "functionDeclarations":
                path = f"tools[{i}].functionDeclarations"
                declared = as_array(value)
                if declared is None:
                    raise InvalidRequest(f"{path}: expected a list, got {kind_of(value)}")
                found += [_function(one, f"{path}[{j}]") for j, one in enumerate(declared)]
            else:
                found.append(Tool(name=name, hosted={name: value}, origin=NAME))
    return tuple(found)


def encode_tools(tools: tuple[Tool, ...]) -> list[JsonObject]:
    """Neighbouring functions share one tool object; every hosted tool has its own."""
    wire: list[JsonObject] = []
    for tool in tools:
        if tool.hosted is not None:
            wire.append(tool.hosted)
        elif wire and "functionDeclarations" in wire[-1]:
            wire[-1]["functionDeclarations"].append(_declaration(tool))
        else:
            wire.append({"functionDeclarations": [_declaration(tool)]})
    return wire


def decode_tool_choice(rest: JsonObject) -> ToolChoice | None:
    """The mode of `toolConfig.functionCallingConfig`, taken out; what is not understood stays."""
    config = as_object(rest.get("toolConfig"))
    said = as_object((config or {}).get("functionCallingConfig"))
    mode = as_text((said or {}).get("mode"))
    if config is None or said is None or mode is None:
        return None
    names = tuple(name for name in as_array(said.get("allowedFunctionNames")) or () if isinstance(name, str))
    extra = without(said, "mode", "allowedFunctionNames")
    match mode.upper():
        case "ANY" if len(names) == 1:
            choice = ToolChoice(mode="one", names=names, extra=extra)
        case "ANY" if names:
            choice = ToolChoice(mode="subset", names=names, required=True, extra=extra)
        case "ANY":
            choice = ToolChoice(mode="required", extra=extra)
        case "NONE":
            choice = ToolChoice(mode="none", names=names, extra=extra)
        case "AUTO":
            choice = ToolChoice(mode="subset" if names else "auto", names=names, extra=extra)
        case "VALIDATED":
            extra = {**(extra or {}), "mode": mode.upper()}
            choice = ToolChoice(mode="subset" if names else "auto", names=names, extra=extra)
        case _:
            return None
    left = without(config, "functionCallingConfig")
    if left is None:
        del rest["toolConfig"]
    else:
        rest["toolConfig"] = left
    return choice


def encode_tool_choice(choice: ToolChoice) -> JsonObject:
    """The `functionCallingConfig` for a choice, without the unknown fields of its origin."""
    mode = {"auto": "AUTO", "none": "NONE", "required": "ANY", "one": "ANY", "subset": "AUTO"}[choice.mode]
    if choice.mode == "subset" and choice.required:
        mode = "ANY"
    names: JsonObject = {"allowedFunctionNames": list(choice.names)} if choice.names else {}
    return {"mode": mode, **names}


def _function(value: JsonValue, path: str) -> Tool:
    fields = as_object(value)
    if fields is None:
        raise InvalidRequest(f"{path}: expected an object, got {kind_of(value)}")
    name = as_text(fields.get("name"))
    if name is None:
        raise InvalidRequest(f"{path}.name: expected a string, got {kind_of(fields.get('name'))}")
    used = ["name"]
    description = as_text(fields.get("description"))
    used += ["description"] if description is not None else []
    schema = as_object(fields.get("parametersJsonSchema"))
    marks: JsonObject = {}
    if schema is not None:
        used.append("parametersJsonSchema")
        marks["parametersJsonSchema"] = None
    else:
        described = as_object(fields.get("parameters"))
        if described is not None:
            used.append("parameters")
            schema, upper = read_schema(described)
            if upper:
                marks["parameters"] = None
    extra = {**(without(fields, *used) or {}), **marks} or None
    return Tool(name=name, description=description, schema=schema, origin=NAME, extra=extra)


def _declaration(tool: Tool) -> JsonObject:
    extra = tool.extra or {}
    wire: JsonObject = {"name": tool.name}
    if tool.description is not None:
        wire["description"] = tool.description
    if tool.schema is not None and "parametersJsonSchema" in extra:
        wire["parametersJsonSchema"] = tool.schema
    elif tool.schema is not None:
        upper = "parameters" in extra and extra["parameters"] is None
        wire["parameters"] = write_schema(tool.schema, upper=upper)
    wire.update(without(extra) or {})
    return wire
