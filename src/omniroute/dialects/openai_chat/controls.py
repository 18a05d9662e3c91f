"""Everything of a request that is not a message: tools, tool choice, sampling, thinking, output format."""

from collections.abc import Sequence
from typing import Literal

from omniroute.dialects.look import as_array, as_count, as_object, as_text, kind_of, objects_in
from omniroute.dialects.losses import Losses
from omniroute.dialects.objects import rest_of
from omniroute.dialects.openai_chat.content import put_cache, required_text, take_cache
from omniroute.dialects.openai_chat.wire import NAME
from omniroute.dialects.schema import tool_schema
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.request import OutputFormat, Sampling, Thinking, Tool, ToolChoice
from omniroute.ir.target import Target

_LOW_BUDGET = 1024
_MEDIUM_BUDGET = 10_240
_XHIGH_BUDGET = 131_072
"""Thinking budgets in tokens at which the effort word changes (the same buckets in both directions)."""

_MAX_STOPS = 4
_MODES: dict[str, Literal["auto", "none", "required"]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
    "any": "required",
}


def decode_tools(rest: JsonObject) -> tuple[Tool, ...]:
    """`tools` and the legacy `functions`. A function without a name is dropped: no provider accepts one."""
    found: list[Tool] = []
    for index, item in enumerate(_array(rest, "tools")):
        tool = _tool(item, f"tools[{index}]")
        if tool is not None:
            found.append(tool)
    for index, item in enumerate(_array(rest, "functions")):
        tool = _tool({"type": "function", "function": item}, f"functions[{index}]")
        if tool is not None:
            found.append(tool)
    return tuple(found)


def encode_tools(tools: tuple[Tool, ...], *, native: bool, losses: Losses) -> list[JsonObject]:
    encoded: list[JsonObject] = []
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        if tool.hosted is not None:
            if tool.origin == NAME:
                encoded.append(tool.hosted)
            else:
                losses.dropped(path, "hosted tool", "meaning")
        else:
            encoded.append(_encode_tool(tool, path, native, losses))
    return encoded


def decode_tool_choice(rest: JsonObject) -> ToolChoice | None:
    """`tool_choice`, the legacy `function_call` and `parallel_tool_calls`; an unknown object means auto."""
    said = rest.pop("tool_choice", None)
    legacy = rest.pop("function_call", None)
    parallel = _boolean(rest, "parallel_tool_calls")
    if said is None and legacy is not None:
        fields = as_object(legacy)
        said = legacy if fields is None else {"type": "function", "function": fields}
    if said is None:
        return None if parallel is None else ToolChoice(parallel=parallel, explicit=False)
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
    choice: ToolChoice, offered: list[JsonObject], body: JsonObject, *, native: bool, losses: Losses
) -> None:
    """Sets `tool_choice` and `parallel_tool_calls`; providers refuse both when no tool is offered."""
    names = {(as_object(tool.get("function")) or {}).get("name") for tool in offered}
    if not native:
        losses.foreign("tool_choice", choice.extra)
        forced = choice.mode in ("required", "one") or (choice.mode == "subset" and choice.required)
        if not offered or (choice.mode == "one" and choice.names[0] not in names):
            if forced:
                losses.dropped("tool_choice", "forced tool", "meaning")
            return
    if choice.parallel is not None:
        body["parallel_tool_calls"] = choice.parallel
    if not choice.explicit:
        return
    match choice.mode:
        case "auto" | "none" | "required":
            body["tool_choice"] = choice.extra if native and choice.extra else choice.mode
        case "one":
            body["tool_choice"] = _function(choice.names[0])
        case "subset":
            tools = [_function(name) for name in choice.names]
            mode = "required" if choice.required else "auto"
            body["tool_choice"] = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


def decode_sampling(rest: JsonObject) -> Sampling:
    limits = [_count(rest, name) for name in ("max_completion_tokens", "max_tokens", "max_output_tokens")]
    return Sampling(
        max_output_tokens=next((limit for limit in limits if limit is not None), None),
        temperature=_number(rest, "temperature"),
        top_p=_number(rest, "top_p"),
        top_k=_count(rest, "top_k"),
        stop=_stop(rest.pop("stop", None)),
        n=_count(rest, "n"),
        seed=_count(rest, "seed"),
        presence_penalty=_number(rest, "presence_penalty"),
        frequency_penalty=_number(rest, "frequency_penalty"),
        logit_bias=_object(rest, "logit_bias"),
        logprobs=_boolean(rest, "logprobs"),
        top_logprobs=_count(rest, "top_logprobs"),
    )


