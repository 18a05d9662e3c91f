"""A request of any dialect as a body that the Messages API accepts, with a Loss for whatever it cannot say."""

import msgspec

from omniroute.dialects.anthropic.arrangement import Arranged, arrange
from omniroute.dialects.anthropic.blocks import encode_cache
from omniroute.dialects.anthropic.controls import encode_tool_choice
from omniroute.dialects.anthropic.thinking import Limits, fit_thinking
from omniroute.dialects.losses import Losses
from omniroute.dialects.schema import tool_schema
from omniroute.dialects.unsaid import report_unsaid
from omniroute.ir.json import JsonObject
from omniroute.ir.request import GenerateRequest, OutputFormat, Sampling, Tool, ToolChoice
from omniroute.ir.target import Target

JSON_ONLY = "Respond with a single valid JSON object and nothing else: no prose, no code fence."
"""The instruction for OpenAI's JSON mode, which this API does not have."""


def fitted(request: GenerateRequest, target: Target, losses: Losses) -> JsonObject:
    arranged = arrange(request.turns, losses)
    tools, choice = _choose(request, losses)
    body: JsonObject = {"model": target.model, "max_tokens": 0}
    config: JsonObject = {}
    _output(request.output, target, arranged, config, losses)
    limits = fit_thinking(
        request.thinking,
        request.sampling.max_output_tokens,
        target,
        obstacle=_obstacle(arranged, choice),
        adaptive_obstacle=_adaptive_obstacle(arranged, choice),
        losses=losses,
    )
    body["max_tokens"] = limits.max_tokens
    if limits.thinking is not None:
        body["thinking"] = limits.thinking
    if limits.effort is not None:
        config["effort"] = limits.effort
    if config:
        body["output_config"] = config
    if arranged.system:
        body["system"] = arranged.system
    body["messages"] = arranged.messages
    if tools:
        body["tools"] = tools
    if choice is not None:
        body["tool_choice"] = encode_tool_choice(choice)
    _sampling(request.sampling, target, limits, body, losses)
    if request.user is not None:
        body["metadata"] = {"user_id": request.user}
    for name in request.metadata or {}:
        losses.dropped(f"metadata.{name}", name, "cost")
    if request.stream:
        body["stream"] = True
    losses.foreign("", request.extra)
    return body


def _choose(request: GenerateRequest, losses: Losses) -> tuple[list[JsonObject], ToolChoice | None]:
    """The tools on offer, and which of them may be called."""
    choice = request.tool_choice
    subset = frozenset(choice.names) if choice is not None and choice.mode == "subset" else None
    tools: list[JsonObject] = []
    names: set[str] = set()
    for i, tool in enumerate(request.tools):
        if subset is not None and tool.name not in subset:
            losses.dropped(f"tools[{i}]", "tool outside the allowed ones", "cost")
            continue
        wire = _tool(tool, f"tools[{i}]", names, losses)
        if wire is not None:
            tools.append(wire)
            names.add(tool.name)
    if choice is None:
        return tools, None
    losses.foreign("tool_choice", choice.extra)
    if not tools:
        if choice.mode not in ("auto", "none"):
            losses.dropped("tool_choice", "tool choice without tools", "meaning")
        return tools, None
    if not choice.explicit and choice.parallel is not False:
        return tools, None
    if choice.mode == "none":
        # The API has no `disable_parallel_tool_use` here; nothing can be called anyway.
        choice = msgspec.structs.replace(choice, parallel=None)
    return tools, choice


def _tool(tool: Tool, path: str, names: set[str], losses: Losses) -> JsonObject | None:
    if tool.hosted is not None:
        losses.dropped(path, f"hosted tool {tool.name or tool.hosted.get('type', '')}", "meaning")
        return None
    if not tool.name.strip() or tool.name in names:
        losses.dropped(path, "tool without a name of its own", "meaning")
        return None
    if tool.strict:
        losses.dropped(f"{path}.strict", "strict schema", "quality")
    losses.foreign(path, tool.extra)
    wire: JsonObject = {
        "name": tool.name,
        "description": tool.description or "",
        "input_schema": _object_schema(tool.schema),
    }
    if tool.cache is not None:
        wire["cache_control"] = encode_cache(tool.cache)
    return wire


def _object_schema(schema: JsonObject | None) -> JsonObject:
    """The API takes nothing but the schema of an object."""
    cleaned = tool_schema(schema)
    return cleaned if cleaned.get("type") == "object" else tool_schema({**cleaned, "type": "object"})


def _obstacle(arranged: Arranged, choice: ToolChoice | None) -> str | None:
    """Why the API would refuse a thinking budget for this conversation."""
    if arranged.continues_without_thinking:
        return "thinking in a tool round that began without it"
    return _adaptive_obstacle(arranged, choice)


def _adaptive_obstacle(arranged: Arranged, choice: ToolChoice | None) -> str | None:
    """Why the API would refuse any thinking for this conversation."""
    if not arranged.ends_with_user:
        return "thinking before a prefilled answer"
    if choice is not None and (choice.mode in ("required", "one") or choice.required):
        return "thinking before a forced tool call"
    return None


def _output(
    output: OutputFormat | None, target: Target, arranged: Arranged, config: JsonObject, losses: Losses
) -> None:
    if output is None:
        return
    losses.foreign("output", output.extra)
    if output.kind == "text":
        return
    instruction = JSON_ONLY
    if output.kind == "json_schema" and output.schema is not None:
        for field in ("name", "description"):
            if getattr(output, field) is not None:
                losses.dropped(f"output.{field}", f"{field} of the schema", "cost")
        if target.facts.structured_output is not False:
            config["format"] = {"type": "json_schema", "schema": output.schema}
            return
        instruction += f" It must match this JSON schema:\n{msgspec.json.encode(output.schema).decode()}"
    losses.approximated("output", "output format as an instruction", "quality")
    arranged.system.append({"type": "text", "text": instruction})


def _sampling(sampling: Sampling, target: Target, limits: Limits, body: JsonObject, losses: Losses) -> None:
    fixed = limits.thinking is not None or target.facts.temperature is False
    if fixed:
        for name in ("temperature", "top_p", "top_k"):
            value = getattr(sampling, name)
            if value is not None and not (name == "temperature" and value == 1):
                losses.dropped(f"sampling.{name}", name, "quality")
    else:
        _free_sampling(sampling, body, losses)
    stop = [word for word in sampling.stop if word.strip()]
    if stop:
        body["stop_sequences"] = stop
    report_unsaid(sampling, losses)


def _free_sampling(sampling: Sampling, body: JsonObject, losses: Losses) -> None:
    if sampling.temperature is not None:
        body["temperature"] = min(sampling.temperature, 1)
        if sampling.temperature > 1:
            losses.approximated("sampling.temperature", "temperature above 1", "quality")
    if sampling.top_p is not None:
        # Claude 4 models refuse both at once; the temperature is the one that callers tune.
        if sampling.temperature is None:
            body["top_p"] = sampling.top_p
        elif sampling.top_p != 1:
            losses.dropped("sampling.top_p", "top_p beside temperature", "quality")
    if sampling.top_k is not None:
        body["top_k"] = sampling.top_k
