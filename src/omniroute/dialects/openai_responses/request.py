"""Requests of the Responses API: body to representation and back.

Decoding and encoding again for a target of this dialect gives the same JSON, but for the normal forms that
`turns`, `tools` and `content` name. `instructions` are a system turn without origin, in front; `input` as a string
is a user turn without origin. Nulls and unknown members stay in `extra`.
"""

import msgspec

from omniroute.dialects.base import Encoded
from omniroute.dialects.look import as_object, as_text, kind_of
from omniroute.dialects.losses import Losses
from omniroute.dialects.objects import rest_of
from omniroute.dialects.openai_responses import controls, tools
from omniroute.dialects.openai_responses.arrangement import encode_instructions, encode_turns, message_item
from omniroute.dialects.openai_responses.names import called_names
from omniroute.dialects.openai_responses.turns import decode_input
from omniroute.dialects.openai_responses.wire import MAX_TOOLS, NAME
from omniroute.dialects.quirks.registry import apply_to_request, apply_to_wire, quirks_of
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.parts import Text
from omniroute.ir.request import GenerateRequest, Turn
from omniroute.ir.target import Target

ENCRYPTED_REASONING = "reasoning.encrypted_content"
"""The word in `include` that asks for seals, without which reasoning cannot be sent back."""

_CHAT = "openai_chat"
_SHARED = ("service_tier", "prompt_cache_key", "safety_identifier")
"""Members that OpenAI's two dialects have in common, word for word."""

_MAX_USER = 64
_MAX_METADATA = 16
_MAX_METADATA_KEY = 64
_MAX_METADATA_VALUE = 512
"""OpenAI's limits for `user` and `metadata`."""

_CONTEXTS = ("previous_response_id", "prompt", "conversation")


