"""Laws between Responses and the other dialects: what is said arrives, or a Loss names where it stood."""

from collections.abc import Iterator
from typing import Any

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from omniroute.dialects.anthropic.dialect import Anthropic
from omniroute.dialects.base import Context, Encoded
from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.dialects.openai_responses.dialect import OpenAIResponses
from omniroute.ir.events import CitationDelta, PartOpened, TextDelta
from omniroute.ir.fold import fold
from omniroute.ir.parts import Text, ToolCall
from omniroute.ir.request import GenerateRequest
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import Target
from tests.property import anthropic_bodies, openai_chat_bodies
from tests.property import openai_responses_bodies as bodies
from tests.property.representation import chunkings
from tests.property.test_cross_pair_laws import KEPT_AS_THEY_ARE, SCHEMAS, unaccounted
from tests.support import order, order_responses, strict, strict_responses
from tests.unit.dialects.anthropic.rules import check_request

ANTHROPIC, CHAT, RESPONSES = Anthropic(), OpenAIChat(), OpenAIResponses()
CONTEXT = Context(request_id="req_1", token="tok", created=1, model="told", include_usage=True)

KEPT = KEPT_AS_THEY_ARE | {"call_id", "image_url", "status", "phase", "namespace", "include", "result", "reason"}
"""Words of a protocol, encodings that must stay valid, and ids that must stay alike."""


