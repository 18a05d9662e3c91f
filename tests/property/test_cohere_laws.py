"""Laws of the codec for Cohere's chat API, which is spoken to providers only."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from omniroute.dialects.anthropic.dialect import Anthropic
from omniroute.dialects.base import Encoded
from omniroute.dialects.cohere.dialect import Cohere
from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.errors import UpstreamError
from omniroute.ir.events import Event, Failed, Finished, PartClosed, PartOpened, Started
from omniroute.ir.failure import Failure
from omniroute.ir.fold import Folder, fold
from omniroute.ir.request import GenerateRequest, Turn
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import Target
from tests.property import anthropic_bodies, cohere_bodies, openai_chat_bodies
from tests.property.representation import chunkings, conversations, requests
from tests.property.test_cross_pair_laws import marked, unaccounted
from tests.support.cohere_rules import check_request

COHERE = Cohere()
MODELS = ("command-a-03-2025", "command-a-reasoning-08-2025")
targets = st.builds(Target, provider=st.just("p"), model=st.sampled_from(MODELS), dialect=st.just("cohere"))


def read(chunks: list[bytes]) -> list[Event]:
    decoder = COHERE.stream_decoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.close()


@given(requests(origin="anthropic"), targets)
def test_every_request_keeps_the_shape_of_the_api_and_no_seal_leaves(
    request: GenerateRequest, target: Target
) -> None:
    encoded = COHERE.encode_request(request, target)
    check_request(msgspec.json.decode(encoded.body))
    for secret in (b"seal-a", b"seal-b", b"sealed-thought"):
        assert secret not in encoded.body
    seals = sum(part.seal is not None for turn in request.turns for part in turn.parts)
    lost = [loss for loss in encoded.losses if loss.what in ("seal", "thinking without words")]
    assert len(lost) >= seals


@given(anthropic_bodies.sensible_requests(), targets)
def test_a_messages_request_arrives_without_an_unnamed_loss(body: dict[str, Any], target: Target) -> None:
    request = Anthropic().decode_request(marked(body, iter(range(10**6))))
    encoded = COHERE.encode_request(request, target)
    check_request(msgspec.json.decode(encoded.body))
    assert unaccounted(replace(request, model="", tool_choice=None), encoded) == []


@given(openai_chat_bodies.requests, targets)
def test_a_chat_request_arrives_without_an_unnamed_loss(body: dict[str, Any], target: Target) -> None:
    request = OpenAIChat().decode_request(marked(body, iter(range(10**6))))
    encoded = COHERE.encode_request(request, target)
    check_request(msgspec.json.decode(encoded.body))
    assert unaccounted(replace(request, model="", tool_choice=None), encoded) == []


@given(conversations(origin="anthropic"), targets)
def test_a_longer_conversation_starts_with_the_shorter_one(turns: tuple[Turn, ...], target: Target) -> None:
    whole = GenerateRequest(model="m", turns=turns, dialect="anthropic")
    long = _blocks(COHERE.encode_request(whole, target))
    for length in range(1, len(turns)):
        encoded = COHERE.encode_request(replace(whole, turns=turns[:length]), target)
        begun = not any(loss.what == "first user turn" for loss in encoded.losses)
        if begun and turns[length].role != "tool":
            short = _blocks(encoded)
            if any(loss.what == "text of a turn that only thought" for loss in encoded.losses):
                # Should the user's next turn vanish, the assistant's next words take the place of the stand-in.
                short = short[:-1] if short[-1] == ("assistant", {"type": "text", "text": "."}) else short
            assert long[: len(short)] == short


def _blocks(encoded: Encoded) -> list[Any]:
    """Block by block, since turns of one side that follow each other are one message."""
    messages = msgspec.json.decode(encoded.body)["messages"]
    return [(message["role"], block) for message in messages for block in message.get("content", ())]


@given(st.data(), cohere_bodies.streams())
def test_any_chunking_gives_the_same_events(data: st.DataObject, wire: bytes) -> None:
    assert read(data.draw(chunkings(wire))) == read([wire])


@given(st.data(), cohere_bodies.answers())
def test_a_stream_folds_to_the_whole_answer(data: st.DataObject, answer: dict[str, Any]) -> None:
    streamed = fold(read(data.draw(cohere_bodies.streamed(answer))))
    whole = COHERE.decode_response(msgspec.json.encode(answer))
    if isinstance(whole, Failure):
        assert isinstance(streamed, Failure)
        assert replace(streamed, raw=None) == replace(whole, raw=None)
    else:
        assert streamed == whole


@given(st.data(), cohere_bodies.streams())
def test_any_stream_has_one_terminal_event_and_it_is_last(data: st.DataObject, wire: bytes) -> None:
    torn = wire[: data.draw(st.integers(0, len(wire)))]
    events = read(data.draw(chunkings(torn)))
    assert [isinstance(event, Finished | Failed) for event in events] == [False] * (len(events) - 1) + [True]
    if isinstance(events[-1], Finished):
        assert isinstance(events[0], Started)
    folder = Folder()
    for event in events:
        folder.feed(event)
    opened = [event.index for event in events if isinstance(event, PartOpened)]
    assert opened == list(range(len(opened)))
    assert [event.index for event in events if isinstance(event, PartClosed)] == opened


@given(cohere_bodies.answers())
def test_an_answer_says_what_is_billed(answer: dict[str, Any]) -> None:
    response = COHERE.decode_response(msgspec.json.encode(answer))
    if isinstance(response, GenerateResponse):
        billed = answer["usage"]["billed_units"]
        assert response.usage is not None
        assert (response.usage.input_total, response.usage.output) == (
            billed["input_tokens"],
            billed["output_tokens"],
        )
    else:
        assert answer["finish_reason"] in ("ERROR", "TIMEOUT")


@given(st.binary(max_size=40))
def test_garbage_is_the_providers_fault(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        COHERE.decode_response(body)
    assert caught.value.kind == "protocol"
    failure = COHERE.decode_failure(500, {}, body)
    assert (failure.status, failure.kind) == (500, "server")
    assert failure.message