def decode_request(body: JsonObject) -> GenerateRequest:
    rest = dict(body)
    model = rest.pop("model", None)
    if not isinstance(model, str) or not model.strip():
        raise InvalidRequest('Missing model: the body needs "model", such as "openai/gpt-4o"')
    offered = tools.decode_tools(rest)
    turns: list[Turn] = []
    instructions = rest.get("instructions")
    if instructions is not None:
        if not isinstance(instructions, str):
            raise InvalidRequest(f"instructions: expected a string, got {kind_of(instructions)}")
        del rest["instructions"]
        turns.append(Turn(role="system", parts=(Text(text=instructions),)))
    said = rest.get("input")
    if said is None and not any(rest.get(name) is not None for name in _CONTEXTS):
        raise InvalidRequest("Missing input: the body needs a string or an array of items in `input`")
    if said is not None and said != []:
        del rest["input"]
        turns += decode_input(said, called_names(offered))
    stream = rest.get("stream")
    if stream is not None:
        if not isinstance(stream, bool):
            raise InvalidRequest(f"stream: expected true or false, got {kind_of(stream)}")
        del rest["stream"]
    user, metadata = as_text(rest.get("user")), as_object(rest.get("metadata"))
    for name, value in (("user", user), ("metadata", metadata)):
        if value is not None:
            del rest[name]
    tool_choice = tools.decode_tool_choice(rest)
    sampling = controls.decode_sampling(rest)
    thinking = controls.decode_thinking(rest)
    output = controls.decode_output(rest)
    return GenerateRequest(
        model=model,
        turns=tuple(turns),
        tools=offered,
        tool_choice=tool_choice,
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
    """Raises `InvalidRequest` for more tools than the API takes."""
    quirks = quirks_of(target)
    request = apply_to_request(quirks, request)
    losses = Losses()
    body = _exactly(request, target, losses) if request.dialect == NAME else _fitted(request, target, losses)
    rewritten = apply_to_wire(quirks, body)
    return Encoded(msgspec.json.encode(rewritten.body), (*losses, *rewritten.losses))


def _exactly(request: GenerateRequest, target: Target, losses: Losses) -> JsonObject:
    body = _conversation(request, target, losses, native=True)
    if request.stream is not None:
        body["stream"] = request.stream
    if request.user is not None:
        body["user"] = request.user
    if request.metadata is not None:
        body["metadata"] = request.metadata
    extra = dict(request.extra or {})
    text = as_object(extra.get("text"))
    if text is not None:
        extra["text"] = {**body.get("text", {}), **text}
    body.update(extra)
    return body


def _fitted(request: GenerateRequest, target: Target, losses: Losses) -> JsonObject:
    body = _conversation(request, target, losses, native=False)
    if len(body.get("tools", ())) > MAX_TOOLS:
        raise InvalidRequest(
            f"tools: {len(body['tools'])} tools were given, {target.model!r} takes at most {MAX_TOOLS}"
        )
    if target.facts.reasoning:
        losses.added("extra.include", "request for sealed reasoning", "quality")
        body["include"] = [*body.get("include", ()), ENCRYPTED_REASONING]
    # OpenAI keeps every answer for 30 days unless told not to, and only this API's own clients can ask for them.
    losses.added("extra.store", "store: false", "cost")
    body["store"] = False
    if request.stream is not None:
        body["stream"] = request.stream
    _identify(request, body, losses)
    _share(request, body, losses)
    return body


def _conversation(request: GenerateRequest, target: Target, losses: Losses, *, native: bool) -> JsonObject:
    names = called_names(request.tools)
    body: JsonObject = {"model": target.model}
    instructions, taken = encode_instructions(request.turns, native=native, losses=losses)
    said = _plain_input(request.turns, taken) if native else None
    items: JsonValue = said
    if said is None:
        items = encode_turns(request.turns, taken, names, native=native, losses=losses)
    if not items and not native:
        # The API wants to be asked something; instructions alone are no question.
        if instructions is None:
            losses.added("turns", "first user turn", "quality")
        role = "user" if instructions is None else "system"
        items = [message_item(role, [{"type": "input_text", "text": instructions or "."}])]
        instructions = None
    if instructions is not None:
        body["instructions"] = instructions
    if items or said is not None:
        body["input"] = items
    offered = tools.encode_tools(request.tools, names, native=native, losses=losses)
    if offered:
        body["tools"] = offered
    if request.tool_choice is not None:
        tools.encode_tool_choice(request.tool_choice, offered, names, body, native=native, losses=losses)
    controls.encode_sampling(request.sampling, target, body, native=native, losses=losses)
    if request.thinking is not None:
        reasoning = controls.encode_thinking(request.thinking, target, native=native, losses=losses)
        if reasoning is not None:
            body["reasoning"] = reasoning
    if request.output is not None:
        body["text"] = {"format": controls.encode_output(request.output, native=native, losses=losses)}
    return body


def _plain_input(turns: tuple[Turn, ...], first: int) -> str | None:
    """`input` as the string it was: one user turn without origin."""
    if len(turns) != first + 1:
        return None
    turn = turns[first]
    only = turn.parts[0] if len(turn.parts) == 1 else None
    if isinstance(only, Text) and turn == Turn(role="user", parts=(Text(text=only.text),)):
        return only.text
    return None


def _identify(request: GenerateRequest, body: JsonObject, losses: Losses) -> None:
    if request.user is not None:
        if len(request.user) <= _MAX_USER:
            body["user"] = request.user
        else:
            losses.dropped("user", "user id", "cost")
    kept: JsonObject = {}
    for name, value in (request.metadata or {}).items():
        fits = isinstance(value, str) and len(value) <= _MAX_METADATA_VALUE and len(name) <= _MAX_METADATA_KEY
        if fits and len(kept) < _MAX_METADATA:
            kept[name] = value
        else:
            losses.dropped(f"metadata.{name}", name, "cost")
    if kept:
        body["metadata"] = kept


def _share(request: GenerateRequest, body: JsonObject, losses: Losses) -> None:
    """Unknown members: those of a chat client that mean the same here go on, all others are named as lost."""
    extra = request.extra or {}
    if request.dialect != _CHAT:
        losses.foreign("", extra)
        return
    body.update({name: extra[name] for name in _SHARED if extra.get(name) is not None})
    verbosity = extra.get("verbosity")
    if verbosity is not None:
        body["text"] = {**body.get("text", {}), "verbosity": verbosity}
    losses.foreign("", rest_of(extra, (*_SHARED, "verbosity")))
