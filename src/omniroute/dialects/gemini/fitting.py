"""A request of any dialect as a body that the Gemini API accepts, with a Loss for whatever it cannot say."""

import msgspec

from omniroute.dialects.gemini.arrangement import arrange
from omniroute.dialects.gemini.controls import JSON
from omniroute.dialects.gemini.names import Names
from omniroute.dialects.gemini.schema import gemini_schema, gemini_tool_schema
from omniroute.dialects.gemini.thinking import fit_thinking
from omniroute.dialects.gemini.tools import encode_tool_choice
from omniroute.dialects.gemini.wire import NAME
from omniroute.dialects.losses import Losses
from omniroute.dialects.schema import clean
from omniroute.ir.json import JsonObject
from omniroute.ir.request import GenerateRequest, OutputFormat, Sampling, Tool, ToolChoice
from omniroute.ir.target import Target

_MAX_STOPS = 5
"""ai.google.dev/api/generate-content: "up to 5"."""

_SEARCHES = ("web_search", "google_search", "googleSearch")


def fitted(request: GenerateRequest, target: Target, losses: Losses) -> JsonObject:
    declared = [tool for tool in request.tools if tool.hosted is None]
    names = Names(tool.name for tool in declared)
    arranged = arrange(request.turns, names, losses)
    body: JsonObject = {}
    if arranged.system:
        body["systemInstruction"] = {"parts": arranged.system}
    body["contents"] = arranged.contents
    functions = _functions(request, names, losses)
    if functions:
        body["tools"] = [{"functionDeclarations": functions}]
    elif _searches(request.tools):
        body["tools"] = [{"googleSearch": {}}]
    _hosted(request.tools, bool(functions), losses)
    choice = _choice(request.tool_choice, functions, names, losses)
    if choice is not None:
        body["toolConfig"] = {"functionCallingConfig": choice}
    config = _sampling(request.sampling, target, losses)
    config.update(_output(request.output, losses))
    thinking = fit_thinking(request.thinking, request.dialect, target, losses)
    if thinking is not None:
        config["thinkingConfig"] = thinking
    if config:
        body["generationConfig"] = config
    if request.user is not None:
        losses.dropped("user", "user", "cost")
    for name in request.metadata or {}:
        losses.dropped(f"metadata.{name}", name, "cost")
    losses.foreign("", request.extra)
    return body


def _functions(request: GenerateRequest, names: Names, losses: Losses) -> list[JsonObject]:
    functions: list[JsonObject] = []
    seen: set[str] = set()
    for i, tool in enumerate(request.tools):
        path = f"tools[{i}]"
        if tool.cache is not None:
            losses.dropped(f"{path}.cache", "cache mark", "cost")
        if tool.hosted is not None:
            continue
        if not tool.name.strip() or tool.name in seen:
            losses.dropped(path, "tool without a name of its own", "meaning")
            continue
        seen.add(tool.name)
        functions.append(_function(tool, names.wire(tool.name), path, losses))
    return functions


def _function(tool: Tool, name: str, path: str, losses: Losses) -> JsonObject:
    if name != tool.name:
        losses.approximated(f"{path}.name", "tool name", "quality")
    if tool.strict:
        losses.dropped(f"{path}.strict", "strict schema", "quality")
    losses.foreign(path, tool.extra)
    wire: JsonObject = {"name": name, "description": tool.description or ""}
    parameters = gemini_tool_schema(tool.schema, f"{path}.schema", losses)
    if parameters is not None:
        wire["parameters"] = parameters
    return wire


def _searches(tools: tuple[Tool, ...]) -> bool:
    return any(_is_search(tool) for tool in tools)


def _is_search(tool: Tool) -> bool:
    if tool.hosted is None:
        return False
    kind = tool.hosted.get("type")
    return (isinstance(kind, str) and kind.startswith(_SEARCHES)) or (
        tool.origin == NAME and "googleSearch" in tool.hosted
    )


