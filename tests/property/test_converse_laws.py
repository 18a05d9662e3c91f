"""Laws of the Converse API's codec, which is spoken to providers only."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from omniroute.dialects.anthropic.dialect import Anthropic
from omniroute.dialects.base import Encoded, StreamDecoder
from omniroute.dialects.bedrock_converse.dialect import BedrockConverse
from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.errors import UpstreamError
from omniroute.ir.events import Event, Failed, Finished, PartClosed, PartOpened, Started
from omniroute.ir.fold import Folder, fold
from omniroute.ir.parts import Reasoning, ToolCall
from omniroute.ir.request import GenerateRequest, Turn
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import ModelFacts, Target
from tests.property import anthropic_bodies, converse_bodies, openai_chat_bodies
from tests.property.representation import chunkings, conversations, requests
from tests.property.test_cross_pair_laws import marked, unaccounted
from tests.support.converse_rules import check_request

CONVERSE = BedrockConverse()
MODELS = (
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "global.anthropic.claude-opus-4-6-v1",
    "amazon.nova-pro-v1:0",
    "meta.llama3-3-70b-instruct-v1:0",
)
FACTS = st.builds(
    ModelFacts,
    max_output_tokens=st.sampled_from([None, 4096, 64_000]),
    structured_output=st.sampled_from([None, True, False]),
)
targets = st.builds(
    Target,
    provider=st.just("p"),
    model=st.sampled_from(MODELS),
    dialect=st.just("bedrock_converse"),
    facts=FACTS,
)
TARGET = Target(provider="p", model=MODELS[0], dialect="bedrock_converse")


def read(chunks: list[bytes]) -> list[Event]:
    decoder: StreamDecoder = CONVERSE.stream_decoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.close()


@given(requests(origin="anthropic"), targets)
def test_every_request_keeps_the_rules_of_the_service_and_no_foreign_seal_leaves(
    request: GenerateRequest, target: Target
) -> None:
    encoded = CONVERSE.encode_request(request, target)
    check_request(msgspec.json.decode(encoded.body))
    for secret in (b"seal-a", b"seal-b", b"sealed-thought", b"reasoningContent"):
        assert secret not in encoded.body


@given(anthropic_bodies.sensible_requests(), targets)
def test_a_messages_request_arrives_without_an_unnamed_loss(body: dict[str, Any], target: Target) -> None:
    request = Anthropic().decode_request(marked(body, iter(range(10**6))))
    encoded = CONVERSE.encode_request(request, target)
    check_request(msgspec.json.decode(encoded.body))
    assert unaccounted(_nameless(request), encoded) == []


@given(openai_chat_bodies.requests, targets)
def test_a_chat_request_arrives_without_an_unnamed_loss(body: dict[str, Any], target: Target) -> None:
    request = OpenAIChat().decode_request(marked(body, iter(range(10**6))))
    encoded = CONVERSE.encode_request(request, target)
    check_request(msgspec.json.decode(encoded.body))
    assert unaccounted(_nameless(request), encoded) == []


def _nameless(request: GenerateRequest) -> GenerateRequest:
    """Names of tools and ids of calls may be written differently; they are compared elsewhere."""
    tools = tuple(replace(tool, name="") for tool in request.tools)
    choice = None if request.tool_choice is None else replace(request.tool_choice, names=())
    turns = tuple(
        replace(turn, parts=tuple(replace(p, name="") if isinstance(p, ToolCall) else p for p in turn.parts))
        for turn in request.turns
    )
    return replace(request, model="", tools=tools, tool_choice=choice, turns=turns)


@given(conversations(origin="bedrock_converse"))
def test_thinking_of_its_own_goes_back_with_its_seal(turns: tuple[Turn, ...]) -> None:
    request = GenerateRequest(model="m", turns=turns, dialect="anthropic")
    sent = msgspec.json.decode(CONVERSE.encode_request(request, TARGET).body)["messages"]
    blocks = [block["reasoningContent"] for message in sent for block in message["content"] if len(block) == 1
              and "reasoningContent" in block]  # fmt: skip
    told = [one.get("redactedContent") or one["reasoningText"]["signature"] for one in blocks]
    parts = [part for turn in turns for part in turn.parts if isinstance(part, Reasoning)]
    assert told == [part.seal for part in parts if part.seal is not None]


@given(conversations(origin="anthropic"), st.sampled_from(MODELS))
def test_a_longer_conversation_starts_with_the_shorter_one(turns: tuple[Turn, ...], model: str) -> None:
    whole = GenerateRequest(model="m", turns=turns, dialect="anthropic")
    long = _blocks(CONVERSE.encode_request(whole, replace(TARGET, model=model)))
    for length in range(1, len(turns)):
        encoded = CONVERSE.encode_request(replace(whole, turns=turns[:length]), replace(TARGET, model=model))
        # What Converse demands and nobody wrote is put in with a loss, and may be written by the next turn.
        filled = {"first user turn", "text beside a document"} & {loss.what for loss in encoded.losses}
        if not filled and turns[length].role != "tool":
            short = _blocks(encoded)
            assert long[: len(short)] == short


def _blocks(encoded: Encoded) -> list[Any]:
    """Block by block, since turns of one side that follow each other are one message."""
    messages = msgspec.json.decode(encoded.body)["messages"]
    return [(message["role"], block) for message in messages for block in message.get("content", ())]


@given(st.data(), converse_bodies.streams())
def test_any_chunking_gives_the_same_events(data: st.DataObject, frames: list[bytes]) -> None:
    wire = b"".join(frames)
    assert read(data.draw(chunkings(wire))) == read([wire])


@given(st.data(), converse_bodies.answers)
def test_a_stream_folds_to_the_whole_answer(data: st.DataObject, answer: dict[str, Any]) -> None:
    streamed = fold(read(data.draw(converse_bodies.streamed(answer))))
    whole = CONVERSE.decode_response(msgspec.json.encode(answer))
    assert streamed == whole


@given(st.data(), converse_bodies.streams())
def test_a_torn_or_broken_stream_has_one_terminal_event_and_it_is_last(
    data: st.DataObject, frames: list[bytes]
) -> None:
    wire = bytearray(b"".join(frames))
    del wire[data.draw(st.integers(0, len(wire))) :]
    if wire and data.draw(st.booleans()):
        wire[data.draw(st.integers(0, len(wire) - 1))] ^= 0x40
    events = read(data.draw(chunkings(bytes(wire))))
    assert [isinstance(event, Finished | Failed) for event in events] == [False] * (len(events) - 1) + [True]
    if isinstance(events[-1], Finished):
        assert isinstance(events[0], Started)
    folder = Folder()
    for event in events:
        folder.feed(event)
    opened = [event.index for event in events if isinstance(event, PartOpened)]
    assert opened == list(range(len(opened)))
    assert sorted(event.index for event in events if isinstance(event, PartClosed)) == opened


@given(converse_bodies.answers)
def test_an_answer_says_what_it_cost_and_why_it_ended(answer: dict[str, Any]) -> None:
    response = CONVERSE.decode_response(msgspec.json.encode(answer))
    assert isinstance(response, GenerateResponse)
    assert response.finish.raw_reason == answer["stopReason"]
    usage = answer["usage"]
    assert response.usage is not None
    assert (response.usage.input, response.usage.output) == (usage["inputTokens"], usage["outputTokens"])
    assert response.usage.cache_read == usage.get("cacheReadInputTokens", 0)
    assert response.usage.cache_write == usage.get("cacheWriteInputTokens", 0)
    assert response.extra is None


@given(st.binary(max_size=40))
def test_garbage_is_the_providers_fault(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        CONVERSE.decode_response(body)
    assert caught.value.kind == "protocol"
    failure = CONVERSE.decode_failure(500, {}, body)
    assert (failure.status, failure.kind) == (500, "server")
    assert failure.message
