"""The tools on offer and whether they must be called, as Cohere's chat API says it."""

from omniroute.dialects.losses import Losses
from omniroute.dialects.schema import tool_schema
from omniroute.ir.json import JsonObject
from omniroute.ir.request import GenerateRequest, Tool


def encode_tools(request: GenerateRequest, body: JsonObject, losses: Losses) -> None:
    """Writes `tools`, `strict_tools` and `tool_choice`. One tool is demanded by offering no other."""
    choice = request.tool_choice
    limited = choice is not None and choice.mode in ("one", "subset")
    wanted = frozenset(choice.names) if choice is not None and limited else None
    offered: list[tuple[Tool, JsonObject]] = []
    names: set[str] = set()
    for i, tool in enumerate(request.tools):
        path = f"tools[{i}]"
        if wanted is not None and tool.name not in wanted:
            losses.dropped(path, "tool that may not be called", "cost")
            continue
        wire = _tool(tool, path, names, losses)
        if wire is not None:
            names.add(tool.name)
            offered.append((tool, wire))
    if offered:
        body["tools"] = [wire for _, wire in offered]
        if all(tool.strict for tool, _ in offered):
            body["strict_tools"] = True
        elif any(tool.strict for tool, _ in offered):
            losses.dropped("tools", "strict schema of some tools only", "quality")
    if choice is None:
        return
    losses.foreign("tool_choice", choice.extra)
    if choice.parallel is False:
        losses.dropped("tool_choice.parallel", "one tool call at a time", "quality")
    if choice.mode == "auto":
        return
    if not offered:
        if choice.mode != "none":
            losses.dropped("tool_choice", "tool choice without tools", "meaning")
        return
    if choice.mode == "none":
        body["tool_choice"] = "NONE"
    elif choice.mode != "subset" or choice.required:
        body["tool_choice"] = "REQUIRED"


def _tool(tool: Tool, path: str, names: set[str], losses: Losses) -> JsonObject | None:
    if tool.hosted is not None:
        losses.dropped(path, f"hosted tool {tool.name or tool.hosted.get('type', '')}", "meaning")
        return None
    if not tool.name.strip() or tool.name in names:
        losses.dropped(path, "tool without a name of its own", "meaning")
        return None
    losses.foreign(path, tool.extra)
    function: JsonObject = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = tool_schema(tool.schema)
    return {"type": "function", "function": function}
