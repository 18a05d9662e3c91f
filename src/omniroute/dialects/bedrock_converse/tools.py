"""The tools on offer and which of them may be called, as the Converse API says it."""

from omniroute.dialects.bedrock_converse.blocks import Blocks
from omniroute.dialects.bedrock_converse.names import Names
from omniroute.dialects.bedrock_converse.wire import Message
from omniroute.dialects.look import as_object
from omniroute.dialects.losses import Losses
from omniroute.dialects.schema import tool_schema
from omniroute.ir.json import JsonObject
from omniroute.ir.request import GenerateRequest, Tool, ToolChoice
from omniroute.ir.target import Target


def tool_config(
    request: GenerateRequest, target: Target, messages: list[Message], names: Names, blocks: Blocks, losses: Losses
) -> JsonObject | None:
    """`toolConfig`; None when there is nothing to declare.

    A conversation that holds calls must declare tools, also when none is on offer now: those it calls are then
    declared by name.
    """
    choice = request.tool_choice
    subset = frozenset(choice.names) if choice is not None and choice.mode == "subset" else None
    called = _called(messages)
    tools: list[JsonObject] = []
    declared: set[str] = set()
    forbidden = choice is not None and choice.mode == "none" and not called
    for i, tool in enumerate(request.tools):
        path = f"tools[{i}]"
        if forbidden or (subset is not None and tool.name not in subset):
            losses.dropped(path, "tool that may not be called", "cost")
            continue
        wire = _tool(tool, path, declared, names, target, losses)
        if wire is not None:
            declared.add(tool.name)
            tools += [wire, *blocks.point(tool.cache, path)]
    wire_choice = _choice(choice, names, declared, forbidden=forbidden, losses=losses)
    if not tools:
        for name in called:
            losses.added("tools", f"declaration of tool {name}, which was called before", "cost")
            tools.append({"toolSpec": {"name": name, "inputSchema": {"json": tool_schema(None)}}})
        if not tools:
            return None
    config: JsonObject = {"tools": tools}
    if wire_choice is not None:
        config["toolChoice"] = wire_choice
    return config


def needs_choice(config: JsonObject | None) -> bool:
    """Whether the model is forced to call a tool."""
    choice = as_object((config or {}).get("toolChoice")) or {}
    return "any" in choice or "tool" in choice


def _called(messages: list[Message]) -> list[str]:
    """The wire names of the tools that the conversation calls, each once."""
    uses = (as_object(block.get("toolUse")) for message in messages for block in message["content"])
    return list(dict.fromkeys(use["name"] for use in uses if use is not None))


def _tool(
    tool: Tool, path: str, declared: set[str], names: Names, target: Target, losses: Losses
) -> JsonObject | None:
    if tool.hosted is not None:
        losses.dropped(path, f"hosted tool {tool.name or tool.hosted.get('type', '')}", "meaning")
        return None
    if not tool.name.strip() or tool.name in declared:
        losses.dropped(path, "tool without a name of its own", "meaning")
        return None
    schema = tool_schema(tool.schema)
    if schema.get("type") != "object":
        schema = tool_schema({**schema, "type": "object"})
    spec: JsonObject = {"name": names.wire(tool.name)}
    if tool.description:
        spec["description"] = tool.description
    spec["inputSchema"] = {"json": schema}
    if tool.strict and target.facts.structured_output:
        spec["strict"] = True
    elif tool.strict:
        losses.dropped(f"{path}.strict", "strict schema", "quality")
    losses.foreign(path, tool.extra)
    return {"toolSpec": spec}


def _choice(
    choice: ToolChoice | None, names: Names, offered: set[str], *, forbidden: bool, losses: Losses
) -> JsonObject | None:
    if choice is None:
        return None
    losses.foreign("tool_choice", choice.extra)
    if choice.parallel is False:
        losses.dropped("tool_choice.parallel", "one tool call at a time", "quality")
    unknown = choice.mode == "one" and (not choice.names or choice.names[0] not in offered)
    if not offered or unknown:
        if not forbidden and choice.mode not in ("auto", "none"):
            losses.dropped("tool_choice", "tool choice without tools", "meaning")
        return None
    match choice.mode:
        case "auto":
            return {"auto": {}} if choice.explicit else None
        case "none":
            losses.dropped("tool_choice", "ban on tool calls", "meaning")
            return None
        case "required":
            return {"any": {}}
        case "subset":
            return {"any": {}} if choice.required else {"auto": {}}
        case "one":
            return {"tool": {"name": names.wire(choice.names[0] if choice.names else "")}}
