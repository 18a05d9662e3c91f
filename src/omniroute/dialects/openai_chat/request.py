"""Requests of the chat dialect: body to representation and back.

Decoding and encoding again for a chat target gives the same JSON but for these normal forms. Members that are
null are absent. `max_completion_tokens`, `max_tokens` and `max_output_tokens` are one limit, written `max_tokens`
unless the target wants the other name. One stop string is a list of one. Legacy functions become tools,
`{"type": "auto"}` becomes `"auto"`, an image given as a plain string becomes an object; `turns` names those of
messages. A stream asks for usage, whether or not the client did.
"""

import msgspec

from omniroute.dialects.base import Encoded
from omniroute.dialects.look import as_object, as_text, kind_of
from omniroute.dialects.losses import Losses
from omniroute.dialects.openai_chat import controls
from omniroute.dialects.openai_chat.messages import Wanted, encode_turns
from omniroute.dialects.openai_chat.turns import decode_messages
from omniroute.dialects.openai_chat.wire import MAX_TOOLS, NAME
from omniroute.dialects.quirks import replay_reasoning_content, replay_reasoning_details
from omniroute.dialects.quirks.registry import apply_to_request, apply_to_wire, quirks_of
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject
from omniroute.ir.request import GenerateRequest
from omniroute.ir.target import Target

_MAX_USER = 64
"""OpenAI documents 128 characters for `safety_identifier`, the successor of `user`; half of it is safe with
servers that have an older, shorter limit. A longer one of another dialect is not an id of this kind anyway."""


def decode_request(body: JsonObject) -> GenerateRequest:
    rest = dict(body)
    model = rest.pop("model", None)
    if not isinstance(model, str) or not model.strip():
        raise InvalidRequest('Missing model: the body needs "model", such as "openai/gpt-4o"')
    turns = decode_messages(rest.pop("messages", None))
    stream = rest.pop("stream", None)
    if stream is not None and not isinstance(stream, bool):
        raise InvalidRequest(f"stream: expected true or false, got {kind_of(stream)}")
    options = as_object(rest.pop("stream_options", None)) or {}
    include_usage = options.get("include_usage") is True
    tools = controls.decode_tools(rest)
    tool_choice = controls.decode_tool_choice(rest)
    sampling = controls.decode_sampling(rest)
    thinking = controls.decode_thinking(rest)
    output = controls.decode_output(rest)
    user = rest.pop("user", None)
    metadata = rest.pop("metadata", None)
    others = {name: value for name, value in options.items() if name != "include_usage"}
    if others:
        rest["stream_options"] = others
    return GenerateRequest(
        model=model,
        turns=turns,
        tools=tools,
        tool_choice=tool_choice,
        sampling=sampling,
        thinking=thinking,
        output=output,
        stream=stream,
        include_usage=include_usage,
        user=as_text(user),
        metadata=as_object(metadata),
        dialect=NAME,
        extra=rest or None,
    )


def encode_request(request: GenerateRequest, target: Target) -> Encoded:
    """Raises `InvalidRequest` for more tools than any chat provider takes."""
    quirks = quirks_of(target)
    request = apply_to_request(quirks, request)
    losses = Losses()
    body = _body(request, target, losses)
    rewritten = apply_to_wire(quirks, body)
    return Encoded(msgspec.json.encode(rewritten.body), (*losses, *rewritten.losses))


def _wanted(target: Target) -> Wanted | None:
    """Most providers refuse thinking in the history, or ignore it."""
    if replay_reasoning_content.NAME in target.quirks:
        return "content"
    return "details" if replay_reasoning_details.NAME in target.quirks else None


def _body(request: GenerateRequest, target: Target, losses: Losses) -> JsonObject:
    native = request.dialect == NAME
    messages = encode_turns(request.turns, native=native, reasoning=_wanted(target), losses=losses)
    body: JsonObject = {"model": target.model, "messages": messages}
    tools = controls.encode_tools(request.tools, native=native, losses=losses)
    if len(tools) > MAX_TOOLS:
        raise InvalidRequest(f"tools: {len(tools)} tools were given, {target.model!r} takes at most {MAX_TOOLS}")
    if tools:
        body["tools"] = tools
    if request.tool_choice is not None:
        controls.encode_tool_choice(request.tool_choice, tools, body, native=native, losses=losses)
    controls.encode_sampling(request.sampling, body, native=native, losses=losses)
    if request.thinking is not None:
        effort = controls.encode_thinking(request.thinking, target, native=native, losses=losses)
        if effort is not None:
            body["reasoning_effort"] = effort
    if request.output is not None:
        body["response_format"] = controls.encode_output(request.output, native=native, losses=losses)
    if request.stream is not None:
        body["stream"] = request.stream
    _identify(request, body, native, losses)
    if native:
        body.update(request.extra or {})
    else:
        losses.foreign("", request.extra)
    if request.stream and request.include_usage:
        body["stream_options"] = {**(as_object(body.get("stream_options")) or {}), "include_usage": True}
    return body


def _identify(request: GenerateRequest, body: JsonObject, native: bool, losses: Losses) -> None:
    if request.user is not None:
        if native or len(request.user) <= _MAX_USER:
            body["user"] = request.user
        else:
            losses.dropped("user", "user id", "cost")
    if request.metadata is not None:
        if native:
            body["metadata"] = request.metadata
        else:
            # OpenAI answers 400 to metadata without `store: true`, which nobody asked for.
            losses.dropped("metadata", "metadata", "cost")
