"""Limits, sampling, thinking, tools and output format as this dialect writes them, decoded and written back.

Every reader takes what it understands out of `rest`; what stays there is unknown and survives in `extra`.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from omniroute.dialects.anthropic.blocks import encode_cache
from omniroute.dialects.anthropic.parts import decode_cache
from omniroute.dialects.anthropic.wire import NAME, without
from omniroute.dialects.look import as_array, as_object, as_text
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.request import OutputFormat, Sampling, Thinking, Tool, ToolChoice

T = TypeVar("T")

_CHOICES = {"auto": "auto", "none": "none", "any": "required", "tool": "one"}
_CHOICE_WORDS = {mode: word for word, mode in _CHOICES.items()}


def take(rest: JsonObject, name: str, kind: type[T] | tuple[type[Any], ...], words: str) -> Any:
    """The value of `name`, taken out of `rest`; None (and left in place) when it is absent or null.

    Raises `InvalidRequest` when it is anything but a `kind`, which `words` describe.
    """
    value: JsonValue = rest.get(name)
    if value is None:
        return None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InvalidRequest(f"{name}: expected {words}, got {value!r:.60}")
    return rest.pop(name)


def decode_sampling(rest: JsonObject) -> Sampling:
    stop: tuple[str, ...] = ()
    said = as_array(rest.get("stop_sequences"))
    if said and all(isinstance(word, str) for word in said):
        stop = tuple(rest.pop("stop_sequences"))
    return Sampling(
        max_output_tokens=take(rest, "max_tokens", int, "a whole number"),
        temperature=take(rest, "temperature", (int, float), "a number"),
        top_p=take(rest, "top_p", (int, float), "a number"),
        top_k=take(rest, "top_k", int, "a whole number"),
        stop=stop,
    )


def encode_sampling(sampling: Sampling, body: JsonObject) -> None:
    for name, value in (
        ("max_tokens", sampling.max_output_tokens),
        ("temperature", sampling.temperature),
        ("top_p", sampling.top_p),
        ("top_k", sampling.top_k),
        ("stop_sequences", list(sampling.stop) or None),
    ):
        if value is not None:
            body[name] = value


def decode_thinking(rest: JsonObject) -> Thinking | None:
    """Thinking from `thinking` and `output_config.effort`; None when neither says anything."""
    mode, budget, extra = None, None, None
    said = as_object(rest.get("thinking"))
    if said is not None and said.get("type") in ("enabled", "disabled", "adaptive"):
        del rest["thinking"]
        mode = said["type"]
        used = ["type"]
        if isinstance(said.get("budget_tokens"), int):
            used.append("budget_tokens")
            budget = said["budget_tokens"]
        extra = without(said, *used)
    effort = _take_config(rest, "effort", as_text)
    if mode is None and effort is None:
        return None
    return Thinking(mode=mode, effort=effort, budget_tokens=budget, extra=extra)


def encode_thinking(thinking: Thinking, body: JsonObject) -> None:
    if thinking.mode is not None:
        config: JsonObject = {"type": thinking.mode, **(thinking.extra or {})}
        if thinking.budget_tokens is not None:
            config["budget_tokens"] = thinking.budget_tokens
        body["thinking"] = config
    if thinking.effort is not None:
        body.setdefault("output_config", {})["effort"] = thinking.effort


def decode_output(rest: JsonObject) -> OutputFormat | None:
    """The schema of `output_config.format`, or of `output_format` where older clients put it."""
    schema = _take_config(rest, "format", _schema_format)
    if schema is not None:
        return schema
    schema = _schema_format(rest.get("output_format"))
    if schema is None:
        return None
    rest["output_format"] = schema.extra or {}
    return OutputFormat(kind="json_schema", schema=schema.schema)


def encode_output(output: OutputFormat, body: JsonObject, extra: JsonObject) -> None:
    config: JsonObject = {"type": "json_schema", "schema": output.schema, **(output.extra or {})}
    if output.kind != "json_schema":
        return
    older = as_object(extra.get("output_format"))
    if older is not None and "type" not in older:
        extra["output_format"] = {**config, **older}
    else:
        body.setdefault("output_config", {})["format"] = config


def _schema_format(value: JsonValue) -> OutputFormat | None:
    said = as_object(value)
    if said is None or said.get("type") != "json_schema":
        return None
    schema = as_object(said.get("schema"))
    if schema is None:
        return None
    return OutputFormat(kind="json_schema", schema=schema, extra=without(said, "type", "schema"))


def _take_config(rest: JsonObject, name: str, read: Callable[[JsonValue], T | None]) -> T | None:
    """`output_config[name]` as `read` understands it, taken out; an emptied object goes too."""
    config = as_object(rest.get("output_config"))
    value = read(config.get(name)) if config else None
    if config is None or value is None:
        return None
    left = without(config, name)
    if left is None:
        del rest["output_config"]
    else:
        rest["output_config"] = left
    return value


def decode_tools(rest: JsonObject) -> tuple[Tool, ...]:
    said = take(rest, "tools", list, "a list of tools")
    if not said:
        if said is not None:
            rest["tools"] = said
        return ()
    return tuple(_tool(tool, f"tools[{i}]") for i, tool in enumerate(said))


def _tool(value: JsonValue, path: str) -> Tool:
    fields = as_object(value)
    if fields is None:
        raise InvalidRequest(f"{path}: expected an object")
    cache = decode_cache(fields["cache_control"]) if "cache_control" in fields else None
    if cache is not None:
        fields = {name: field for name, field in fields.items() if name != "cache_control"}
    name = as_text(fields.get("name"))
    if fields.get("type", "custom") not in ("custom", None):
        return Tool(name=name or "", hosted=fields, cache=cache, origin=NAME)
    if name is None:
        raise InvalidRequest(f"{path}.name: expected a string")
    description = as_text(fields.get("description"))
    schema = as_object(fields.get("input_schema"))
    strict = fields["strict"] if isinstance(fields.get("strict"), bool) else None
    read = {"name": name, "description": description, "input_schema": schema, "strict": strict}
    unread = [key for key in fields if read.get(key) is None]
    return Tool(
        name=name,
        description=description,
        schema=schema,
        strict=strict,
        cache=cache,
        origin=NAME,
        extra={key: fields[key] for key in unread} if unread else None,
    )


def encode_tool(tool: Tool) -> JsonObject:
    """A tool of this dialect, exactly as it came."""
    wire: JsonObject = {"name": tool.name} if tool.hosted is None else dict(tool.hosted)
    if tool.description is not None:
        wire["description"] = tool.description
    if tool.schema is not None:
        wire["input_schema"] = tool.schema
    if tool.strict is not None:
        wire["strict"] = tool.strict
    if tool.extra:
        wire.update(tool.extra)
    if tool.cache is not None:
        wire["cache_control"] = encode_cache(tool.cache)
    return wire


def decode_tool_choice(rest: JsonObject) -> ToolChoice | None:
    said = as_object(rest.get("tool_choice"))
    kind = said.get("type") if said else None
    if said is None or kind not in ("auto", "none", "any", "tool"):
        return None
    used = ["type"]
    names: tuple[str, ...] = ()
    if kind == "tool":
        if not isinstance(said.get("name"), str):
            raise InvalidRequest("tool_choice.name: expected the name of a tool")
        names = (said["name"],)
        used.append("name")
    parallel: bool | None = None
    if isinstance(said.get("disable_parallel_tool_use"), bool):
        parallel = not said["disable_parallel_tool_use"]
        used.append("disable_parallel_tool_use")
    del rest["tool_choice"]
    extra = without(said, *used)
    match kind:
        case "auto":
            return ToolChoice(mode="auto", parallel=parallel, extra=extra)
        case "none":
            return ToolChoice(mode="none", parallel=parallel, extra=extra)
        case "any":
            return ToolChoice(mode="required", parallel=parallel, extra=extra)
        case _:
            return ToolChoice(mode="one", names=names, parallel=parallel, extra=extra)


def encode_tool_choice(choice: ToolChoice) -> JsonObject:
    """The choice as this dialect says it; a subset is the caller's to turn into a filter over the tools."""
    mode = choice.mode
    if mode == "subset":
        mode = "required" if choice.required else "auto"
    wire: JsonObject = {"type": _CHOICE_WORDS[mode]}
    if mode == "one":
        wire["name"] = choice.names[0] if choice.names else ""
    if choice.parallel is not None:
        wire["disable_parallel_tool_use"] = not choice.parallel
    return wire