def encode_sampling(sampling: Sampling, body: JsonObject, *, native: bool, losses: Losses) -> None:
    """`max_tokens` is the name here; targets that want `max_completion_tokens` say so with a quirk."""
    stop = list(sampling.stop)
    if not native:
        if sampling.top_k is not None:
            losses.dropped("sampling.top_k", "top_k", "quality")
        if len(stop) > _MAX_STOPS:
            losses.approximated("sampling.stop", "stop sequences", "meaning")
            stop = stop[:_MAX_STOPS]
    members: JsonObject = {
        "max_tokens": sampling.max_output_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k if native else None,
        "stop": stop or None,
        "n": sampling.n,
        "seed": sampling.seed,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "logit_bias": sampling.logit_bias,
        "logprobs": sampling.logprobs,
        "top_logprobs": sampling.top_logprobs,
    }
    body.update({name: value for name, value in members.items() if value is not None})


def decode_thinking(rest: JsonObject) -> Thinking | None:
    effort = rest.pop("reasoning_effort", None)
    if effort is None:
        return None
    if not isinstance(effort, str):
        raise InvalidRequest(f"reasoning_effort: expected a string, got {kind_of(effort)}")
    return Thinking(effort=effort)


def encode_thinking(thinking: Thinking, target: Target, *, native: bool, losses: Losses) -> str | None:
    """The word for `reasoning_effort`; None when the target takes none or the client wanted none."""
    if native:
        return thinking.effort
    losses.foreign("thinking", thinking.extra)
    if thinking.summary is not None:
        losses.dropped("thinking.summary", "reasoning summary", "quality")
    if thinking.mode == "disabled":
        if target.facts.reasoning is not False:
            losses.dropped("thinking", "disabled thinking", "cost")
        return None
    if target.facts.reasoning is False:
        losses.dropped("thinking", "thinking", "quality")
        return None
    if thinking.effort is not None:
        effort = thinking.effort.lower()
        if effort == "max":
            losses.approximated("thinking.effort", "thinking effort", "quality")
            return "xhigh"
        return effort
    if thinking.budget_tokens is None:
        if thinking.mode is not None:
            losses.dropped("thinking.mode", "thinking", "quality")
        return None
    losses.approximated("thinking.budget_tokens", "thinking budget", "quality")
    return _effort(thinking.budget_tokens)


def decode_output(rest: JsonObject) -> OutputFormat | None:
    """`response_format`; a type that is not known stays where it is, as an unknown field."""
    fields = as_object(rest.get("response_format"))
    kind = None if fields is None else fields.get("type")
    if fields is None or kind not in ("text", "json_object", "json_schema"):
        if rest.get("response_format") is None:
            rest.pop("response_format", None)
        elif fields is None:
            raise InvalidRequest(f"response_format: expected an object, got {kind_of(rest['response_format'])}")
        return None
    del rest["response_format"]
    if kind == "text" or kind == "json_object":
        return OutputFormat(kind=kind, extra=rest_of(fields, ("type",)))
    described = as_object(fields.get("json_schema"))
    if described is None:
        got = kind_of(fields.get("json_schema"))
        raise InvalidRequest(f"response_format.json_schema: expected an object, got {got}")
    strict = described.get("strict")
    known = ["name", "schema", "description"] + (["strict"] if isinstance(strict, bool) or strict is None else [])
    extra = rest_of(fields, ("type", "json_schema"))
    inner = rest_of(described, known)
    return OutputFormat(
        kind="json_schema",
        name=as_text(described.get("name")),
        schema=as_object(described.get("schema")),
        strict=strict if isinstance(strict, bool) else None,
        description=as_text(described.get("description")),
        extra=extra if inner is None else {**(extra or {}), "json_schema": inner},
    )


def encode_output(output: OutputFormat, *, native: bool, losses: Losses) -> JsonObject:
    extra = dict(output.extra or {})
    if not native:
        losses.foreign("output", extra)
        extra = {}
    if output.kind != "json_schema":
        return {"type": output.kind, **extra}
    described: JsonObject = {
        "name": output.name if native else output.name or "answer",
        "schema": output.schema,
        "strict": output.strict,
        "description": output.description,
    }
    described = {name: value for name, value in described.items() if value is not None}
    described.update(as_object(extra.pop("json_schema", None)) or {})
    return {"type": "json_schema", "json_schema": described, **extra}


def _tool(item: JsonValue, path: str) -> Tool | None:
    fields = as_object(item)
    if fields is None:
        raise InvalidRequest(f"{path}: expected an object, got {kind_of(item)}")
    kind = fields.get("type", "function")
    described = as_object(fields.get("custom" if kind == "custom" else "function"))
    if kind not in ("function", "custom"):
        return Tool(name=as_text(fields.get("name")) or str(kind), hosted=fields, origin=NAME)
    if described is None:
        raise InvalidRequest(f"{path}.{kind}: expected an object, got {kind_of(fields.get(kind))}")
    name = (as_text(described.get("name")) or "").strip()
    if not name:
        return None
    cache, extra = take_cache(rest_of(fields, ("type", kind)))
    if kind == "custom":
        inner = rest_of(described, ("name", "description"))
        extra = {**(extra or {}), "type": kind, **({} if inner is None else {kind: inner})}
        return Tool(
            name=name, description=as_text(described.get("description")), origin=NAME, cache=cache, extra=extra
        )
    known = [
        "name",
        *(member for member in ("description", "parameters", "strict") if described.get(member) is None),
    ]
    schema = as_object(described.get("parameters"))
    description = as_text(described.get("description"))
    strict = described.get("strict")
    known += ["parameters"] if schema is not None else []
    known += ["description"] if description is not None else []
    known += ["strict"] if isinstance(strict, bool) else []
    inner = rest_of(described, known)
    return Tool(
        name=required_text(described, "name", f"{path}.function"),
        schema=schema,
        description=description,
        strict=strict if isinstance(strict, bool) else None,
        cache=cache,
        origin=NAME,
        extra=extra if inner is None else {**(extra or {}), "function": inner},
    )


