"""A request of any dialect as a body that Cohere's chat API accepts, with a Loss for whatever it cannot say."""

import msgspec

from omniroute.dialects.base import Encoded
from omniroute.dialects.cohere.messages import messages_of
from omniroute.dialects.cohere.tools import encode_tools
from omniroute.dialects.losses import Losses
from omniroute.dialects.quirks.registry import apply_to_request, apply_to_wire, quirks_of
from omniroute.ir.json import JsonObject
from omniroute.ir.request import GenerateRequest, OutputFormat, Sampling, Thinking
from omniroute.ir.target import Target

_MOST_STOPS = 5
_BUDGETS = {"low": 1024, "medium": 8192}
"""Tokens for the words of effort; for any stronger one the model thinks without a budget."""


def encode_request(request: GenerateRequest, target: Target) -> Encoded:
    quirks = quirks_of(target)
    request = apply_to_request(quirks, request)
    losses = Losses()
    body = _fitted(request, target, losses)
    rewritten = apply_to_wire(quirks, body)
    return Encoded(msgspec.json.encode(rewritten.body), (*losses, *rewritten.losses))


def reasons(target: Target) -> bool:
    """Whether the model can think: as the catalog says, else by its name (`command-a-reasoning-08-2025`)."""
    return target.facts.reasoning if target.facts.reasoning is not None else "reasoning" in target.model


def _fitted(request: GenerateRequest, target: Target, losses: Losses) -> JsonObject:
    thinks = reasons(target)
    body: JsonObject = {
        "model": target.model,
        "messages": messages_of(request.turns, thinks=thinks, losses=losses),
        "stream": bool(request.stream),
    }
    encode_tools(request, body, losses)
    _output(request.output, body, losses)
    _sampling(request.sampling, target, body, losses)
    _thinking(request.thinking, body, thinks=thinks, losses=losses)
    for i, tool in enumerate(request.tools):
        if tool.cache is not None:
            losses.dropped(f"tools[{i}].cache", "cache mark", "cost")
    for name in request.metadata or {}:
        losses.dropped(f"metadata.{name}", name, "cost")
    if request.user is not None:
        losses.dropped("user", "user", "cost")
    losses.foreign("", request.extra)
    return body


def _output(output: OutputFormat | None, body: JsonObject, losses: Losses) -> None:
    if output is None:
        return
    losses.foreign("output", output.extra)
    if output.kind == "text":
        return
    if "tools" in body:
        losses.dropped("output", "output format beside tools", "meaning")
        return
    wanted: JsonObject = {"type": "json_object"}
    if output.kind == "json_schema" and output.schema is not None:
        wanted["json_schema"] = output.schema
    for name in ("name", "description"):
        if getattr(output, name) is not None:
            losses.dropped(f"output.{name}", f"{name} of the schema", "cost")
    body["response_format"] = wanted


def _sampling(sampling: Sampling, target: Target, body: JsonObject, losses: Losses) -> None:
    limit, cap = sampling.max_output_tokens, target.facts.max_output_tokens
    if limit is not None:
        if cap is not None and limit > cap:
            losses.approximated("sampling.max_output_tokens", "output limit above the model's own", "cost")
        body["max_tokens"] = limit if cap is None else min(limit, cap)
    if sampling.temperature is not None:
        body["temperature"] = _within(sampling.temperature, "temperature", 0, None, losses)
    if sampling.top_p is not None:
        body["p"] = _within(sampling.top_p, "top_p", 0.01, 0.99, losses)
    if sampling.top_k is not None:
        body["k"] = int(_within(sampling.top_k, "top_k", 0, 500, losses))
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    for name in ("frequency_penalty", "presence_penalty"):
        value = getattr(sampling, name)
        if value is not None:
            body[name] = _within(value, name, 0, 1, losses)
    stop: list[str] = []
    for i, word in enumerate(sampling.stop):
        if word and len(stop) < _MOST_STOPS:
            stop.append(word)
        else:
            what = "stop sequence beyond the fifth" if word else "empty stop sequence"
            losses.dropped(f"sampling.stop[{i}]", what, "quality")
    if stop:
        body["stop_sequences"] = stop
    if sampling.n is not None and sampling.n > 1:
        losses.dropped("sampling.n", "number of answers", "meaning")
    if sampling.logit_bias is not None:
        losses.dropped("sampling.logit_bias", "logit_bias", "quality")
    for name in ("logprobs", "top_logprobs"):
        if getattr(sampling, name):
            losses.dropped(f"sampling.{name}", name, "meaning")


def _within(value: float, name: str, least: float, most: float | None, losses: Losses) -> float:
    fitted = max(value, least) if most is None else min(max(value, least), most)
    if fitted != value:
        losses.approximated(f"sampling.{name}", f"{name} outside what this API takes", "quality")
    return fitted


def _thinking(thinking: Thinking | None, body: JsonObject, *, thinks: bool, losses: Losses) -> None:
    """Models that can think do so unless they are told not to."""
    if thinking is None:
        return
    losses.foreign("thinking", thinking.extra)
    if thinking.summary is not None:
        losses.dropped("thinking.summary", "summary of the thinking", "cost")
    off = thinking.mode == "disabled" or thinking.effort in ("none", "minimal")
    if not thinks:
        if not off:
            losses.dropped("thinking", "thinking of a model that has none", "quality")
        return
    if off:
        if thinking.effort == "minimal":
            losses.approximated("thinking.effort", "minimal effort as no thinking", "quality")
        body["thinking"] = {"type": "disabled"}
        return
    wanted: JsonObject = {"type": "enabled"}
    budget = thinking.budget_tokens
    if budget is None and thinking.effort is not None:
        losses.approximated("thinking.effort", f"effort {thinking.effort} as a budget", "quality")
        budget = _BUDGETS.get(thinking.effort)
    if budget is not None and budget > 0:
        wanted["token_budget"] = budget
    body["thinking"] = wanted
