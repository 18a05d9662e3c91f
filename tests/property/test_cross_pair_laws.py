"""Laws between Chat Completions and Messages: what is said arrives, or a Loss names where it stood."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from omniroute.dialects.base import Context, Encoded
from omniroute.dialects.registry import dialect
from omniroute.ir.fold import fold
from omniroute.ir.parts import Text, ToolCall
from omniroute.ir.request import GenerateRequest, Turn
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import Target
from tests.property import anthropic_bodies, openai_chat_bodies
from tests.property.representation import chunkings, conversations
from tests.support import order, strict
from tests.unit.dialects.anthropic.rules import check_request

ANTHROPIC = dialect("anthropic")
CHAT = dialect("openai_chat")
CONTEXT = Context(
    request_id="req_1", token="0123456789abcdef01234567", created=1, model="told", include_usage=True
)

KEPT_AS_THEY_ARE = frozenset(
    {"type", "role", "media_type", "effort", "ttl", "display", "format", "mode", "detail", "reasoning_effort"}
    | {"tool_choice", "arguments"}
    | {"finish_reason", "stop_reason", "object", "url", "data", "file_data", "strict", "service_tier"}
    | {"id", "tool_use_id", "tool_call_id", "enum", "anthropic_beta", "encrypted"}
)
"""Words of a protocol, encodings that must stay valid, and ids that must stay alike."""


SCHEMAS = frozenset({"parameters", "schema", "input_schema"})
"""JSON schemas, in which a string may be the name of a property; they are compared whole elsewhere."""


def marked(value: Any, numbers: Iterator[int], key: str = "") -> Any:
    """`value` with an own marker behind every string that a person or a model may have written."""
    if isinstance(value, dict):
        if key in SCHEMAS:
            return value
        plain = value.get("type") == "text"  # plain text stands in `data` too
        return {
            name: marked(inner, numbers, "text" if plain and name == "data" else name)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [marked(inner, numbers, key) for inner in value]
    if isinstance(value, str) and key not in KEPT_AS_THEY_ARE and not value.startswith("data:"):
        return f"{value}⟦{next(numbers)}⟧"
    return value


def places(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string of a representation with its path, written as losses write it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for position, inner in enumerate(value):
            yield from places(inner, f"{path}[{position}]")
    elif isinstance(value, str):
        yield path, value


def unaccounted(source: Any, encoded: Encoded) -> list[tuple[str, str]]:
    """Markers of `source` that are neither in the body nor under a path that a Loss names."""
    sent = encoded.body.decode()
    gone = [loss.path for loss in encoded.losses if loss.how != "added"]
    return [
        (path, text)
        for path, text in places(msgspec.to_builtins(source))
        for marker in re.findall(r"⟦\d+⟧", text)
        if marker not in sent and not any(_under(path, lost) for lost in gone)
    ]


def _under(path: str, lost: str) -> bool:
    return path == lost or (path.startswith(lost) and path[len(lost)] in ".[")


def counter() -> Iterator[int]:
    return iter(range(10**6))


def to(name: str, model: str = "target") -> Target:
    return Target(provider="p", model=model, dialect=name)


# Requests


@given(openai_chat_bodies.requests)
def test_chat_to_messages_loses_nothing_unnamed(body: dict[str, Any]) -> None:
    request = CHAT.decode_request(marked(body, counter()))
    encoded = ANTHROPIC.encode_request(request, to("anthropic"))
    check_request(msgspec.json.decode(encoded.body))
    assert unaccounted(replaced_model(request), encoded) == []


@given(anthropic_bodies.sensible_requests())
def test_messages_to_chat_loses_nothing_unnamed(body: dict[str, Any]) -> None:
    request = ANTHROPIC.decode_request(marked(body, counter()))
    encoded = CHAT.encode_request(request, to("openai_chat"))
    assert unaccounted(replaced_model(request), encoded) == []


def replaced_model(request: GenerateRequest) -> GenerateRequest:
    return msgspec.structs.replace(request, model="")


# Answers


@given(openai_chat_bodies.answers)
def test_a_chat_answer_becomes_a_message_without_an_unnamed_loss(body: dict[str, Any]) -> None:
    response = CHAT.decode_response(msgspec.json.encode(marked(body, counter())))
    assert isinstance(response, GenerateResponse)
    encoded = ANTHROPIC.encode_response(response, CONTEXT)
    strict.message(encoded.body)
    assert unaccounted(only_content(response), encoded) == []
    assert [call[1:] for call in calls(response)] == [call[1:] for call in calls(again("anthropic", encoded))]


_blocks = st.lists(
    st.one_of(
        anthropic_bodies.text_blocks,
        anthropic_bodies.thinking_blocks,
        anthropic_bodies.tool_use_blocks,
        anthropic_bodies.unknown_blocks,
    ).map(lambda block: {name: value for name, value in block.items() if name != "cache_control"}),
    max_size=4,
)
"""Blocks of an answer, which no cache mark stands on."""


@given(_blocks)
def test_a_message_becomes_a_chat_answer_without_an_unnamed_loss(blocks: list[dict[str, Any]]) -> None:
    answer = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": blocks}
    response = ANTHROPIC.decode_response(msgspec.json.encode(marked(answer, counter())))
    assert isinstance(response, GenerateResponse)
    encoded = CHAT.encode_response(response, CONTEXT)
    strict.chat_completion(encoded.body)
    assert unaccounted(only_content(response), encoded) == []
    assert [name for _, name, _ in calls(response)] == [
        name for _, name, _ in calls(again("openai_chat", encoded))
    ]


def only_content(response: GenerateResponse) -> GenerateResponse:
    """Without what an answer is told about itself: the gateway's model name, the vendor's own usage object."""
    return msgspec.structs.replace(response, id="", model="", usage=None)


def again(name: str, encoded: Encoded) -> GenerateResponse:
    response = dialect(name).decode_response(encoded.body)
    assert isinstance(response, GenerateResponse)
    return response


def calls(response: GenerateResponse) -> list[tuple[str, str, Any]]:
    return [
        (part.call_id, part.name, arguments(part.arguments))
        for part in response.parts
        if isinstance(part, ToolCall) and part.executor == "client"
    ]


def arguments(text: str) -> Any:
    """What arguments mean: an object, or the text itself where it is none."""
    try:
        value = msgspec.json.decode(text if text.strip() else "{}")
    except msgspec.DecodeError:
        return text
    if not isinstance(value, dict):
        return text
    return value.get("_raw_arguments", value)


# Streams


@given(openai_chat_bodies.streams, st.data())
def test_a_chat_stream_becomes_a_message_stream_by_the_letter(raw: bytes, data: st.DataObject) -> None:
    decoder, encoder = CHAT.stream_decoder(), ANTHROPIC.stream_encoder(CONTEXT)
    events = [event for chunk in data.draw(chunkings(raw)) for event in decoder.feed(chunk)] + decoder.close()
    written = b"".join(encoder.send(event) for event in events) + encoder.close()
    strict.message_stream(written)
    outcome = fold(events)
    assume(isinstance(outcome, GenerateResponse))
    assert isinstance(outcome, GenerateResponse)
    assume(
        all(isinstance(arguments(part.arguments), dict) for part in outcome.parts if isinstance(part, ToolCall))
    )
    told = order.anthropic(written)
    text = "".join(part.text for part in outcome.parts if isinstance(part, Text))
    assert sorted(told.text) == sorted(text + shown(outcome)) or told.text == "(empty response)"
    assert [(call.name, arguments(call.arguments)) for call in told.calls] == [
        (name, value) for _, name, value in calls(outcome)
    ]


def shown(response: GenerateResponse) -> str:
    """What Messages shows as text though it is none: refusals and images."""
    text = ""
    for part in response.parts:
        match part.__struct_config__.tag:
            case "refusal":
                text += part.text  # type: ignore[union-attr]
            case "media":
                text += f"![image](data:{part.mime};base64,{part.data})"  # type: ignore[union-attr]
            case _:
                pass
    return text


@given(anthropic_bodies.event_streams(), st.data())
def test_a_message_stream_becomes_a_chat_stream_by_the_letter(frames: list[bytes], data: st.DataObject) -> None:
    decoder, encoder = ANTHROPIC.stream_decoder(), CHAT.stream_encoder(CONTEXT)
    chunks = data.draw(chunkings(b"".join(frames)))
    events = [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.close()
    written = b"".join(encoder.send(event) for event in events) + encoder.close()
    outcome = fold(events)
    assert isinstance(outcome, GenerateResponse)
    assume(
        all(isinstance(arguments(part.arguments), dict) for part in outcome.parts if isinstance(part, ToolCall))
    )
    told = order.openai_chat(written, include_usage=True)
    assert told.text == "".join(part.text for part in outcome.parts if isinstance(part, Text))
    assert [(call.call_id, call.name, arguments(call.arguments)) for call in told.calls] == calls(outcome)
    assert outcome.usage is not None
    assert told.usage is not None
    assert told.usage["prompt_tokens"] == outcome.usage.input + outcome.usage.cache_read
    assert told.usage["completion_tokens"] == outcome.usage.output


# Tool rounds


def messages_of(turns: tuple[Turn, ...]) -> list[dict[str, Any]]:
    """A conversation as a client of Messages sends it: what follows tool results shares their message."""
    request = GenerateRequest(model="m", turns=turns, dialect="anthropic")
    wire = msgspec.json.decode(ANTHROPIC.encode_request(request, to("anthropic")).body)["messages"]
    messages: list[dict[str, Any]] = []
    for message in wire:
        if messages and message["role"] == "user" == messages[-1]["role"]:
            messages[-1]["content"] = blocks_of(messages[-1]) + blocks_of(message)
        else:
            messages.append(message)
    return messages


def blocks_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


@given(conversations(origin="anthropic"))
def test_every_tool_round_survives_the_way_to_chat_and_back(turns: tuple[Turn, ...]) -> None:
    said = [turn for turn in turns if turn.role in ("user", "assistant", "tool")]
    source = {"model": "m", "max_tokens": 9, "messages": messages_of(tuple(said))}
    there = CHAT.encode_request(ANTHROPIC.decode_request(source), to("openai_chat"))
    chat = msgspec.json.decode(there.body)
    back = ANTHROPIC.encode_request(CHAT.decode_request(chat), to("anthropic"))
    claude = msgspec.json.decode(back.body)
    check_request(claude)
    rounds = [
        (part.call_id, part.name, arguments(part.arguments))
        for turn in said
        for part in turn.parts
        if isinstance(part, ToolCall)
    ]
    asked = [
        (call["id"], call["function"]["name"], arguments(call["function"]["arguments"]))
        for message in chat["messages"]
        for call in message.get("tool_calls", [])
    ]
    asked_again = [
        (block["id"], block["name"], block["input"].get("_raw_arguments", block["input"]))
        for message in claude["messages"]
        for block in message["content"]
        if block["type"] == "tool_use"
    ]
    assert asked == asked_again == rounds
    answers = [message["tool_call_id"] for message in chat["messages"] if message["role"] == "tool"]
    assert answers == [call_id for call_id, _, _ in rounds]
    assert not [loss for loss in (*there.losses, *back.losses) if loss.how == "added" and "tool" in loss.what]
