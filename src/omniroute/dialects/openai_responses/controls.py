"""Sampling, thinking and the output format of a request."""

import re

from omniroute.dialects.look import as_array, as_count, as_object, as_text, kind_of
from omniroute.dialects.losses import Losses
from omniroute.dialects.objects import rest_of
from omniroute.dialects.openai_responses.wire import LEAST_OUTPUT_TOKENS
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject
from omniroute.ir.request import OutputFormat, Sampling, Thinking
from omniroute.ir.target import Target

LOGPROBS = "message.output_text.logprobs"
"""The word in `include` that asks for log probabilities."""

_LOW_BUDGET = 1024
_MEDIUM_BUDGET = 10_240
_XHIGH_BUDGET = 131_072
"""Thinking budgets in tokens at which the effort word changes (data-plane specification, section 8.6)."""

_REASONING_MODELS = re.compile(r"(?:.*/)?(?:o[134](?:-|$)|gpt-5(?!-chat)(?:[.-]|$))")
"""OpenAI's reasoning families, which refuse `temperature` and `top_p`; `gpt-5-chat` is none of them."""


def decode_sampling(rest: JsonObject) -> Sampling:
    """Takes what it understands out of `rest`; a null stays there."""
    include = as_array(rest.get("include")) or ()
    return Sampling(
        max_output_tokens=_count(rest, "max_output_tokens"),
        temperature=_number(rest, "temperature"),
        top_p=_number(rest, "top_p"),
        top_logprobs=_count(rest, "top_logprobs"),
        logprobs=True if LOGPROBS in include else None,
    )


def encode_sampling(sampling: Sampling, target: Target, body: JsonObject, *, native: bool, losses: Losses) -> None:
    limit = sampling.max_output_tokens
    temperature, top_p = sampling.temperature, sampling.top_p
    if not native:
        if limit is not None and limit < LEAST_OUTPUT_TOKENS:
            losses.approximated("sampling.max_output_tokens", "output limit below the least possible", "cost")
            limit = LEAST_OUTPUT_TOKENS
        if target.facts.temperature is False or _REASONING_MODELS.match(target.model):
            for name in ("temperature", "top_p"):
                if getattr(sampling, name) is not None:
                    losses.dropped(f"sampling.{name}", name, "quality")
            temperature = top_p = None
        _report_unknown(sampling, losses)
        if sampling.logprobs:
            body["include"] = [LOGPROBS]
    members: JsonObject = {
        "max_output_tokens": limit,
        "temperature": temperature,
        "top_p": top_p,
        "top_logprobs": sampling.top_logprobs,
    }
    body.update({name: value for name, value in members.items() if value is not None})


def decode_thinking(rest: JsonObject) -> Thinking | None:
    fields = as_object(rest.get("reasoning"))
    if fields is None:
        if rest.get("reasoning") is not None:
            raise InvalidRequest(f"reasoning: expected an object, got {kind_of(rest['reasoning'])}")
        return None
    del rest["reasoning"]
    known = [name for name in ("effort", "summary") if isinstance(fields.get(name), str)]
    return Thinking(
        effort=as_text(fields.get("effort")),
        summary=as_text(fields.get("summary")),
        extra=rest_of(fields, known),
    )


def encode_thinking(thinking: Thinking, target: Target, *, native: bool, losses: Losses) -> JsonObject | None:
    """`reasoning`; None when the target takes none or the client wanted none."""
    said = {"effort": thinking.effort, "summary": thinking.summary}
    reasoning: JsonObject = {name: value for name, value in said.items() if value is not None}
    if native:
        return {**reasoning, **(thinking.extra or {})}
    losses.foreign("thinking", thinking.extra)
    if thinking.mode == "disabled":
        if target.facts.reasoning is not False:
            losses.dropped("thinking", "disabled thinking", "cost")
        return None
    if target.facts.reasoning is False:
        losses.dropped("thinking", "thinking", "quality")
        return None
    if thinking.effort is not None:
        effort = reasoning["effort"] = thinking.effort.lower()
        if effort == "max":
            losses.approximated("thinking.effort", "thinking effort", "quality")
            reasoning["effort"] = "xhigh"
    elif thinking.budget_tokens is not None:
        losses.approximated("thinking.budget_tokens", "thinking budget", "quality")
        if thinking.budget_tokens > 0:
            reasoning["effort"] = _effort(thinking.budget_tokens)
    elif thinking.mode is not None:
        losses.dropped("thinking.mode", "thinking", "quality")
    return reasoning or None


