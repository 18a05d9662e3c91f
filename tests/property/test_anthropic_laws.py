"""Laws of the Messages API's codec: nothing is lost within the dialect, and nothing is invented."""

import itertools
from typing import Any

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from omniroute.dialects.anthropic.dialect import Anthropic
from omniroute.dialects.anthropic.usage import encode_usage
from omniroute.dialects.base import Context, StreamDecoder, Tap
from omniroute.ir.events import (
    ArgumentsDelta,
    Event,
    Failed,
    Finished,
    PartOpened,
    ReasoningDelta,
    Started,
    UsageReported,
)
from omniroute.ir.failure import Failure
from omniroute.ir.fold import fold, unfold
from omniroute.ir.json import RawJson
from omniroute.ir.parts import Reasoning, Refusal, ToolCall
from omniroute.ir.request import GenerateRequest, Turn
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import ModelFacts, Target
from tests.property import anthropic_bodies as bodies
from tests.property.representation import (
    chunkings,
    conversations,
    json_objects,
    requests,
    responses,
    streams,
    usages,
)
from tests.support import order, strict
from tests.unit.dialects.anthropic.rules import check_request

ANTHROPIC = Anthropic()
CONTEXT = Context(request_id="req_1", token="0123456789abcdef01234567", created=1, model="claude")