def _encode_tool(tool: Tool, path: str, native: bool, losses: Losses) -> JsonObject:
    function: JsonObject = {"name": tool.name}
    if not native and tool.origin != NAME:
        function["description"] = tool.description or ""
        function["parameters"] = tool_schema(tool.schema)
        if tool.strict is not None:
            function["strict"] = tool.strict
        losses.foreign(path, tool.extra)
        put_cache({}, tool.cache, False, path, losses)
        return {"type": "function", "function": function}
    if native:
        described = {"description": tool.description, "parameters": tool.schema, "strict": tool.strict}
    else:
        described = {
            "description": tool.description or "",
            "parameters": tool_schema(tool.schema),
            "strict": tool.strict,
        }
    extra = dict(tool.extra or {}) if tool.origin == NAME else {}
    if tool.origin != NAME:
        losses.foreign(path, tool.extra)
    function.update({name: value for name, value in described.items() if value is not None})
    if extra.get("type") == "custom":
        function.pop("parameters", None)
        encoded: JsonObject = {
            "type": "custom",
            "custom": {**function, **(as_object(extra.pop("custom", None)) or {})},
        }
    else:
        function.update(as_object(extra.pop("function", None)) or {})
        encoded = {"type": "function", "function": function}
    encoded.update(extra)
    put_cache(encoded, tool.cache, tool.origin == NAME, path, losses)
    return encoded


def _choice(fields: JsonObject, parallel: bool | None) -> ToolChoice:
    kind = fields.get("type")
    named = as_object(fields.get("function")) or fields
    name = as_text(named.get("name"))
    if kind == "function" and name is not None:
        return ToolChoice(mode="one", names=(name,), parallel=parallel)
    if kind == "allowed_tools":
        allowed = as_object(fields.get("allowed_tools")) or fields
        tools = [as_object(tool.get("function")) or tool for tool in objects_in(allowed.get("tools"))]
        names = tuple(found for tool in tools if (found := as_text(tool.get("name"))) is not None)
        return ToolChoice(
            mode="subset", names=names, required=allowed.get("mode") == "required", parallel=parallel
        )
    mode = _MODES.get(kind) if isinstance(kind, str) else None
    if mode is not None:
        return ToolChoice(mode=mode, parallel=parallel)
    return ToolChoice(mode="auto", parallel=parallel, extra=fields)


def _function(name: str) -> JsonObject:
    return {"type": "function", "function": {"name": name}}


def _effort(budget_tokens: int) -> str | None:
    if budget_tokens <= 0:
        return None
    if budget_tokens <= _LOW_BUDGET:
        return "low"
    if budget_tokens <= _MEDIUM_BUDGET:
        return "medium"
    return "high" if budget_tokens < _XHIGH_BUDGET else "xhigh"


def _stop(value: JsonValue) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    items = as_array(value)
    strings = tuple(text for item in items or () if (text := as_text(item)) is not None)
    if items is None or len(strings) != len(items):
        raise InvalidRequest(f"stop: expected a string or an array of strings, got {kind_of(value)}")
    return strings


def _array(rest: JsonObject, name: str) -> Sequence[JsonValue]:
    value = rest.pop(name, None)
    if value is None:
        return ()
    items = as_array(value)
    if items is None:
        raise InvalidRequest(f"{name}: expected an array, got {kind_of(value)}")
    return items


def _object(rest: JsonObject, name: str) -> JsonObject | None:
    value = rest.pop(name, None)
    fields = as_object(value)
    if value is not None and fields is None:
        raise InvalidRequest(f"{name}: expected an object, got {kind_of(value)}")
    return fields


def _count(rest: JsonObject, name: str) -> int | None:
    value = rest.pop(name, None)
    count = as_count(value)
    if value is not None and count is None:
        raise InvalidRequest(f"{name}: expected a whole number, got {kind_of(value)}")
    return count


def _number(rest: JsonObject, name: str) -> float | int | None:
    value = rest.pop(name, None)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidRequest(f"{name}: expected a number, got {kind_of(value)}")
    return value


def _boolean(rest: JsonObject, name: str) -> bool | None:
    value = rest.pop(name, None)
    if value is None or isinstance(value, bool):
        return value
    raise InvalidRequest(f"{name}: expected true or false, got {kind_of(value)}")
