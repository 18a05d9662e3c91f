"""Requests of the Messages API: what one asks, and the body that asks the same again.

A request that came in this dialect is written back exactly, unknown fields and all; every other one is made to
fit (`arrangement`, `fitting`), and whatever does not fit is named in the losses.
"""

import msgspec

from omniroute.dialects.anthropic import controls, fitting
from omniroute.dialects.anthropic.turns import decode_messages, decode_system, encode_turns
from omniroute.dialects.anthropic.wire import NAME, without
from omniroute.dialects.base import Encoded
from omniroute.dialects.look import as_object
from omniroute.dialects.losses import Losses
from omniroute.dialects.quirks.registry import apply_to_request, apply_to_wire, quirks_of
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject
from omniroute.ir.request import GenerateRequest
from omniroute.ir.target import Target


def decode_request(body: JsonObject) -> GenerateRequest:
    """Raises `InvalidRequest` naming the field that cannot be used."""
    rest = dict(body)
    model = controls.take(rest, "model", str, "the name of a model")
    if model is None:
        raise InvalidRequest("model: expected the name of a model")
    turns = decode_messages(rest.pop("messages", None))
    if rest.get("system") is not None:
        turns.insert(0, decode_system(rest.pop("system")))
    metadata = as_object(rest.get("metadata"))
    user: str | None = None
    if metadata is not None:
        del rest["metadata"]
        if isinstance(metadata.get("user_id"), str):
            user = metadata["user_id"]
            metadata = without(metadata, "user_id")
    sampling = controls.decode_sampling(rest)
    thinking = controls.decode_thinking(rest)
    output = controls.decode_output(rest)
    tools = controls.decode_tools(rest)
    choice = controls.decode_tool_choice(rest)
    stream = controls.take(rest, "stream", bool, "true or false")
    return GenerateRequest(
        model=model,
        turns=tuple(turns),
        tools=tools,
        tool_choice=choice,
        sampling=sampling,
        thinking=thinking,
        output=output,
        stream=stream,
        include_usage=True,
        user=user,
        metadata=metadata,
        dialect=NAME,
        extra=rest or None,
    )


def encode_request(request: GenerateRequest, target: Target) -> Encoded:
    quirks = quirks_of(target)
    request = apply_to_request(quirks, request)
    losses = Losses()
    if request.dialect == NAME:
        body = _exactly(request, target, losses)
    else:
        body = fitting.fitted(request, target, losses)
    rewritten = apply_to_wire(quirks, body)
    return Encoded(msgspec.json.encode(rewritten.body), (*losses, *rewritten.losses))


def _exactly(request: GenerateRequest, target: Target, losses: Losses) -> JsonObject:
    extra = dict(request.extra or {})
    body: JsonObject = {"model": target.model}
    encode_turns(request.turns, body, losses)
    controls.encode_sampling(request.sampling, body)
    if request.thinking is not None:
        controls.encode_thinking(request.thinking, body)
    if request.output is not None:
        controls.encode_output(request.output, body, extra)
    if request.tools:
        body["tools"] = [controls.encode_tool(tool) for tool in request.tools]
    if request.tool_choice is not None:
        body["tool_choice"] = {
            **controls.encode_tool_choice(request.tool_choice),
            **(request.tool_choice.extra or {}),
        }
    if request.metadata is not None or request.user is not None:
        body["metadata"] = dict(request.metadata or {})
        if request.user is not None:
            body["metadata"]["user_id"] = request.user
    if request.stream is not None:
        body["stream"] = request.stream
    config = as_object(extra.get("output_config"))
    if config is not None:
        body["output_config"] = {**body.get("output_config", {}), **config}
        del extra["output_config"]
    body.update(extra)
    return body
