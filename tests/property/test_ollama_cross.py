"""Laws between Ollama and the first two dialects: what is said arrives, or a Loss names where it stood."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from omniroute.dialects.anthropic.dialect import Anthropic
from omniroute.dialects.base import Context, Dialect
from omniroute.dialects.ollama.dialect import Ollama
from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.ir.fold import fold
from omniroute.ir.parts import Reasoning, Refusal, Text, ToolCall
from omniroute.ir.request import GenerateRequest, Turn
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import Target
from tests.property import anthropic_bodies, ollama_bodies, openai_chat_bodies
from tests.property.ollama_bodies import carried
from tests.property.representation import chunkings, conversations
from tests.property.test_cross_pair_laws import KEPT_AS_THEY_ARE, SCHEMAS, arguments, unaccounted
from tests.support import order, order_ollama, strict
from tests.unit.dialects.anthropic.rules import check_request

OLLAMA, CHAT, ANTHROPIC = Ollama(), OpenAIChat(), Anthropic()
CONTEXT = Context(
    request_id="req_1", token="0123456789abcdef01234567", created=1, model="told", include_usage=True
)
KEPT = KEPT_AS_THEY_ARE | {"images", "think", "created_at", "done_reason", "keep_alive"}
"""Words of a protocol, and encodings that must stay valid."""


def marked(value: Any, numbers: Iterator[int], key: str = "") -> Any:
    """`value` with an own marker behind every string that a person or a model may have written."""
    if isinstance(value, dict):
        if key in SCHEMAS or key == "format":
            return value
        return {name: marked(inner, numbers, name) for name, inner in value.items()}
    if isinstance(value, list):
        return value if key in KEPT else [marked(inner, numbers, key) for inner in value]
    if isinstance(value, str) and key not in KEPT and not value.startswith("data:"):
        return f"{value}⟦{next(numbers)}⟧"
    return value


def marks() -> Iterator[int]:
    return iter(range(10**6))


def to(dialect: Dialect) -> Target:
    return Target(provider="p", model="target", dialect=dialect.name)


def nameless(request: GenerateRequest) -> GenerateRequest:
    return replace(request, model="")


# Requests


@given(ollama_bodies.requests)
def test_an_ollama_request_reaches_chat_without_an_unnamed_loss(body: dict[str, Any]) -> None:
    request = OLLAMA.decode_request(marked(body, marks()))
    assert unaccounted(nameless(request), CHAT.encode_request(request, to(CHAT))) == []


@given(ollama_bodies.requests)
def test_an_ollama_request_reaches_messages_without_an_unnamed_loss(body: dict[str, Any]) -> None:
    request = OLLAMA.decode_request(marked(body, marks()))
    encoded = ANTHROPIC.encode_request(request, to(ANTHROPIC))
    check_request(msgspec.json.decode(encoded.body))
    assert unaccounted(nameless(request), encoded) == []


@given(openai_chat_bodies.requests)
def test_a_chat_request_reaches_ollama_without_an_unnamed_loss(body: dict[str, Any]) -> None:
    request = carried(CHAT.decode_request(marked(body, marks())))
    assert unaccounted(nameless(request), OLLAMA.encode_request(request, to(OLLAMA))) == []


@given(anthropic_bodies.sensible_requests())
def test_a_messages_request_reaches_ollama_without_an_unnamed_loss(body: dict[str, Any]) -> None:
    request = carried(ANTHROPIC.decode_request(marked(body, marks())))
    assert unaccounted(nameless(request), OLLAMA.encode_request(request, to(OLLAMA))) == []


# Answers


def only_content(response: GenerateResponse) -> GenerateResponse:
    """Without what an answer is told about itself: the gateway's model name, the vendor's own usage object."""
    return replace(response, id="", model="", usage=None)


def calls(response: GenerateResponse) -> list[tuple[str, Any]]:
    return [
        (part.name, arguments(part.arguments))
        for part in response.parts
        if isinstance(part, ToolCall) and part.executor == "client"
    ]


@pytest.mark.parametrize("client", [CHAT, ANTHROPIC])
@given(body=ollama_bodies.answers)
def test_an_ollama_answer_reaches_any_client_without_an_unnamed_loss(
    body: dict[str, Any], client: Dialect
) -> None:
    response = OLLAMA.decode_response(msgspec.json.encode(marked(body, marks())))
    assert isinstance(response, GenerateResponse)
    encoded = client.encode_response(response, CONTEXT)
    if client is ANTHROPIC:
        strict.message(encoded.body)
    elif (
        "images" not in body["message"]
    ):  # `images` is OpenRouter's extension of chat, which the SDK does not know
        strict.chat_completion(encoded.body)
    assert unaccounted(only_content(response), encoded) == []
    again = client.decode_response(encoded.body)
    assert isinstance(again, GenerateResponse)
    assert calls(again) == calls(response)


@given(openai_chat_bodies.answers)
def test_a_chat_answer_reaches_an_ollama_client_without_an_unnamed_loss(body: dict[str, Any]) -> None:
    response = CHAT.decode_response(msgspec.json.encode(marked(body, marks())))
    assert isinstance(response, GenerateResponse)
    encoded = OLLAMA.encode_response(response, CONTEXT)
    assert unaccounted(only_content(response), encoded) == []
    told = order_ollama.answer(encoded.body)
    assert [(call.name, arguments(call.arguments)) for call in told.calls] == calls(response)


_blocks = st.lists(
    st.one_of(
        anthropic_bodies.text_blocks,
        anthropic_bodies.thinking_blocks,
        anthropic_bodies.tool_use_blocks,
        anthropic_bodies.unknown_blocks,
    ),
    max_size=4,
)


@given(_blocks)
def test_a_message_reaches_an_ollama_client_without_an_unnamed_loss(blocks: list[dict[str, Any]]) -> None:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": blocks}
    response = ANTHROPIC.decode_response(msgspec.json.encode(marked(message, marks())))
    assert isinstance(response, GenerateResponse)
    encoded = OLLAMA.encode_response(response, CONTEXT)
    assert unaccounted(only_content(response), encoded) == []
    told = order_ollama.answer(encoded.body)
    assert [(call.name, arguments(call.arguments)) for call in told.calls] == calls(response)


# Streams


@given(openai_chat_bodies.streams, st.data())
def test_a_chat_stream_becomes_an_ollama_stream_by_the_letter(raw: bytes, data: st.DataObject) -> None:
    decoder, encoder = CHAT.stream_decoder(), OLLAMA.stream_encoder(CONTEXT)
    events = [event for chunk in data.draw(chunkings(raw)) for event in decoder.feed(chunk)] + decoder.close()
    told = order_ollama.stream(b"".join(encoder.send(event) for event in events) + encoder.close())
    outcome = fold(events)
    assert (told.ended == "ok") == isinstance(outcome, GenerateResponse)
    if isinstance(outcome, GenerateResponse):
        assert sorted(told.text.replace("![image](data:image/png;base64,AAAA)", "")) == sorted(spoken(outcome))
        assert told.reasoning == "".join(part.text for part in outcome.parts if isinstance(part, Reasoning))
        assert [(call.name, arguments(call.arguments)) for call in told.calls] == calls(outcome)


def spoken(response: GenerateResponse) -> str:
    return "".join(part.text for part in response.parts if isinstance(part, Text | Refusal))


@given(anthropic_bodies.event_streams(), st.data())
def test_a_message_stream_becomes_an_ollama_stream_by_the_letter(frames: list[bytes], data: st.DataObject) -> None:
    decoder, encoder = ANTHROPIC.stream_decoder(), OLLAMA.stream_encoder(CONTEXT)
    chunks = data.draw(chunkings(b"".join(frames)))
    events = [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.close()
    told = order_ollama.stream(b"".join(encoder.send(event) for event in events) + encoder.close())
    outcome = fold(events)
    assert isinstance(outcome, GenerateResponse)
    assert outcome.usage is not None
    assert told.text == spoken(outcome)
    assert [(call.name, arguments(call.arguments)) for call in told.calls] == calls(outcome)
    assert told.usage == {"prompt_eval_count": outcome.usage.input_total, "eval_count": outcome.usage.output}


@pytest.mark.parametrize("client", [CHAT, ANTHROPIC])
@given(raw=ollama_bodies.streams, data=st.data())
def test_an_ollama_stream_becomes_any_clients_stream_by_the_letter(
    raw: bytes, data: st.DataObject, client: Dialect
) -> None:
    decoder, encoder = OLLAMA.stream_decoder(), client.stream_encoder(CONTEXT)
    # A model that writes text instead of an object is heard as it is, and no machine of order would pass it.
    sensible = re.sub(rb'"arguments" ?: ?"', b'"arguments":{},"x_text":"', raw)
    chunks = data.draw(chunkings(sensible))
    events = [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.close()
    written = b"".join(encoder.send(event) for event in events) + encoder.close()
    machine = order.anthropic(written) if client is ANTHROPIC else order.openai_chat(written, include_usage=True)
    outcome = fold(events)
    assert (machine.ended == "ok") == isinstance(outcome, GenerateResponse)
    if isinstance(outcome, GenerateResponse):
        assert [(call.name, arguments(call.arguments)) for call in machine.calls] == calls(outcome)


# Tool rounds


@pytest.mark.parametrize("other", [CHAT, ANTHROPIC])
@given(turns=conversations(origin="anthropic"))
def test_every_tool_round_survives_the_way_to_ollama_and_back(turns: tuple[Turn, ...], other: Dialect) -> None:
    request = carried(GenerateRequest(model="m", turns=turns, dialect="anthropic"))
    there = msgspec.json.decode(OLLAMA.encode_request(request, to(OLLAMA)).body)
    back = OLLAMA.decode_request(there)
    rounds = rounds_of(request.turns)
    assert rounds_of(back.turns) == rounds
    encoded = other.encode_request(back, to(other))
    assert not [loss for loss in encoded.losses if loss.how == "added" and "tool" in loss.what]
    assert not [loss for loss in encoded.losses if "without a call" in loss.what]


def rounds_of(turns: tuple[Turn, ...]) -> list[tuple[str, Any, str]]:
    """Every call with what its result says."""
    parts = [part for turn in turns for part in turn.parts]
    waiting: list[tuple[str, str, Any]] = []
    found: list[tuple[str, Any, str]] = []
    for part in parts:
        if isinstance(part, ToolCall):
            waiting.append((part.call_id, part.name, arguments(part.arguments)))
        elif part.__struct_config__.tag == "tool_result":
            call = next(one for one in waiting if one[0] == part.call_id)  # type: ignore[union-attr]
            waiting.remove(call)
            texts = [piece.text for piece in part.content if isinstance(piece, Text) and piece.text]  # type: ignore[union-attr]
            found.append((call[1], call[2], "\n".join(texts)))
    return found
