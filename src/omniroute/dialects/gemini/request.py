"""Requests of the Gemini API: what one asks, and the body that asks the same again.

The address says which model is asked and whether to stream; the surface that reads it puts both into the body as
`model` and `stream`, where they are read here and never written. A request that came in this dialect is written
back exactly, unknown fields and all, but for what means the same: names of the protocol in camelCase, no nulls,
strings for contents and instructions as parts, `systemInstruction` without a role and every content with one of
`user`, `model` and `system`, neighbouring functions in one tool object and each hosted tool in one of its own, no
empty `generationConfig`. Any other request is made to fit (`arrangement`, `fitting`); whatever does not fit is
named in the losses.
"""

import msgspec

from omniroute.dialects.base import Encoded
from omniroute.dialects.gemini import controls, fitting, tools
from omniroute.dialects.gemini.contents import decode_contents, decode_system, encode_contents
from omniroute.dialects.gemini.names import restoring
from omniroute.dialects.gemini.wire import NAME, camel_cased
from omniroute.dialects.look import as_object
from omniroute.dialects.losses import Losses
from omniroute.dialects.quirks.registry import apply_to_request, apply_to_wire, quirks_of
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject
from omniroute.ir.request import GenerateRequest
from omniroute.ir.target import Target


def decode_request(body: JsonObject) -> GenerateRequest:
    """Raises `InvalidRequest` naming the field that cannot be used."""
    rest = camel_cased(body)
    model = rest.pop("model", None)
    if not isinstance(model, str) or not model:
        raise InvalidRequest("model: expected the name of a model in the address")
    stream = rest.pop("stream", None)
    if stream is not None and not isinstance(stream, bool):
        raise InvalidRequest(f"stream: expected true or false, got {stream!r:.60}")
    turns = decode_contents(rest.pop("contents", None))
    instruction = rest.pop("systemInstruction", None)
    if instruction is not None:
        turns.insert(0, decode_system(instruction))
    config = controls.take_config(rest)
    sampling = controls.decode_sampling(config)
    thinking = controls.decode_thinking(config)
    output = controls.decode_output(config)
    if config:
        rest["generationConfig"] = config
    offered = tools.decode_tools(rest)
    choice = tools.decode_tool_choice(rest)
    return GenerateRequest(
        model=model,
        turns=tuple(turns),
        tools=offered,
        tool_choice=choice,
        sampling=sampling,
        thinking=thinking,
        output=output,
        stream=stream,
        include_usage=True,
        dialect=NAME,
        extra=rest or None,
    )


def encode_request(request: GenerateRequest, target: Target) -> Encoded:
    """The body alone: model and stream are in the path that `Gemini.path` gives.

    Raises `InvalidRequest` with code `unsupported_feature` for a file by an address that Google cannot open.
    """
    quirks = quirks_of(target)
    request = apply_to_request(quirks, request)
    losses = Losses()
    body = _exactly(request, losses) if request.dialect == NAME else fitting.fitted(request, target, losses)
    rewritten = apply_to_wire(quirks, body)
    return Encoded(msgspec.json.encode(rewritten.body), (*losses, *rewritten.losses), restoring(request))


def _exactly(request: GenerateRequest, losses: Losses) -> JsonObject:
    extra = dict(request.extra or {})
    body: JsonObject = {}
    encode_contents(request.turns, body, losses)
    if request.tools:
        body["tools"] = tools.encode_tools(request.tools)
    if request.tool_choice is not None:
        choice = {**tools.encode_tool_choice(request.tool_choice), **(request.tool_choice.extra or {})}
        body["toolConfig"] = {"functionCallingConfig": choice, **(as_object(extra.pop("toolConfig", None)) or {})}
    config = controls.encode_sampling(request.sampling)
    if request.output is not None:
        config.update(controls.encode_output(request.output))
    if request.thinking is not None:
        config["thinkingConfig"] = controls.encode_thinking(request.thinking)
    config.update(as_object(extra.pop("generationConfig", None)) or {})
    if config:
        body["generationConfig"] = config
    body.update(extra)
    return body