def target(model: str = "claude-sonnet-4-5", **facts: Any) -> Target:
    return Target(provider="p", model=model, dialect="anthropic", facts=ModelFacts(**facts))


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, so that `1`, `1.0` and `true` stay different."""
    return msgspec.json.encode(value, order="deterministic")


def encoded(request: GenerateRequest, **facts: Any) -> dict[str, Any]:
    return msgspec.json.decode(ANTHROPIC.encode_request(request, target(**facts)).body)


def read(decoder: StreamDecoder, chunks: list[bytes]) -> list[Event]:
    return [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.close()


def written(events: list[Event]) -> bytes:
    encoder = ANTHROPIC.stream_encoder(CONTEXT)
    return b"".join(encoder.send(event) for event in events) + encoder.close()


def terminals(events: list[Event]) -> int:
    return sum(isinstance(event, Finished | Failed) for event in events)


# Requests


@given(bodies.requests)
def test_a_request_survives_its_own_dialect_exactly(body: bodies.Json) -> None:
    received = msgspec.json.decode(msgspec.json.encode(body))
    request = ANTHROPIC.decode_request(received)
    sent = ANTHROPIC.encode_request(request, target(body["model"]))
    assert sent.losses == ()
    assert canonical(msgspec.json.decode(sent.body)) == canonical(body)


@given(requests(origin=None), st.sampled_from([None, 1024, 2048, 8192, 128_000]))
def test_a_foreign_request_obeys_every_rule_of_the_api(request: GenerateRequest, cap: int | None) -> None:
    check_request(encoded(request, max_output_tokens=cap))


@given(requests(origin=None), st.randoms(use_true_random=False))
def test_even_a_shuffled_conversation_obeys_every_rule(request: GenerateRequest, random: Any) -> None:
    turns = [turn for turn in request.turns for _ in range(random.choice([0, 1, 1, 2]))]
    random.shuffle(turns)
    check_request(encoded(replace(request, turns=tuple(turns))))


@given(conversations())
def test_a_longer_conversation_starts_with_the_bytes_of_the_shorter_one(turns: tuple[Turn, ...]) -> None:
    lengths = [length for length in range(1, len(turns) + 1) if settled(turns[length - 1])]
    bodies_of = [encoded(GenerateRequest(model="m", turns=turns[:length])) for length in lengths]
    # A first turn of which nothing is left gets a stand-in, which goes when real content follows.
    assume(bodies_of[0]["messages"][0]["content"] != [STAND_IN])
    for short, long in itertools.pairwise(bodies_of):
        assert long.get("system") == short.get("system")
        assert _blocks(long)[: len(_blocks(short))] == _blocks(short)


def settled(last: Turn) -> bool:
    """Whether a conversation may stop here: past its instructions, with no call waiting for its result."""
    return last.role not in ("system", "developer") and not any(isinstance(part, ToolCall) for part in last.parts)


STAND_IN = {"type": "text", "text": "."}


def _blocks(body: dict[str, Any]) -> list[tuple[str, bytes]]:
    return [
        (message["role"], msgspec.json.encode(block))
        for message in body["messages"]
        for block in message["content"]
    ]


@given(requests(origin="openai_chat") | requests(origin=None))
def test_no_seal_is_invented_and_no_foreign_one_is_replayed(request: GenerateRequest) -> None:
    body = encoded(request)
    kinds = {block["type"] for message in body["messages"] for block in message["content"]}
    assert not kinds & {"thinking", "redacted_thinking"}


@given(conversations(origin="anthropic"))
def test_seals_remembered_for_a_foreign_client_are_replayed(turns: tuple[Turn, ...]) -> None:
    seals = [
        part.seal for turn in turns for part in turn.parts if isinstance(part, Reasoning) and part.seal is not None
    ]
    body = encoded(GenerateRequest(model="m", turns=turns, dialect="openai_chat"))
    replayed = [
        block.get("signature", block.get("data"))
        for message in body["messages"]
        for block in message["content"]
        if block["type"] in ("thinking", "redacted_thinking")
    ]
    assert [seal for seal in replayed if seal is not None] == seals


# Answers


WORDS = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "context": "model_context_window_exceeded",
    "tool_calls": "tool_use",
    "filter": "refusal",
    "pause": "pause_turn",
    "other": "brand_new",
}


@st.composite
def native_answers(draw: st.DrawFn) -> GenerateResponse:
    """An answer as this API really gives it: no refusal parts, arguments that are objects, its own words."""
    response = draw(responses(origin="anthropic"))
    parts = tuple(part for part in response.parts if not isinstance(part, Refusal))
    usage = draw(usages)
    return replace(
        response,
        id=f"msg_{response.id}",
        model=CONTEXT.model,
        parts=tuple(
            replace(part, arguments=RawJson(msgspec.json.encode(draw(json_objects)).decode()))
            if isinstance(part, ToolCall)
            else part
            for part in map(without_nulls, parts)
        ),
        finish=replace(response.finish, raw_reason=WORDS[response.finish.reason]),
        usage=replace(usage, raw=encode_usage(usage, native=False)),
    )


def without_nulls(part: Any) -> Any:
    """An unknown field that is null in an answer says nothing and is not kept."""
    extra = {name: value for name, value in (part.extra or {}).items() if value is not None}
    return replace(part, extra=extra or None)


@given(native_answers())
def test_an_answer_survives_its_own_dialect(response: GenerateResponse) -> None:
    encoded_answer = ANTHROPIC.encode_response(response, CONTEXT)
    assert encoded_answer.losses == ()
    assert ANTHROPIC.decode_response(encoded_answer.body) == response


@given(native_answers())
def test_a_streamed_answer_says_the_same_as_a_whole_one(response: GenerateResponse) -> None:
    streamed = fold(read(ANTHROPIC.stream_decoder(), [written(unfold(response))]))
    assert isinstance(streamed, GenerateResponse)
    assert streamed == response


@given(responses(origin=None))
def test_a_foreign_answer_is_a_message_by_the_letter(response: GenerateResponse) -> None:
    message = strict.message(ANTHROPIC.encode_response(response, CONTEXT).body)
    assert message["id"].startswith("msg_")
    assert all(block.get("signature", "") == "" for block in message["content"])


# Streams


@given(streams(origin=None) | streams(origin="anthropic"))
def test_every_stream_is_written_by_the_letter_and_in_order(events: list[Event]) -> None:
    assume(_arguments_parse(events))
    raw = written([_known_fields_only(event) for event in events])
    strict.message_stream(raw)
    told = order.anthropic(raw)
    assert (told.ended == "failed") == isinstance(events[-1], Failed)


def _known_fields_only(event: Event) -> Event:
    return replace(event, shell=replace(event.shell, extra=None)) if isinstance(event, PartOpened) else event


def _arguments_parse(events: list[Event]) -> bool:
    """The order machine wants arguments that are objects, and calls only where the finish says so."""
    fragments: dict[int, str] = {}
    called = False
    for event in events:
        if isinstance(event, ArgumentsDelta):
            fragments[event.index] = fragments.get(event.index, "") + event.fragment
        called = called or (isinstance(event, PartOpened) and isinstance(event.shell, ToolCall))
        if isinstance(event, Finished) and event.finish.reason == "tool_calls" and not called:
            return False
    return all(text.startswith("{") and text.endswith("}") for text in fragments.values())


@given(streams(origin=None), st.data())
def test_a_stream_cut_anywhere_ends_in_exactly_one_error_event(events: list[Event], data: st.DataObject) -> None:
    kept = data.draw(st.integers(0, len(events) - 1))
    raw = written(events[:kept])
    assert raw.count(b"event: error\n") == 1
    assert raw.rstrip().rpartition(b"\n\n")[2].startswith(b"event: error\n")


@given(streams(origin=None))
def test_text_and_thinking_and_calls_arrive_whole_in_spite_of_interleaving(events: list[Event]) -> None:
    outcome = fold(events)
    assume(isinstance(outcome, GenerateResponse))
    again = fold(read(ANTHROPIC.stream_decoder(), [written(events)]))
    assert isinstance(outcome, GenerateResponse)
    assert isinstance(again, GenerateResponse)
    for kind, field in ((ToolCall, "arguments"), (Reasoning, "text")):
        said, heard = (
            sorted(getattr(part, field) for part in one.parts if isinstance(part, kind))
            for one in (outcome, again)
        )
        assert "".join(sorted("".join(heard))) == "".join(sorted("".join(said)))
    assert [part.call_id for part in again.parts if isinstance(part, ToolCall)] == [
        part.call_id for part in outcome.parts if isinstance(part, ToolCall)
    ]


@given(bodies.event_streams(), st.data())
def test_any_chunking_gives_the_same_events(frames: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(frames)
    chunks = data.draw(chunkings(whole))
    assert read(ANTHROPIC.stream_decoder(), chunks) == read(ANTHROPIC.stream_decoder(), [whole])


@given(bodies.event_streams(), st.data())
def test_damaged_streams_start_once_and_end_once(frames: list[bytes], data: st.DataObject) -> None:
    mangled = data.draw(st.lists(st.sampled_from([*frames, *GARBAGE]), max_size=12))
    raw = b"".join(mangled)
    cut = data.draw(st.integers(0, len(raw)))
    events = read(ANTHROPIC.stream_decoder(), [raw[:cut]])
    assert terminals(events) == 1
    assert isinstance(events[-1], Finished | Failed)
    assert sum(isinstance(event, Started) for event in events) <= 1
    assert isinstance(fold(events), GenerateResponse | Failure)


GARBAGE = [
    b"data: {not json\n\n",
    b"data: [DONE]\n\n",
    b"data: null\n\n",
    b"event: keepalive\n\n",
    b"<html>bad gateway</html>\n\n",
    b'data: {"type":"content_block_delta","index":9,"delta":{"type":"text_delta","text":"x"}}\n\n',
    b'data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use"}}\n\n',
    b'data: {"type":"message_delta","delta":null,"usage":null}\n\n',
]


@given(bodies.event_streams())
def test_a_stream_decodes_and_encodes_to_the_same_meaning(frames: list[bytes]) -> None:
    once = read(ANTHROPIC.stream_decoder(), frames)
    twice = read(ANTHROPIC.stream_decoder(), [written(once)])
    first, second = fold(once), fold(twice)
    assert isinstance(first, GenerateResponse)
    assert isinstance(second, GenerateResponse)
    assert [part for part in second.parts if part.extra is None] == [
        part for part in first.parts if part.extra is None and not _blank(part)
    ]
    assert second.finish == first.finish
    assert second.usage == first.usage


def _blank(part: Any) -> bool:
    return getattr(part, "text", None) == "" and part.seal is None and not getattr(part, "citations", ())


# The tap


@given(bodies.event_streams(), st.data())
def test_a_tap_forwards_every_byte_and_reads_what_the_decoder_reads(
    frames: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(frames)
    tap = ANTHROPIC.tap(include_usage=True)
    forwarded = tapped(tap, data.draw(chunkings(whole)))
    assert b"".join(forwarded) == whole
    assert all(piece.endswith(b"\n\n") for piece in forwarded if piece), "whole frames only"
    assert tap.close() == b""
    events = read(ANTHROPIC.stream_decoder(), [whole])
    assert isinstance(events[-1], Finished)
    assert tap.finish == events[-1].finish
    assert tap.usage == [event.usage for event in events if isinstance(event, UsageReported)][-1]


@given(bodies.event_streams(), st.data())
def test_a_tapped_stream_that_is_cut_ends_in_an_error_event_or_complete(
    frames: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(frames)
    cut = data.draw(st.integers(0, len(whole) - 1))
    tap = ANTHROPIC.tap(include_usage=True)
    raw = b"".join(tapped(tap, data.draw(chunkings(whole[:cut])))) + tap.close()
    decoded = read(ANTHROPIC.stream_decoder(), [whole[:cut]])
    last = raw.rstrip().rpartition(b"\n\n")[2]
    if isinstance(decoded[-1], Finished):
        assert last.startswith(b"event: message_stop\n")
    else:
        assert last.startswith(b"event: error\n")
    assert raw.count(b"event: error\n") + raw.count(b"event: message_stop\n") == 1


@given(bodies.event_streams())
def test_a_stream_is_useful_only_once_it_shows_something(frames: list[bytes]) -> None:
    tap = ANTHROPIC.tap(include_usage=True)
    decoder = ANTHROPIC.stream_decoder()
    shown = False
    for frame in frames:
        shown = shown or any(_shows(event) for event in decoder.feed(frame))
        assert tap.feed(frame).useful == shown


def _shows(event: Event) -> bool:
    match event:
        case PartOpened(shell=shell):
            return isinstance(shell, ToolCall) or getattr(shell, "redacted", False) or hasattr(shell, "data")
        case ReasoningDelta(text=text, seal=seal):
            return bool(text or seal)
        case Finished():
            return True
        case _:
            return bool(
                getattr(event, "text", None)
                or getattr(event, "fragment", None)
                or getattr(event, "citation", None)
            )


def tapped(tap: Tap, chunks: list[bytes]) -> list[bytes]:
    return [tap.feed(chunk).forward for chunk in chunks]
