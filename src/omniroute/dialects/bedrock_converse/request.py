"""A request of any dialect as a body that the Converse API accepts, with a Loss for whatever it cannot say."""

import re

import msgspec

from omniroute.dialects.base import Encoded
from omniroute.dialects.bedrock_converse.blocks import Blocks
from omniroute.dialects.bedrock_converse.family import caches, is_claude, is_nova
from omniroute.dialects.bedrock_converse.names import CallIds, Names
from omniroute.dialects.bedrock_converse.thinking import Limits, fit_thinking
from omniroute.dialects.bedrock_converse.tools import needs_choice, tool_config
from omniroute.dialects.bedrock_converse.wire import Body, InferenceConfig, Message
from omniroute.dialects.losses import Losses
from omniroute.dialects.quirks.registry import apply_to_request, apply_to_wire, quirks_of
from omniroute.dialects.rounds import Round, Rounds, rounds
from omniroute.dialects.unsaid import report_unsaid
from omniroute.ir.json import JsonObject
from omniroute.ir.parts import ToolCall
from omniroute.ir.request import GenerateRequest, OutputFormat, Sampling
from omniroute.ir.target import Target

JSON_ONLY = "Respond with a single valid JSON object and nothing else: no prose, no code fence."
"""The instruction for OpenAI's JSON mode, which this API does not have."""

_METADATA = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}")
_MOST_METADATA = 16


def encode_request(request: GenerateRequest, target: Target) -> Encoded:
    quirks = quirks_of(target)
    request = apply_to_request(quirks, request)
    losses = Losses()
    names = Names(_tool_names(request))
    body = _fitted(request, target, names, losses)
    rewritten = apply_to_wire(quirks, {**body})
    return Encoded(msgspec.json.encode(rewritten.body), (*losses, *rewritten.losses), names.renamed)


def _tool_names(request: GenerateRequest) -> list[str]:
    """Declared ones first; then those that only the history knows."""
    parts = (part for turn in request.turns for part in turn.parts)
    return [
        *(tool.name for tool in request.tools if tool.hosted is None and tool.name.strip()),
        *(part.name for part in parts if isinstance(part, ToolCall) and part.executor == "client"),
    ]


def _fitted(request: GenerateRequest, target: Target, names: Names, losses: Losses) -> Body:
    blocks = Blocks(losses, caches=caches(target.model), status=is_claude(target.model) or is_nova(target.model))
    arranged = rounds(request.turns, write=blocks.write, fresh_id=CallIds().fresh, losses=losses)
    messages = _messages(arranged, blocks, names, losses)
    body: Body = {"messages": messages}
    system = [
        block for placed in arranged.system for block in (placed.block, *blocks.point(placed.mark, placed.path))
    ]
    output = _output(request.output, target, system, losses)
    if system:
        body["system"] = system
    config = tool_config(request, target, messages, names, blocks, losses)
    forced = needs_choice(config)
    limits = fit_thinking(
        request.thinking,
        request.sampling.max_output_tokens,
        target,
        obstacle=_obstacle(messages, forced=forced),
        adaptive_obstacle=_adaptive_obstacle(messages, forced=forced),
        losses=losses,
    )
    fields = dict(limits.fields)
    inference = _inference(request.sampling, target, limits, fields, losses)
    if inference:
        body["inferenceConfig"] = inference
    if config is not None:
        body["toolConfig"] = config
    if output is not None:
        body["outputConfig"] = {"textFormat": output}
    if fields:
        body["additionalModelRequestFields"] = fields
    metadata = _metadata(request, losses)
    if metadata:
        body["requestMetadata"] = metadata
    losses.foreign("", request.extra)
    return body


def _messages(arranged: Rounds, blocks: Blocks, names: Names, losses: Losses) -> list[Message]:
    messages: list[Message] = []
    if not arranged.rounds or arranged.rounds[0].side == "assistant":
        losses.added("turns", "first user turn", "quality")
        messages.append({"role": "user", "content": [{"text": "."}]})
    for one in arranged.rounds:
        messages.append({"role": one.side, "content": _content(one, blocks, names, losses)})
    return messages


