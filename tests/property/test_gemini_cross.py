"""Laws between Gemini and the first two dialects: what is said arrives, or a Loss names where it stood."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from omniroute.dialects.anthropic.dialect import Anthropic
from omniroute.dialects.base import Context, Dialect
from omniroute.dialects.gemini.dialect import Gemini
from omniroute.dialects.gemini.names import Names
from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.ir.fold import fold
from omniroute.ir.parts import Media, Reasoning, Refusal, Text, ToolCall, ToolResult
from omniroute.ir.request import GenerateRequest, Turn
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import Target
from tests.property import anthropic_bodies, gemini_bodies, openai_chat_bodies
from tests.property.representation import chunkings, conversations
from tests.property.test_cross_pair_laws import KEPT_AS_THEY_ARE, SCHEMAS, arguments, unaccounted
from tests.support import order, order_gemini, strict, strict_gemini
from tests.unit.dialects.anthropic.rules import check_request as check_messages
from tests.unit.dialects.gemini.rules import check_request as check_gemini

GEMINI, CHAT, ANTHROPIC = Gemini(), OpenAIChat(), Anthropic()
CONTEXT = Context(
    request_id="req_1", token="0123456789abcdef01234567", created=1, model="told", include_usage=True
)
NAMES = Names()
KEPT = KEPT_AS_THEY_ARE | {
    *("mimeType", "data", "thoughtSignature", "fileUri", "finishReason", "thinkingLevel", "responseMimeType"),
    *("responseModalities", "language", "outcome", "name", "allowedFunctionNames", "modelVersion", "responseId"),
}
"""Words of a protocol, encodings that must stay valid, and names and ids that must stay alike."""

OWN_SCHEMAS = SCHEMAS | {"parametersJsonSchema", "responseSchema", "responseJsonSchema"}


def marked(value: Any, numbers: Iterator[int], key: str = "") -> Any:
    """`value` with an own marker behind every string that a person or a model may have written."""
    if isinstance(value, dict):
        if key in OWN_SCHEMAS:
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


def carried(request: GenerateRequest) -> GenerateRequest:
    """Without the model's name, and with files by address at places that Google can open: others are refused."""
    turns = tuple(replace(turn, parts=tuple(map(_openable, turn.parts))) for turn in request.turns)
    return replace(request, model="", turns=turns)


def _openable(part: Any) -> Any:
    if isinstance(part, ToolResult):
        return replace(part, content=tuple(map(_openable, part.content)))
    return replace(part, url="gs://bucket/a") if isinstance(part, Media) and part.url is not None else part


# Requests


@given(openai_chat_bodies.requests)
def test_a_chat_request_reaches_gemini_without_an_unnamed_loss(body: dict[str, Any]) -> None:
    request = carried(CHAT.decode_request(marked(body, marks())))
    encoded = GEMINI.encode_request(request, to(GEMINI))
    check_gemini(msgspec.json.decode(encoded.body))
    assert unaccounted(request, encoded) == []


@given(anthropic_bodies.sensible_requests())
def test_a_messages_request_reaches_gemini_without_an_unnamed_loss(body: dict[str, Any]) -> None:
    request = carried(ANTHROPIC.decode_request(marked(body, marks())))
    encoded = GEMINI.encode_request(request, to(GEMINI))
    check_gemini(msgspec.json.decode(encoded.body))
    assert unaccounted(request, encoded) == []


@given(gemini_bodies.requests)
def test_a_gemini_request_reaches_chat_without_an_unnamed_loss(body: dict[str, Any]) -> None:
    request = replace(GEMINI.decode_request(marked(body, marks())), model="")
    assert unaccounted(request, CHAT.encode_request(request, to(CHAT))) == []


@given(gemini_bodies.requests)
def test_a_gemini_request_reaches_messages_without_an_unnamed_loss(body: dict[str, Any]) -> None:
    request = replace(GEMINI.decode_request(marked(body, marks())), model="")
    encoded = ANTHROPIC.encode_request(request, to(ANTHROPIC))
    check_messages(msgspec.json.decode(encoded.body))
    assert unaccounted(request, encoded) == []


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


@pytest.mark.parametrize("client", [CHAT, ANTHROPIC], ids=lambda one: one.name)
@given(body=gemini_bodies.answers())
def test_a_gemini_answer_reaches_any_client_without_an_unnamed_loss(body: dict[str, Any], client: Dialect) -> None:
    response = GEMINI.decode_response(msgspec.json.encode(marked(body, marks())))
    assert isinstance(response, GenerateResponse)
    encoded = client.encode_response(response, CONTEXT)
    if client is ANTHROPIC:
        strict.message(encoded.body)
    elif not any(isinstance(part, Media) for part in response.parts):
        # Pictures go into OpenRouter's extension of chat, which the SDK does not know.
        strict.chat_completion(encoded.body)
    assert unaccounted(only_content(response), encoded) == []
    again = client.decode_response(encoded.body)
    assert isinstance(again, GenerateResponse)
    assert calls(again) == calls(response)


@given(openai_chat_bodies.answers)
def test_a_chat_answer_reaches_a_gemini_client_without_an_unnamed_loss(body: dict[str, Any]) -> None:
    response = CHAT.decode_response(msgspec.json.encode(marked(body, marks())))
    assert isinstance(response, GenerateResponse)
    assume(all(name for name, _ in calls(response)))
    encoded = GEMINI.encode_response(response, CONTEXT)
    strict_gemini.response(encoded.body)
    assert unaccounted(only_content(response), encoded) == []
    again = GEMINI.decode_response(encoded.body)
    assert isinstance(again, GenerateResponse)
    assert calls(again) == calls(response)


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
def test_a_message_reaches_a_gemini_client_without_an_unnamed_loss(blocks: list[dict[str, Any]]) -> None:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": blocks}
    response = ANTHROPIC.decode_response(msgspec.json.encode(marked(message, marks())))
    assert isinstance(response, GenerateResponse)
    encoded = GEMINI.encode_response(response, CONTEXT)
    strict_gemini.response(encoded.body)
    assert unaccounted(only_content(response), encoded) == []
    again = GEMINI.decode_response(encoded.body)
    assert isinstance(again, GenerateResponse)
    assert calls(again) == calls(response)


