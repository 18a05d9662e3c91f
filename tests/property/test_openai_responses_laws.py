"""Laws of the Responses dialect's codec: nothing is lost within the dialect, and nothing is invented."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from omniroute.dialects.base import Context, StreamDecoder
from omniroute.dialects.openai_responses.dialect import OpenAIResponses
from omniroute.errors import UpstreamError
from omniroute.ir.events import Event, Failed, Finished, PartClosed, PartOpened, Started, UsageReported
from omniroute.ir.fold import Folder, fold, unfold
from omniroute.ir.parts import Reasoning, Refusal, Text, ToolCall
from omniroute.ir.request import GenerateRequest, Turn
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import Target
from tests.property import openai_responses_bodies as bodies
from tests.property.representation import chunkings, conversations, requests, responses, streams
from tests.support import order_responses, strict_responses

RESPONSES = OpenAIResponses()
CONTEXT = Context(request_id="req_1", token="tok", created=1, model="told")
NAME = "openai_responses"


def target(model: str = "m") -> Target:
    return Target(provider="p", model=model, dialect=NAME)


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, so that `1`, `1.0` and `true` stay different."""
    return msgspec.json.encode(value, order="deterministic")


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def read(decoder: StreamDecoder, chunks: list[bytes]) -> list[Event]:
    return [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.close()


def written(events: list[Event], context: Context = CONTEXT) -> bytes:
    encoder = RESPONSES.stream_encoder(context)
    return b"".join(encoder.send(event) for event in events) + encoder.close()


@given(bodies.requests)
def test_a_request_decoded_and_encoded_again_is_the_same_json(body: dict[str, Any]) -> None:
    request = RESPONSES.decode_request(body)
    encoded = RESPONSES.encode_request(request, target(body["model"]))
    assert canonical(msgspec.json.decode(encoded.body)) == canonical(body)
    assert encoded.losses == ()


@given(bodies.answers())
def test_an_answer_decoded_and_encoded_again_is_the_same_json(body: dict[str, Any]) -> None:
    response = RESPONSES.decode_response(msgspec.json.encode(body))
    assert isinstance(response, GenerateResponse)
    encoded = RESPONSES.encode_response(response, CONTEXT)
    assert canonical(without_nulls(msgspec.json.decode(encoded.body))) == canonical(without_nulls(body))
    assert encoded.losses == ()


@given(bodies.answers())
def test_a_glance_sees_what_the_decoder_sees(body: dict[str, Any]) -> None:
    raw = msgspec.json.encode(body)
    response = RESPONSES.decode_response(raw)
    assert isinstance(response, GenerateResponse)
    glance = RESPONSES.glance(raw)
    assert (glance.usage, glance.finish, glance.empty) == (response.usage, response.finish, not response.parts)


@given(bodies.answers())
def test_an_answer_and_its_stream_say_the_same(body: dict[str, Any]) -> None:
    response = RESPONSES.decode_response(msgspec.json.encode(body))
    assert isinstance(response, GenerateResponse)
    raw = written(unfold(response))
    streamed = fold(read(RESPONSES.stream_decoder(), [raw]))
    assert streamed == response
    last = msgspec.json.decode(raw.rstrip().rpartition(b"data: ")[2])["response"]
    assert last == msgspec.json.decode(RESPONSES.encode_response(response, CONTEXT).body)


@given(st.data(), bodies.streams)
def test_any_chunking_gives_the_same_events(data: st.DataObject, wire: bytes) -> None:
    chunks = data.draw(chunkings(wire))
    assert read(RESPONSES.stream_decoder(), chunks) == read(RESPONSES.stream_decoder(), [wire])


@given(st.data(), bodies.streams)
def test_any_stream_has_one_terminal_event_and_it_is_last(data: st.DataObject, wire: bytes) -> None:
    torn = wire[: data.draw(st.integers(0, len(wire)))]
    events = read(RESPONSES.stream_decoder(), [torn])
    assert [isinstance(event, Finished | Failed) for event in events] == [False] * (len(events) - 1) + [True]
    if isinstance(events[-1], Finished):
        assert isinstance(events[0], Started)


@given(bodies.streams)
def test_every_part_that_is_opened_is_closed_in_dense_order(wire: bytes) -> None:
    events = read(RESPONSES.stream_decoder(), [wire])
    opened = [event.index for event in events if isinstance(event, PartOpened)]
    assert opened == list(range(len(opened)))
    assert sorted(event.index for event in events if isinstance(event, PartClosed)) == opened
    folder = Folder()
    for event in events:
        folder.feed(event)


@given(bodies.streams)
def test_a_stream_read_twice_over_says_its_end_once(wire: bytes) -> None:
    events = read(RESPONSES.stream_decoder(), [wire, wire])
    assert sum(isinstance(event, Finished | Failed) for event in events) == 1


@given(bodies.streams)
def test_whatever_came_in_what_goes_out_keeps_the_protocols_order(wire: bytes) -> None:
    events = [event for event in read(RESPONSES.stream_decoder(), [wire]) if not _is_whole(event)]
    order_responses.responses(written(_numbered(events)))


@given(responses())
def test_a_translated_answer_passes_the_sdks_types(response: GenerateResponse) -> None:
    strict_responses.response(RESPONSES.encode_response(response, CONTEXT).body)


@given(streams(origin="anthropic"))
def test_a_translated_stream_passes_the_sdks_types_and_the_order(events: list[Event]) -> None:
    raw = written(events)
    told = order_responses.responses(raw)
    assert (told.ended == "failed") == isinstance(events[-1], Failed)
    strict_responses.stream(raw)
    outcome = fold(events)
    if isinstance(outcome, GenerateResponse):
        assert sorted(told.text) == sorted("".join(part.text for part in outcome.parts if isinstance(part, Text)))
        said = [(call.call_id, call.name, call.arguments) for call in told.calls]
        calls = [(part.call_id, part.name, part.arguments) for part in outcome.parts if isinstance(part, ToolCall)]
        assert sorted(said) == sorted(calls)


@given(streams(origin="anthropic"))
def test_a_stream_without_its_end_still_ends(events: list[Event]) -> None:
    assert order_responses.responses(written(events[:-1])).ended == "failed"


@given(responses(origin=NAME))
def test_an_answer_survives_being_streamed(response: GenerateResponse) -> None:
    streamed = fold(read(RESPONSES.stream_decoder(), [written(unfold(response))]))
    whole = RESPONSES.decode_response(RESPONSES.encode_response(response, CONTEXT).body)
    assert streamed == whole


@given(streams(origin="anthropic"))
def test_no_seal_is_invented_and_none_of_another_vendor_is_shown(events: list[Event]) -> None:
    raw = written(events)
    assert b"seal" not in raw
    assert b"encrypted_content" not in raw


@given(requests(origin="anthropic"))
def test_a_foreign_request_keeps_its_secrets_and_says_what_it_lost(request: GenerateRequest) -> None:
    encoded = RESPONSES.encode_request(request, target())
    for secret in (b"seal-a", b"seal-b", b"sealed-thought", b"cache_control", b"encrypted_content"):
        assert secret not in encoded.body
    parts = [part for turn in request.turns for part in turn.parts]
    thoughts = sum(isinstance(part, Reasoning) for part in parts)
    assert sum(loss.what == "reasoning" for loss in encoded.losses) == thoughts
    if any(tool.cache for tool in request.tools) or any(part.cache for part in parts):
        assert any(loss.what == "cache mark" for loss in encoded.losses)
    if request.extra:
        paths = {loss.path for loss in encoded.losses}
        assert {f"extra.{name}" for name, value in request.extra.items() if value is not None} <= paths


@given(requests(origin="anthropic"))
def test_every_call_of_a_foreign_request_is_answered_before_anything_else(request: GenerateRequest) -> None:
    items = msgspec.json.decode(RESPONSES.encode_request(request, target()).body)["input"]
    waiting: list[str] = []
    for item in items:
        if item["type"] == "function_call":
            waiting.append(item["call_id"])
        elif item["type"] == "function_call_output":
            waiting.remove(item["call_id"])
        else:
            assert not waiting
    assert not waiting


@given(conversations(origin="anthropic"), st.sampled_from(["anthropic", NAME]))
def test_a_longer_conversation_starts_with_the_shorter_one(turns: tuple[Turn, ...], dialect: str) -> None:
    whole = GenerateRequest(model="m", turns=turns, dialect=dialect)
    long = RESPONSES.encode_request(whole, target()).body
    leading = next(index for index, turn in enumerate(turns) if turn.role != "system")
    for length in range(leading + 1, len(turns)):
        if turns[length].role == "tool":
            continue
        encoded = RESPONSES.encode_request(replace(whole, turns=turns[:length]), target())
        if any(loss.what == "first user turn" for loss in encoded.losses):
            continue
        if leading and b'"instructions":' not in encoded.body:
            # Instructions are the question for as long as nothing else is asked.
            continue
        short = encoded.body.removesuffix(b',"store":false}').removesuffix(b"}").removesuffix(b"]")
        if not short.endswith(b'"') or b'"input":"' not in short:
            assert long.startswith(short)


@given(bodies.requests)
def test_a_longer_input_of_a_native_client_starts_with_the_shorter_one(body: dict[str, Any]) -> None:
    """Also when the decoded request is encoded again."""
    if isinstance(body["input"], str):
        body = {**body, "input": [{"role": "user", "content": body["input"]}]}
    longer = {**body, "input": [*body["input"], {"role": "user", "content": "more"}]}
    items = [
        msgspec.json.decode(RESPONSES.encode_request(RESPONSES.decode_request(one), target()).body)["input"]
        for one in (body, longer)
    ]
    assert items[1][: len(items[0])] == items[0]


@given(st.data(), bodies.streams)
def test_a_tap_forwards_whole_frames_and_one_end(data: st.DataObject, wire: bytes) -> None:
    chunks = data.draw(chunkings(wire))
    tap, whole = RESPONSES.tap(include_usage=True), RESPONSES.tap(include_usage=True)
    told = [tap.feed(chunk) for chunk in chunks]
    forwarded = b"".join(one.forward for one in told) + tap.close()
    assert forwarded == whole.feed(wire).forward + whole.close()
    assert (tap.usage, tap.finish) == (whole.usage, whole.finish)
    assert sum(one.terminal and bool(one.forward) for one in told) <= 1
    assert tap.close() == b""


@given(bodies.streams)
def test_a_tap_and_the_decoder_agree(wire: bytes) -> None:
    events = read(RESPONSES.stream_decoder(), [wire])
    tap = RESPONSES.tap(include_usage=True)
    tapped = tap.feed(wire)
    owed = tap.close()
    match events[-1]:
        case Finished(finish=finish):
            assert tap.finish is not None
            assert tap.finish.raw_reason == finish.raw_reason
            assert tapped.terminal or owed
        case Failed(failure=failure):
            assert tap.finish is None
            assert (tapped.failure is None) == (failure.kind == "cut" or not tapped.terminal)
        case _:
            raise AssertionError(events[-1])


@given(st.binary(max_size=40))
def test_garbage_is_the_providers_fault(body: bytes) -> None:
    for reader in (RESPONSES.decode_response, RESPONSES.glance):
        if not body.lstrip().startswith((b"data:", b"event:", b":")):
            with pytest.raises(UpstreamError) as caught:
                reader(body)
            assert caught.value.kind == "protocol"
    failure = RESPONSES.decode_failure(500, {}, body)
    assert (failure.status, failure.kind) == (500, "server")


def _is_whole(event: Event) -> bool:
    """An item or an element of no known type: its provider's own words, of which no order can be asked."""
    return isinstance(event, PartOpened) and not isinstance(event.shell, Text | Refusal | Reasoning | ToolCall)


def _numbered(events: list[Event]) -> list[Event]:
    """Without what belongs to parts that were left out, without events that nobody knows, and with sums that add
    up, which those of a provider need not."""
    known = {event.index for event in events if isinstance(event, PartOpened)}
    kept: list[Event] = []
    for event in events:
        if isinstance(event, UsageReported):
            event = UsageReported(usage=replace(event.usage, raw=None))
        index = getattr(event, "index", None)
        if (index is None or index in known) and type(event).__name__ != "Opaque":
            kept.append(event)
    return kept