def marked(value: Any, numbers: Iterator[int], key: str = "") -> Any:
    """`value` with an own marker behind every string that a person or a model may have written."""
    if isinstance(value, dict):
        if key in SCHEMAS or key == "tool_choice":
            return value
        return {name: marked(inner, numbers, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [marked(inner, numbers, key) for inner in value]
    if isinstance(value, str) and key not in KEPT and not value.startswith("data:"):
        return f"{value}⟦{next(numbers)}⟧"
    return value


def counter() -> Iterator[int]:
    return iter(range(10**6))


def to(name: str) -> Target:
    return Target(provider="p", model="target", dialect=name)


def sent(request: GenerateRequest) -> GenerateRequest:
    return msgspec.structs.replace(request, model="")


def content_of(response: GenerateResponse) -> GenerateResponse:
    """Without what an answer is told about itself: the gateway's model name, the vendor's own usage object."""
    return msgspec.structs.replace(response, id="", model="", usage=None)


def calls(response: GenerateResponse) -> list[tuple[str, str]]:
    return [
        (part.name, part.arguments)
        for part in response.parts
        if isinstance(part, ToolCall) and part.executor == "client"
    ]


# Requests


@given(openai_chat_bodies.requests)
def test_chat_to_responses_loses_nothing_unnamed(body: dict[str, Any]) -> None:
    request = CHAT.decode_request(marked(body, counter()))
    encoded = RESPONSES.encode_request(request, to("openai_responses"))
    assert unaccounted(sent(request), encoded) == []
    RESPONSES.decode_request(msgspec.json.decode(encoded.body))


@given(anthropic_bodies.sensible_requests())
def test_messages_to_responses_loses_nothing_unnamed(body: dict[str, Any]) -> None:
    request = ANTHROPIC.decode_request(marked(body, counter()))
    encoded = RESPONSES.encode_request(request, to("openai_responses"))
    assert unaccounted(sent(request), encoded) == []
    RESPONSES.decode_request(msgspec.json.decode(encoded.body))


@given(bodies.requests)
def test_responses_to_chat_loses_nothing_unnamed(body: dict[str, Any]) -> None:
    request = RESPONSES.decode_request(marked(body, counter()))
    encoded = CHAT.encode_request(request, to("openai_chat"))
    assert unaccounted(sent(request), encoded) == []


@given(bodies.requests)
def test_responses_to_messages_loses_nothing_unnamed(body: dict[str, Any]) -> None:
    request = RESPONSES.decode_request(marked(body, counter()))
    encoded = ANTHROPIC.encode_request(request, to("anthropic"))
    check_request(msgspec.json.decode(encoded.body))
    assert unaccounted(sent(request), encoded) == []


# Answers


@given(openai_chat_bodies.answers)
def test_a_chat_answer_becomes_a_response_without_an_unnamed_loss(body: dict[str, Any]) -> None:
    response = CHAT.decode_response(msgspec.json.encode(marked(body, counter())))
    assert isinstance(response, GenerateResponse)
    encoded = RESPONSES.encode_response(response, CONTEXT)
    strict_responses.response(encoded.body)
    assert unaccounted(content_of(response), encoded) == []
    assert calls(again(RESPONSES, encoded)) == calls(response)


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
def test_a_message_becomes_a_response_without_an_unnamed_loss(blocks: list[dict[str, Any]]) -> None:
    answer = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": blocks}
    response = ANTHROPIC.decode_response(msgspec.json.encode(marked(answer, counter())))
    assert isinstance(response, GenerateResponse)
    encoded = RESPONSES.encode_response(response, CONTEXT)
    strict_responses.response(encoded.body)
    assert unaccounted(content_of(response), encoded) == []
    assert calls(again(RESPONSES, encoded)) == calls(response)


@given(bodies.answers())
def test_a_response_becomes_a_chat_answer_without_an_unnamed_loss(body: dict[str, Any]) -> None:
    response = RESPONSES.decode_response(msgspec.json.encode(marked(body, counter())))
    assert isinstance(response, GenerateResponse)
    encoded = CHAT.encode_response(response, CONTEXT)
    completion = msgspec.json.decode(encoded.body)
    # Images in an answer are OpenRouter's extension, which OpenAI's types do not have.
    completion["choices"][0]["message"].pop("images", None)
    strict.chat_completion(msgspec.json.encode(completion))
    assert unaccounted(content_of(response), encoded) == []


@given(bodies.answers())
def test_a_response_becomes_a_message_without_an_unnamed_loss(body: dict[str, Any]) -> None:
    response = RESPONSES.decode_response(msgspec.json.encode(marked(body, counter())))
    assert isinstance(response, GenerateResponse)
    encoded = ANTHROPIC.encode_response(response, CONTEXT)
    strict.message(encoded.body)
    assert unaccounted(content_of(response), encoded) == []


def again(dialect: OpenAIResponses, encoded: Encoded) -> GenerateResponse:
    response = dialect.decode_response(encoded.body)
    assert isinstance(response, GenerateResponse)
    return response


# Streams


def through(wire: bytes, data: st.DataObject, source: Any, client: Any) -> tuple[list[Any], bytes]:
    decoder, encoder = source.stream_decoder(), client.stream_encoder(CONTEXT)
    events = [event for chunk in data.draw(chunkings(wire)) for event in decoder.feed(chunk)] + decoder.close()
    if client is CHAT:
        # Annotations in chunks are what OpenAI's server sends, but its types of chunks do not have them.
        events = [event for event in events if not isinstance(event, CitationDelta)]
    return events, b"".join(encoder.send(event) for event in events) + encoder.close()


@given(openai_chat_bodies.streams, st.data())
def test_a_chat_stream_becomes_a_responses_stream_by_the_letter(wire: bytes, data: st.DataObject) -> None:
    events, written = through(wire, data, CHAT, RESPONSES)
    strict_responses.stream(written)
    told = order_responses.responses(written)
    outcome = fold(events)
    assert (told.ended == "ok") == isinstance(outcome, GenerateResponse)
    assume(isinstance(outcome, GenerateResponse))
    assert isinstance(outcome, GenerateResponse)
    assert sorted(told.text) == sorted("".join(p.text for p in outcome.parts if isinstance(p, Text)))
    assert sorted((call.name, call.arguments) for call in told.calls) == sorted(calls(outcome))


@given(anthropic_bodies.event_streams(), st.data())
def test_a_message_stream_becomes_a_responses_stream_by_the_letter(
    frames: list[bytes], data: st.DataObject
) -> None:
    events, written = through(b"".join(frames), data, ANTHROPIC, RESPONSES)
    strict_responses.stream(written)
    told = order_responses.responses(written)
    outcome = fold(events)
    assert isinstance(outcome, GenerateResponse)
    assert told.text == "".join(p.text for p in outcome.parts if isinstance(p, Text))
    assert [(call.name, call.arguments) for call in told.calls] == calls(outcome)
    assert outcome.usage is not None
    assert told.usage is not None
    assert told.usage["input_tokens"] == outcome.usage.input + outcome.usage.cache_read
    assert told.usage["input_tokens_details"]["cached_tokens"] == outcome.usage.cache_read
    assert told.usage["output_tokens"] == outcome.usage.output


@given(bodies.streams, st.data())
def test_a_responses_stream_becomes_a_chat_stream_by_the_letter(wire: bytes, data: st.DataObject) -> None:
    events, written = through(wire, data, RESPONSES, CHAT)
    strict.chat_stream(written.replace(b'"cache_creation_tokens":', b'"cache_write_tokens":'))
    outcome = fold(events)
    assume(isinstance(outcome, GenerateResponse) and regular(outcome))
    assert isinstance(outcome, GenerateResponse)
    told = order.openai_chat(written, include_usage=True)
    assert told.text == spoken(events)
    assert [(call.name, call.arguments) for call in told.calls] == calls(outcome)


@given(bodies.streams, st.data())
def test_a_responses_stream_becomes_a_message_stream_by_the_letter(wire: bytes, data: st.DataObject) -> None:
    events, written = through(wire, data, RESPONSES, ANTHROPIC)
    strict.message_stream(written)
    outcome = fold(events)
    assume(isinstance(outcome, GenerateResponse) and regular(outcome))
    assert isinstance(outcome, GenerateResponse)
    told = order.anthropic(written)
    assert [call.name for call in told.calls] == [name for name, _ in calls(outcome)]


def spoken(events: list[Any]) -> str:
    """The text in the order in which it came: a stream may go on with an earlier part, and a chat has one text."""
    shells = {event.index: event.shell for event in events if isinstance(event, PartOpened)}
    return "".join(
        event.shell.text if isinstance(event, PartOpened) else event.text
        for event in events
        if isinstance(event, (PartOpened, TextDelta)) and isinstance(shells[event.index], Text)
    )


def regular(response: GenerateResponse) -> bool:
    """Calls with ids of their own and arguments that are objects; anything else is another law's matter."""
    made = [part for part in response.parts if isinstance(part, ToolCall)]
    ids = {part.call_id for part in made}
    return len(ids) == len(made) and all(is_object(part.arguments) for part in made)


def is_object(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(text or "{}"), dict)
    except msgspec.DecodeError:
        return False