# Streams


def spoken(response: GenerateResponse) -> str:
    return "".join(part.text for part in response.parts if isinstance(part, Text | Refusal))


@given(openai_chat_bodies.streams, st.data())
def test_a_chat_stream_becomes_a_gemini_stream_by_the_letter(raw: bytes, data: st.DataObject) -> None:
    decoder, encoder = CHAT.stream_decoder(), GEMINI.stream_encoder(CONTEXT)
    events = [event for chunk in data.draw(chunkings(raw)) for event in decoder.feed(chunk)] + decoder.close()
    outcome = fold(events)
    written = b"".join(encoder.send(event) for event in events) + encoder.close()
    strict_gemini.stream(written)
    told = order_gemini.gemini(written)
    assert (told.ended == "ok") == isinstance(outcome, GenerateResponse)
    if isinstance(outcome, GenerateResponse):
        assert sorted(told.text) == sorted(spoken(outcome))
        assert told.reasoning == "".join(part.text for part in outcome.parts if isinstance(part, Reasoning))
        assert sorted(call.name for call in told.calls) == sorted(name for name, _ in calls(outcome) if name)


@given(anthropic_bodies.event_streams(), st.data())
def test_a_message_stream_becomes_a_gemini_stream_by_the_letter(frames: list[bytes], data: st.DataObject) -> None:
    decoder, encoder = ANTHROPIC.stream_decoder(), GEMINI.stream_encoder(CONTEXT)
    chunks = data.draw(chunkings(b"".join(frames)))
    events = [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.close()
    written = b"".join(encoder.send(event) for event in events) + encoder.close()
    strict_gemini.stream(written)
    told = order_gemini.gemini(written)
    outcome = fold(events)
    assert isinstance(outcome, GenerateResponse)
    assert outcome.usage is not None
    assert told.usage is not None
    assert told.text == spoken(outcome)
    assert told.signatures == []
    assert [(call.name, arguments(call.arguments)) for call in told.calls] == calls(outcome)
    assert told.usage["promptTokenCount"] == outcome.usage.input_total
    assert told.usage["totalTokenCount"] == outcome.usage.input_total + outcome.usage.output


@pytest.mark.parametrize("client", [CHAT, ANTHROPIC], ids=lambda one: one.name)
@given(sent=gemini_bodies.chunk_streams(), data=st.data())
def test_a_gemini_stream_becomes_any_clients_stream_by_the_letter(
    sent: list[dict[str, Any]], data: st.DataObject, client: Dialect
) -> None:
    decoder, encoder = GEMINI.stream_decoder(), client.stream_encoder(CONTEXT)
    chunks = data.draw(chunkings(b"".join(map(gemini_bodies.frame, sent))))
    events = [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.close()
    written = b"".join(encoder.send(event) for event in events) + encoder.close()
    machine = order.anthropic(written) if client is ANTHROPIC else order.openai_chat(written, include_usage=True)
    outcome = fold(events)
    assert isinstance(outcome, GenerateResponse)
    assert machine.ended == "ok"
    assert [(call.name, arguments(call.arguments)) for call in machine.calls] == calls(outcome)
    assert machine.reasoning == "".join(part.text for part in outcome.parts if isinstance(part, Reasoning))
    if client is CHAT:
        assert machine.text == spoken(outcome)


# Tool rounds


@pytest.mark.parametrize("other", [CHAT, ANTHROPIC], ids=lambda one: one.name)
@given(turns=conversations(origin="anthropic"))
def test_every_tool_round_survives_the_way_to_gemini_and_back(turns: tuple[Turn, ...], other: Dialect) -> None:
    request = carried(GenerateRequest(model="m", turns=turns, dialect="anthropic"))
    there = msgspec.json.decode(GEMINI.encode_request(request, to(GEMINI)).body)
    for content in there["contents"]:
        for part in content["parts"]:
            for kind in ("functionCall", "functionResponse"):
                part.get(kind, {}).pop("id", None)  # older clients have none: order and name must do
    back = GEMINI.decode_request({"model": "m", **there})
    assert rounds_of(back.turns) == [(NAMES.wire(name), *rest) for name, *rest in rounds_of(request.turns)]
    encoded = other.encode_request(back, to(other))
    assert not [loss for loss in encoded.losses if loss.how == "added" and "tool" in loss.what]
    assert not [loss for loss in encoded.losses if "without a call" in loss.what]


def rounds_of(turns: tuple[Turn, ...]) -> list[tuple[str, Any, str, bool]]:
    """Every call with what its result says."""
    waiting: list[ToolCall] = []
    found: list[tuple[str, Any, str, bool]] = []
    for part in (part for turn in turns for part in turn.parts):
        if isinstance(part, ToolCall):
            waiting.append(part)
        elif isinstance(part, ToolResult):
            call = next(one for one in waiting if one.call_id == part.call_id)
            waiting.remove(call)
            text = "\n".join(piece.text for piece in part.content if isinstance(piece, Text))
            value = arguments(call.arguments)
            found.append((call.name, value, text, part.is_error))
    return found
