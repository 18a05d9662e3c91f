"""`generationConfig` of a request: sampling, thinking and output format, as they came and back.

What the representation has no word for stays in `generationConfig` among the unknown fields of the request.
"""

from typing import Any, Literal

from omniroute.dialects.gemini.parts import kind_of
from omniroute.dialects.gemini.schema import read_schema, write_schema
from omniroute.dialects.gemini.wire import without
from omniroute.dialects.look import as_array, as_count, as_object, as_text
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject
from omniroute.ir.request import OutputFormat, Sampling, Thinking

JSON = "application/json"

_COUNTS = {
    "max_output_tokens": "maxOutputTokens",
    "top_k": "topK",
    "n": "candidateCount",
    "seed": "seed",
    "top_logprobs": "logprobs",
}
_NUMBERS = {
    "temperature": "temperature",
    "top_p": "topP",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}


def take_config(rest: JsonObject) -> JsonObject:
    """`generationConfig`, taken out of `rest`."""
    said = rest.pop("generationConfig", None)
    config = as_object(said)
    if said is not None and config is None:
        raise InvalidRequest(f"generationConfig: expected an object, got {kind_of(said)}")
    return dict(config or {})


def decode_sampling(config: JsonObject) -> Sampling:
    """Sampling of `config`; what is understood is taken out of it."""
    values: dict[str, Any] = {}
    for field, name in _COUNTS.items():
        if name in config:
            values[field] = as_count(config[name])
            _check(values[field], config, name, "a whole number")
            del config[name]
    for field, name in _NUMBERS.items():
        if name in config:
            known = isinstance(config[name], int | float) and not isinstance(config[name], bool)
            _check(config[name] if known else None, config, name, "a number")
            values[field] = config.pop(name)
    if isinstance(config.get("responseLogprobs"), bool):
        values["logprobs"] = config.pop("responseLogprobs")
    stop = as_array(config.get("stopSequences"))
    if stop and all(isinstance(word, str) for word in stop):
        values["stop"] = tuple(config.pop("stopSequences"))
    return Sampling(**values)


def encode_sampling(sampling: Sampling) -> JsonObject:
    members: JsonObject = {name: getattr(sampling, field) for field, name in (_NUMBERS | _COUNTS).items()}
    members["stopSequences"] = list(sampling.stop) or None
    members["responseLogprobs"] = sampling.logprobs
    return without(members) or {}


def decode_thinking(config: JsonObject) -> Thinking | None:
    """`thinkingConfig`. A budget of 0 is no thinking, one of -1 as much as the model likes."""
    said = as_object(config.get("thinkingConfig"))
    if not said:
        return None
    used: list[str] = []
    mode: Literal["enabled", "disabled", "adaptive"] | None = None
    effort, summary = None, None
    marks: JsonObject = {}
    budget = as_count(said.get("thinkingBudget"))
    if budget is not None:
        used.append("thinkingBudget")
        mode = "disabled" if budget == 0 else "adaptive" if budget < 0 else "enabled"
    level = as_text(said.get("thinkingLevel"))
    if level is not None:
        used.append("thinkingLevel")
        effort = level.lower()
        if level == level.upper():
            marks["thinkingLevel"] = None
    if said.get("includeThoughts") is True:
        used.append("includeThoughts")
        summary = "auto"
    del config["thinkingConfig"]
    return Thinking(
        mode=mode,
        effort=effort,
        budget_tokens=budget if budget is not None and budget > 0 else None,
        summary=summary,
        extra={**(without(said, *used) or {}), **marks} or None,
    )


def encode_thinking(thinking: Thinking) -> JsonObject:
    """The `thinkingConfig` of this dialect's own client, as it came."""
    config: JsonObject = {}
    if thinking.budget_tokens is not None:
        config["thinkingBudget"] = thinking.budget_tokens
    elif thinking.mode is not None:
        config["thinkingBudget"] = 0 if thinking.mode == "disabled" else -1
    if thinking.effort is not None:
        upper = "thinkingLevel" in (thinking.extra or {})
        config["thinkingLevel"] = thinking.effort.upper() if upper else thinking.effort
    if thinking.summary is not None:
        config["includeThoughts"] = True
    config.update(without(thinking.extra or {}) or {})
    return config


def decode_output(config: JsonObject) -> OutputFormat | None:
    """The output format, where its media type is JSON or plain text; other ones stay in `config`."""
    match config.get("responseMimeType"):
        case "text/plain":
            del config["responseMimeType"]
            return OutputFormat(kind="text")
        case "application/json":
            del config["responseMimeType"]
        case _:
            return None
    schema = as_object(config.get("responseJsonSchema"))
    if schema is not None:
        del config["responseJsonSchema"]
        return OutputFormat(kind="json_schema", schema=schema, extra={"responseJsonSchema": None})
    described = as_object(config.get("responseSchema"))
    if described is None:
        return OutputFormat(kind="json_object")
    del config["responseSchema"]
    schema, upper = read_schema(described)
    return OutputFormat(kind="json_schema", schema=schema, extra={"responseSchema": None} if upper else None)


def encode_output(output: OutputFormat) -> JsonObject:
    """The members of `generationConfig` for an output format of this dialect's own client."""
    if output.kind == "text":
        return {"responseMimeType": "text/plain"}
    members: JsonObject = {"responseMimeType": JSON}
    extra = output.extra or {}
    if output.schema is not None and "responseJsonSchema" in extra:
        members["responseJsonSchema"] = output.schema
    elif output.schema is not None:
        members["responseSchema"] = write_schema(output.schema, upper="responseSchema" in extra)
    return members


def _check(value: Any, config: JsonObject, name: str, words: str) -> None:
    if value is None:
        raise InvalidRequest(f"generationConfig.{name}: expected {words}, got {config[name]!r:.60}")