def _content(one: Round, blocks: Blocks, names: Names, losses: Losses) -> list[JsonObject]:
    content: list[JsonObject] = []
    for called in one.answers:
        content += [blocks.tool_result(called), *blocks.point(called.result_mark, called.result_path)]
    for placed in one.parts:
        if "reasoningContent" in placed.block and placed.mark is not None:
            losses.dropped(f"{placed.path}.cache", "cache mark on thinking", "cost")
            content.append(placed.block)
        else:
            content += [placed.block, *blocks.point(placed.mark, placed.path)]
    for called in one.calls:
        content += [blocks.tool_use(called, names.wire(called.call.name)), *blocks.point(called.mark, called.path)]
    said = any("text" in block or "toolResult" in block for block in content)
    if one.side == "user" and not said and any("document" in block for block in content):
        losses.added("turns", "text beside a document", "quality")
        content.insert(0, {"text": "."})
    return content


def _obstacle(messages: list[Message], *, forced: bool) -> str | None:
    """Why the model would refuse a thinking budget for this conversation."""
    answers = len(messages) > 1 and any("toolResult" in block for block in messages[-1]["content"])
    if answers and "reasoningContent" not in messages[-2]["content"][0]:
        return "thinking in a tool round that began without it"
    return _adaptive_obstacle(messages, forced=forced)


def _adaptive_obstacle(messages: list[Message], *, forced: bool) -> str | None:
    """Why the model would refuse any thinking for this conversation."""
    if messages[-1]["role"] != "user":
        return "thinking before a prefilled answer"
    return "thinking before a forced tool call" if forced else None


def _output(
    output: OutputFormat | None, target: Target, system: list[JsonObject], losses: Losses
) -> JsonObject | None:
    if output is None:
        return None
    losses.foreign("output", output.extra)
    if output.kind == "text":
        return None
    instruction = JSON_ONLY
    if output.kind == "json_schema" and output.schema is not None:
        schema = msgspec.json.encode(output.schema).decode()
        if target.facts.structured_output is not False:
            definition: JsonObject = {"schema": schema}
            for name in ("name", "description"):
                value = getattr(output, name)
                if value is not None:
                    definition[name] = value
            return {"type": "json_schema", "structure": {"jsonSchema": definition}}
        for name in ("name", "description"):
            if getattr(output, name) is not None:
                losses.dropped(f"output.{name}", f"{name} of the schema", "cost")
        instruction += f" It must match this JSON schema:\n{schema}"
    losses.approximated("output", "output format as an instruction", "quality")
    system.append({"text": instruction})
    return None


def _inference(
    sampling: Sampling, target: Target, limits: Limits, fields: JsonObject, losses: Losses
) -> InferenceConfig:
    config: InferenceConfig = {}
    if limits.max_tokens is not None:
        config["maxTokens"] = limits.max_tokens
    claude = is_claude(target.model)
    if limits.thinks or target.facts.temperature is False:
        for name in ("temperature", "top_p", "top_k"):
            value = getattr(sampling, name)
            if value is not None and not (name == "temperature" and value == 1):
                losses.dropped(f"sampling.{name}", name, "quality")
    else:
        if sampling.temperature is not None:
            config["temperature"] = _within(sampling.temperature, "temperature", losses)
        if sampling.top_p is not None:
            # Claude 4 models refuse both at once; the temperature is the one that callers tune.
            if sampling.temperature is None or not claude:
                config["topP"] = _within(sampling.top_p, "top_p", losses)
            elif sampling.top_p != 1:
                losses.dropped("sampling.top_p", "top_p beside temperature", "quality")
        if sampling.top_k is not None and claude:
            fields["top_k"] = sampling.top_k
        elif sampling.top_k is not None and is_nova(target.model):
            fields["inferenceConfig"] = {"topK": sampling.top_k}
        elif sampling.top_k is not None:
            losses.dropped("sampling.top_k", "top_k", "quality")
    stop = [word for word in sampling.stop if word.strip()]
    if stop:
        config["stopSequences"] = stop
    report_unsaid(sampling, losses)
    return config


def _within(value: float, name: str, losses: Losses) -> float:
    """`value` in the range from 0 to 1, which is all that this API takes."""
    fitted = min(max(value, 0), 1)
    if fitted != value:
        losses.approximated(f"sampling.{name}", f"{name} outside 0 to 1", "quality")
    return fitted


def _metadata(request: GenerateRequest, losses: Losses) -> dict[str, str]:
    """What the invocation log may be searched by: texts of few kinds of characters."""
    found: dict[str, str] = {}
    for name, value in (request.metadata or {}).items():
        fits = isinstance(value, str) and _METADATA.fullmatch(value) and _METADATA.fullmatch(name)
        if fits and name.isascii() and value.isascii() and len(found) < _MOST_METADATA:
            found[name] = value
        else:
            losses.dropped(f"metadata.{name}", name, "cost")
    if request.user is not None:
        losses.dropped("user", "user", "cost")
    return found
