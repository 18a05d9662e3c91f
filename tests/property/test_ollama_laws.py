"""Laws of the Ollama dialect's codec: nothing is lost within the dialect, and nothing is invented."""

from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from omniroute.dialects.base import Context, StreamDecoder
from omniroute.dialects.ndjson import LineFramer
from omniroute.dialects.ollama.dialect import Ollama
from omniroute.errors import InvalidRequest, UpstreamError
from omniroute.ir.events import ArgumentsDelta, Event, Failed, Finished, PartClosed, PartOpened, Started
from omniroute.ir.fold import Folder, fold, unfold
from omniroute.ir.parts import Reasoning, Text, ToolCall
from omniroute.ir.request import GenerateRequest, Turn
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import Target
from tests.property import ollama_bodies as bodies
from tests.property.ollama_bodies import carried
from tests.property.representation import chunkings, conversations, requests, responses, streams
from tests.support import order_ollama

OLLAMA = Ollama()
CONTEXT = Context(request_id="req_1", token="0123456789abcdef01234567", created=1, model="told")


def target(model: str = "m") -> Target:
    return Target(provider="p", model=model, dialect="ollama")


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, so that `1`, `1.0` and `true` stay different."""
    return msgspec.json.encode(value, order="deterministic")


def read(decoder: StreamDecoder, chunks: list[bytes]) -> list[Event]:
    return [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.close()


def written(events: list[Event], context: Context = CONTEXT) -> bytes:
    encoder = OLLAMA.stream_encoder(context)
    return b"".join(encoder.send(event) for event in events) + encoder.close()


@given(bodies.requests)
def test_a_request_decoded_and_encoded_again_is_the_same_json(body: dict[str, Any]) -> None:
    encoded = OLLAMA.encode_request(OLLAMA.decode_request(body), target(body["model"]))
    assert canonical(msgspec.json.decode(encoded.body)) == canonical(body)
    assert encoded.losses == ()


@given(bodies.requests)
def test_every_call_has_an_id_of_its_own_unless_the_client_repeats_one(body: dict[str, Any]) -> None:
    given_ids = [
        call["id"] for message in body["messages"] for call in message.get("tool_calls", ()) if "id" in call
    ]
    parts = [part for turn in OLLAMA.decode_request(body).turns for part in turn.parts]
    made = [part.call_id for part in parts if isinstance(part, ToolCall)]
    assert all(made)
    fresh = [call_id for call_id in made if call_id not in given_ids]
    assert len(fresh) == len(set(fresh))


@given(bodies.answers)
def test_an_answer_decoded_and_encoded_again_is_the_same_json(body: dict[str, Any]) -> None:
    response = OLLAMA.decode_response(msgspec.json.encode(body))
    assert isinstance(response, GenerateResponse)
    encoded = OLLAMA.encode_response(response, CONTEXT)
    assert canonical(msgspec.json.decode(encoded.body)) == canonical(body)
    assert encoded.losses == ()


@given(bodies.answers)
def test_a_glance_sees_what_the_decoder_sees(body: dict[str, Any]) -> None:
    raw = msgspec.json.encode(body)
    response = OLLAMA.decode_response(raw)
    assert isinstance(response, GenerateResponse)
    glance = OLLAMA.glance(raw)
    assert (glance.usage, glance.finish, glance.empty) == (response.usage, response.finish, not response.parts)


@given(st.data(), st.lists(st.binary(max_size=9).filter(lambda line: b"\n" not in line), max_size=6))
def test_any_chunking_gives_the_same_lines(data: st.DataObject, lines: list[bytes]) -> None:
    wire = b"\n".join(lines)
    assume(not wire.startswith(b"\xef\xbb\xbf"))  # a byte order mark is not part of any line
    framer = LineFramer()
    found = [line for chunk in data.draw(chunkings(wire)) for line in framer.feed(chunk)] + framer.close()
    whole = LineFramer()
    assert found == whole.feed(wire) + whole.close()
    assert [line.data for line in found if line.data] == [line.strip() for line in lines if line.strip()]


@given(st.data(), bodies.streams)
def test_any_chunking_gives_the_same_events(data: st.DataObject, wire: bytes) -> None:
    chunks = data.draw(chunkings(wire))
    assert read(OLLAMA.stream_decoder(), chunks) == read(OLLAMA.stream_decoder(), [wire])


@given(st.data(), bodies.streams)
def test_any_stream_has_one_terminal_event_and_it_is_last(data: st.DataObject, wire: bytes) -> None:
    torn = wire[: data.draw(st.integers(0, len(wire)))]
    events = read(OLLAMA.stream_decoder(), [torn])
    assert [isinstance(event, Finished | Failed) for event in events] == [False] * (len(events) - 1) + [True]
    if isinstance(events[-1], Finished):
        assert isinstance(events[0], Started)


@given(bodies.streams)
def test_every_part_that_is_opened_is_closed_in_dense_order(wire: bytes) -> None:
    events = read(OLLAMA.stream_decoder(), [wire])
    opened = [event.index for event in events if isinstance(event, PartOpened)]
    assert opened == list(range(len(opened)))
    assert [event.index for event in events if isinstance(event, PartClosed)] == opened
    folder = Folder()
    for event in events:
        folder.feed(event)
    called = [event.shell.call_id for event in events if _opens_call(event)]  # type: ignore[union-attr]
    assert len(called) == len(set(called))


def _opens_call(event: Event) -> bool:
    return isinstance(event, PartOpened) and isinstance(event.shell, ToolCall)


@given(responses())
def test_a_translated_answer_passes_the_sdks_types(response: GenerateResponse) -> None:
    encoded = OLLAMA.encode_response(response, CONTEXT)
    told = order_ollama.answer(encoded.body)
    assert [call.name for call in told.calls] == [
        part.name for part in response.parts if isinstance(part, ToolCall)
    ]
    if response.usage is not None:
        counted = {"prompt_eval_count": response.usage.input_total, "eval_count": response.usage.output}
        assert told.usage == counted


@given(streams(origin="anthropic"))
def test_a_translated_stream_passes_the_sdks_types_and_the_order(events: list[Event]) -> None:
    told = order_ollama.stream(written(events))
    assert (told.ended == "failed") == isinstance(events[-1], Failed)
    if told.ended == "ok":
        opened = [event.shell for event in events if isinstance(event, PartOpened)]
        assert [call.name for call in told.calls] == [
            shell.name for shell in opened if isinstance(shell, ToolCall)
        ]


@given(streams(origin="anthropic"))
def test_a_stream_without_its_end_still_ends(events: list[Event]) -> None:
    assert order_ollama.stream(written(events[:-1])).ended == "failed"


@given(responses(origin="ollama"))
def test_an_answer_survives_being_streamed(response: GenerateResponse) -> None:
    streamed = fold(read(OLLAMA.stream_decoder(), [written(unfold(response))]))
    whole = OLLAMA.decode_response(OLLAMA.encode_response(response, CONTEXT).body)
    assert isinstance(streamed, GenerateResponse)
    assert isinstance(whole, GenerateResponse)
    assert _said(streamed) == _said(whole)
    assert (streamed.finish, streamed.usage) == (whole.finish, whole.usage)


def _said(response: GenerateResponse) -> tuple[str, str, list[tuple[str, str]]]:
    text = "".join(part.text for part in response.parts if isinstance(part, Text))
    thought = "".join(part.text for part in response.parts if isinstance(part, Reasoning))
    calls = [(part.name, part.arguments) for part in response.parts if isinstance(part, ToolCall)]
    return text, thought, calls


@given(requests(origin="anthropic"))
def test_content_that_cannot_be_carried_is_refused_and_never_dropped(request: GenerateRequest) -> None:
    if carried(request) == request:
        OLLAMA.encode_request(request, target())
    else:
        with pytest.raises(InvalidRequest) as caught:
            OLLAMA.encode_request(request, target())
        assert (caught.value.status, caught.value.code) == (400, "unsupported_feature")


@given(requests(origin="anthropic"))
def test_a_foreign_request_keeps_its_secrets_and_says_what_it_lost(request: GenerateRequest) -> None:
    request = carried(request)
    encoded = OLLAMA.encode_request(request, target())
    for secret in (b"seal-a", b"seal-b", b"sealed-thought", b"cache_control"):
        assert secret not in encoded.body
    parts = [part for turn in request.turns for part in turn.parts]
    lost = [loss.what for loss in encoded.losses]
    assert lost.count("seal") >= sum(part.seal is not None for part in parts)
    if any(part.cache for part in parts):
        assert "cache mark" in lost
    if request.extra:
        paths = {loss.path for loss in encoded.losses}
        assert {f"extra.{name}" for name, value in request.extra.items() if value is not None} <= paths
    choice = request.tool_choice
    if choice is not None and choice.mode in ("required", "one"):
        assert any(loss.path == "tool_choice" and loss.weight == "meaning" for loss in encoded.losses)
    assert msgspec.json.decode(encoded.body)["stream"] is bool(request.stream)


@given(requests(origin="anthropic"))
def test_results_follow_their_calls_in_the_order_of_the_calls(request: GenerateRequest) -> None:
    messages = msgspec.json.decode(OLLAMA.encode_request(carried(request), target()).body)["messages"]
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            assert message["tool_name"] == waiting.pop(0)
        else:
            assert not waiting
            waiting = [call["function"]["name"] for call in message.get("tool_calls", [])]
    assert not waiting


@given(conversations(origin="anthropic"), st.sampled_from(["anthropic", "ollama"]))
def test_a_longer_conversation_starts_with_the_shorter_one(turns: tuple[Turn, ...], dialect: str) -> None:
    whole = carried(GenerateRequest(model="m", turns=turns, dialect=dialect))
    long = messages_of(whole)
    for length in range(1, len(turns)):
        if turns[length].role != "tool":
            short = messages_of(replace(whole, turns=whole.turns[:length]))
            assert long[: len(short)] == short


def messages_of(request: GenerateRequest) -> list[Any]:
    return list(msgspec.json.decode(OLLAMA.encode_request(request, target()).body)["messages"])


@given(st.data(), bodies.streams)
def test_a_tap_forwards_whole_lines_and_one_end(data: st.DataObject, wire: bytes) -> None:
    chunks = data.draw(chunkings(wire))
    tap, whole = OLLAMA.tap(include_usage=True), OLLAMA.tap(include_usage=True)
    forwarded = b"".join(tap.feed(chunk).forward for chunk in chunks) + tap.close()
    assert forwarded == whole.feed(wire).forward + whole.close()
    assert (tap.usage, tap.finish) == (whole.usage, whole.finish)
    lines = [msgspec.json.decode(line.replace(rb"\ud83d", b"")) for line in forwarded.split(b"\n")[:-1]]
    ends = [line.get("done") is True or "error" in line for line in lines]
    assert ends == [False] * (len(ends) - 1) + [True]


@given(bodies.streams)
def test_a_tap_and_the_decoder_agree(wire: bytes) -> None:
    events = read(OLLAMA.stream_decoder(), [wire])
    tap = OLLAMA.tap(include_usage=True)
    tapped = tap.feed(wire)
    match events[-1]:
        case Finished(finish=finish):
            assert tap.finish == finish
            assert tapped.terminal
        case Failed(failure=failure) if failure.kind != "cut":
            assert tapped.failure == failure
        case _:
            assert (tapped.terminal, tapped.failure, tap.finish) == (False, None, None)
    spoke = any(isinstance(event, PartOpened | Finished) for event in events)
    assert tapped.useful == (spoke or tapped.failure is not None)


@given(st.binary(max_size=40))
def test_garbage_is_the_providers_fault(body: bytes) -> None:
    for reader in (OLLAMA.decode_response, OLLAMA.glance):
        with pytest.raises(UpstreamError) as caught:
            reader(body)
        assert caught.value.kind == "protocol"
    failure = OLLAMA.decode_failure(500, {}, body)
    assert (failure.status, failure.kind) == (500, "server")
    assert failure.message


@given(streams(origin="ollama"))
def test_arguments_always_leave_as_one_object(events: list[Event]) -> None:
    said: dict[int, str] = {}
    for event in events:
        if isinstance(event, ArgumentsDelta):
            said[event.index] = said.get(event.index, "") + event.fragment
    raw = written(events)
    lines = [msgspec.json.decode(line) for line in raw.split(b"\n")[:-1]]
    sent = [
        call["function"]["arguments"]
        for line in lines
        if "message" in line
        for call in line["message"].get("tool_calls", ())
    ]
    assert all(isinstance(arguments, dict) for arguments in sent)
    texts = [arguments["_raw_arguments"] for arguments in sent if "_raw_arguments" in arguments]
    assert set(texts) <= set(said.values())