def decode_output(rest: JsonObject) -> OutputFormat | None:
    """`text.format`; the other members of `text` stay there, and so does a format of an unknown type.

    Normal form: a schema nested in `json_schema`, in the manner of Chat Completions, is written flat.
    """
    text = as_object(rest.get("text"))
    if text is None:
        if rest.get("text") is not None:
            raise InvalidRequest(f"text: expected an object, got {kind_of(rest['text'])}")
        return None
    fields = as_object(text.get("format"))
    kind = None if fields is None else fields.get("type")
    if fields is None or (kind != "text" and kind != "json_object" and kind != "json_schema"):
        return None
    others = rest_of(text, ("format",))
    if others is None:
        del rest["text"]
    else:
        rest["text"] = others
    if kind != "json_schema":
        return OutputFormat(kind="text" if kind == "text" else "json_object", extra=rest_of(fields, ("type",)))
    nested = as_object(fields.get("json_schema"))
    described = fields if nested is None else {**(rest_of(fields, ("json_schema",)) or {}), **nested}
    known = ["type"]
    name, schema, description = (
        as_text(described.get("name")),
        as_object(described.get("schema")),
        as_text(described.get("description")),
    )
    strict = described.get("strict")
    known += ["name"] if name is not None else []
    known += ["schema"] if schema is not None else []
    known += ["description"] if description is not None else []
    known += ["strict"] if isinstance(strict, bool) else []
    return OutputFormat(
        kind="json_schema",
        name=name,
        schema=schema,
        strict=strict if isinstance(strict, bool) else None,
        description=description,
        extra=rest_of(described, known),
    )


def encode_output(output: OutputFormat, *, native: bool, losses: Losses) -> JsonObject:
    """`text.format`. Where `strict` is absent this API means true for functions only, so nothing is added."""
    encoded: JsonObject = {"type": output.kind}
    if output.kind == "json_schema":
        described: JsonObject = {
            "name": output.name if native else output.name or "answer",
            "schema": output.schema,
            "strict": output.strict,
            "description": output.description,
        }
        encoded.update({name: value for name, value in described.items() if value is not None})
    if native:
        encoded.update(output.extra or {})
    else:
        losses.foreign("output", output.extra)
    return encoded


def _report_unknown(sampling: Sampling, losses: Losses) -> None:
    """What this API has no parameter for."""
    for index, _ in enumerate(sampling.stop):
        losses.dropped(f"sampling.stop[{index}]", "stop sequence", "meaning")
    if sampling.n is not None and sampling.n > 1:
        losses.dropped("sampling.n", "number of answers", "meaning")
    for name in ("top_k", "seed", "logit_bias"):
        if getattr(sampling, name) is not None:
            losses.dropped(f"sampling.{name}", name, "quality")
    for name in ("presence_penalty", "frequency_penalty"):
        if getattr(sampling, name):
            losses.dropped(f"sampling.{name}", name, "quality")


def _effort(budget_tokens: int) -> str:
    if budget_tokens <= _LOW_BUDGET:
        return "low"
    if budget_tokens <= _MEDIUM_BUDGET:
        return "medium"
    return "high" if budget_tokens < _XHIGH_BUDGET else "xhigh"


def _count(rest: JsonObject, name: str) -> int | None:
    value = rest.get(name)
    if value is None:
        return None
    count = as_count(value)
    if count is None:
        raise InvalidRequest(f"{name}: expected a whole number, got {kind_of(value)}")
    del rest[name]
    return count


def _number(rest: JsonObject, name: str) -> float | int | None:
    value = rest.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidRequest(f"{name}: expected a number, got {kind_of(value)}")
    del rest[name]
    return value