def _hosted(tools: tuple[Tool, ...], functions: bool, losses: Losses) -> None:
    """Web search is the one hosted tool that this API has too, and it refuses it beside functions."""
    for i, tool in enumerate(tools):
        if tool.hosted is None:
            continue
        if not _is_search(tool):
            losses.dropped(f"tools[{i}]", f"hosted tool {tool.name or tool.hosted.get('type', '')}", "meaning")
        elif functions:
            losses.dropped(f"tools[{i}]", "web search beside functions", "meaning")
        else:
            losses.approximated(f"tools[{i}]", "web search as Google search", "quality")


def _choice(
    choice: ToolChoice | None, functions: list[JsonObject], names: Names, losses: Losses
) -> JsonObject | None:
    if choice is None:
        return None
    losses.foreign("tool_choice", choice.extra)
    if choice.parallel is False:
        losses.dropped("tool_choice.parallel", "one call at a time", "quality")
    if not choice.explicit:
        return None
    offered = {function["name"] for function in functions}
    allowed = tuple(name for name in map(names.wire, choice.names) if name in offered)
    forced = choice.mode in ("required", "one") or choice.required
    if not functions or (choice.mode in ("one", "subset") and not allowed):
        if forced:
            losses.dropped("tool_choice", "forced tool that is not on offer", "meaning")
        return None
    if allowed != choice.names:
        losses.approximated("tool_choice.names", "tool name", "quality")
    return encode_tool_choice(msgspec.structs.replace(choice, names=allowed))


def _sampling(sampling: Sampling, target: Target, losses: Losses) -> JsonObject:
    config: JsonObject = {}
    limit, cap = sampling.max_output_tokens, target.facts.max_output_tokens
    if limit is not None:
        config["maxOutputTokens"] = limit if cap is None else min(limit, cap)
        if cap is not None and limit > cap:
            losses.approximated("sampling.max_output_tokens", "output limit above the model's own", "cost")
    for name, value in (
        ("temperature", sampling.temperature),
        ("topP", sampling.top_p),
        ("topK", sampling.top_k),
        ("seed", sampling.seed),
        ("presencePenalty", sampling.presence_penalty),
        ("frequencyPenalty", sampling.frequency_penalty),
        ("responseLogprobs", sampling.logprobs),
        ("logprobs", sampling.top_logprobs if sampling.logprobs else None),
    ):
        if value is not None:
            config[name] = value
    if sampling.top_logprobs is not None and not sampling.logprobs:
        losses.dropped("sampling.top_logprobs", "top_logprobs without logprobs", "quality")
    if target.facts.temperature is False and config.pop("temperature", None) is not None:
        losses.dropped("sampling.temperature", "temperature", "quality")
    stop = [word for word in sampling.stop if word]
    if stop:
        config["stopSequences"] = stop[:_MAX_STOPS]
    for i, word in enumerate(sampling.stop):
        if word and word not in stop[:_MAX_STOPS]:
            losses.dropped(f"sampling.stop[{i}]", "stop sequence beyond the fifth", "meaning")
        elif not word:
            losses.dropped(f"sampling.stop[{i}]", "empty stop sequence", "quality")
    if sampling.logit_bias is not None:
        losses.dropped("sampling.logit_bias", "logit_bias", "quality")
    if sampling.n is not None and sampling.n > 1:
        losses.dropped("sampling.n", "number of answers", "meaning")
    return config


def _output(output: OutputFormat | None, losses: Losses) -> JsonObject:
    if output is None:
        return {}
    losses.foreign("output", output.extra)
    if output.kind == "text":
        return {}
    config: JsonObject = {"responseMimeType": JSON}
    if output.kind == "json_schema" and output.schema is not None:
        for field in ("name", "description"):
            if getattr(output, field) is not None:
                losses.dropped(f"output.{field}", f"{field} of the schema", "cost")
        config["responseSchema"] = gemini_schema(clean(output.schema), "output.schema", losses)
    return config
