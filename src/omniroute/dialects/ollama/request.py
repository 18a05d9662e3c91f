"""Requests of the chat API: body to representation and back.

Decoding and encoding again for an Ollama target gives the same JSON but for these normal forms. Members that are
null, an empty `tools`, `options`, `format` or `think`, and in messages empty `images`, `thinking`, `tool_calls`,
`tool_name` and `tool_call_id` are absent. A message always has `content`, if only an empty one. Role `model` is
`assistant`, role `developer` is `system`. One stop string is a list of one. A data URL among the images loses its
prefix. Arguments given as text become the object they spell. A call without a name is dropped with its result;
`type` of a call, and an `index` of its function that repeats its position, are left out. A tool always has its
`type`.

An absent `stream` means a stream to Ollama's clients, unlike to all others. It stays absent here (`stream` is
None): the surface decides, and a request of another dialect goes to Ollama with `stream` written out.
"""

import msgspec

from omniroute.dialects.base import Encoded
from omniroute.dialects.look import as_object, kind_of
from omniroute.dialects.losses import Losses
from omniroute.dialects.objects import said
from omniroute.dialects.ollama.messages import encode_turns
from omniroute.dialects.ollama.options import decode_sampling, encode_sampling
from omniroute.dialects.ollama.thinking import decode_thinking, encode_thinking
from omniroute.dialects.ollama.tools import decode_tools, encode_tools
from omniroute.dialects.ollama.turns import decode_messages
from omniroute.dialects.ollama.wire import NAME
from omniroute.dialects.quirks.registry import apply_to_request, apply_to_wire, quirks_of
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject
from omniroute.ir.request import GenerateRequest, OutputFormat
from omniroute.ir.target import Target


def decode_request(body: JsonObject) -> GenerateRequest:
    """Raises `InvalidRequest` naming the field that cannot be used."""
    rest = dict(body)
    model = rest.pop("model", None)
    if not isinstance(model, str) or not model.strip():
        raise InvalidRequest('Missing model: the body needs "model", such as "ollama/llama3.2"')
    turns = decode_messages(rest.pop("messages", None))
    stream = rest.pop("stream", None)
    if stream is not None and not isinstance(stream, bool):
        raise InvalidRequest(f"stream: expected true or false, got {kind_of(stream)}")
    return GenerateRequest(
        model=model,
        turns=turns,
        tools=decode_tools(rest),
        sampling=decode_sampling(rest),
        thinking=decode_thinking(rest),
        output=_decode_format(rest),
        stream=stream,
        include_usage=True,
        dialect=NAME,
        extra=said(rest),
    )


def encode_request(request: GenerateRequest, target: Target) -> Encoded:
    """Raises `InvalidRequest` (400 `unsupported_feature`) for content that this wire cannot carry at all."""
    quirks = quirks_of(target)
    request = apply_to_request(quirks, request)
    losses = Losses()
    rewritten = apply_to_wire(quirks, _body(request, target, losses))
    return Encoded(msgspec.json.encode(rewritten.body), (*losses, *rewritten.losses))


def _body(request: GenerateRequest, target: Target, losses: Losses) -> JsonObject:
    native = request.dialect == NAME
    messages = encode_turns(request.turns, native=native, losses=losses)
    body: JsonObject = {"model": target.model, "messages": messages}
    tools = encode_tools(request.tools, request.tool_choice, native=native, losses=losses)
    if tools:
        body["tools"] = tools
    encode_sampling(request.sampling, body, native=native, losses=losses)
    if request.thinking is not None:
        think = encode_thinking(request.thinking, target, native=native, losses=losses)
        if think is not None:
            body["think"] = think
    if request.output is not None:
        _encode_format(request.output, body, losses)
    if request.stream is not None or not native:
        body["stream"] = bool(request.stream)
    if request.user is not None:
        losses.dropped("user", "user id", "cost")
    for name in request.metadata or {}:
        losses.dropped(f"metadata.{name}", name, "cost")
    if not native:
        losses.foreign("", request.extra)
        return body
    extra = dict(request.extra or {})
    options = {**body.pop("options", {}), **(as_object(extra.pop("options", None)) or {})}
    if options:
        body["options"] = options
    return {**body, **extra}


def _decode_format(rest: JsonObject) -> OutputFormat | None:
    value = rest.pop("format", None)
    if value is None or value == "":
        return None
    if value == "json":
        return OutputFormat(kind="json_object")
    schema = as_object(value)
    if schema is None:
        shown = repr(value)[:40] if isinstance(value, str) else kind_of(value)
        raise InvalidRequest(f'format: expected "json" or a JSON schema, got {shown}')
    return OutputFormat(kind="json_schema", schema=schema)


def _encode_format(output: OutputFormat, body: JsonObject, losses: Losses) -> None:
    losses.foreign("output", output.extra)
    if output.kind == "text":
        return
    if output.kind == "json_object":
        body["format"] = "json"
        return
    for name in ("name", "description"):
        if getattr(output, name) is not None:
            losses.dropped(f"output.{name}", f"{name} of the schema", "cost")
    if output.schema is None:
        losses.approximated("output.schema", "schema of the answer", "quality")
    body["format"] = "json" if output.schema is None else output.schema
