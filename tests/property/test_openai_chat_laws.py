"""Laws of the chat dialect's codec: nothing is lost within the dialect, and nothing is invented."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from omniroute.dialects.base import Context, StreamDecoder
from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.errors import UpstreamError
from omniroute.ir.events import ArgumentsDelta, Event, Failed, Finished, PartClosed, PartOpened, Started
from omniroute.ir.fold import Folder, fold, unfold
from omniroute.ir.parts import Reasoning, Text, ToolCall
from omniroute.ir.request import GenerateRequest, Turn
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import Target
from tests.property import openai_chat_bodies as bodies
from tests.property.representation import chunkings, conversations, requests, responses, streams
from tests.support import order, strict

CHAT = OpenAIChat()
CONTEXT = Context(request_id="req_1", token="0123456789abcdef01234567", created=1, model="told")


def target(*quirks: str, model: str = "m") -> Target:
    return Target(provider="p", model=model, dialect="openai_chat", quirks=quirks)


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
    encoder = CHAT.stream_encoder(context)
    return b"".join(encoder.send(event) for event in events) + encoder.close()


def keeping_reasoning(body: dict[str, Any]) -> dict[str, Any]:
    """Calls without thinking get the empty one, which targets that want thinking back insist on."""
    messages = [
        {**message, "reasoning_content": message.get("reasoning_content", "")}
        if message.get("tool_calls")
        else message
        for message in body["messages"]
    ]
    return {**body, "messages": messages}


@given(bodies.requests)
def test_a_request_decoded_and_encoded_again_is_the_same_json(body: dict[str, Any]) -> None:
    request = CHAT.decode_request(body)
    encoded = CHAT.encode_request(replace(request), target("replay_reasoning_content", model=body["model"]))
    expected = keeping_reasoning(body)
    if body.get("stream"):
        expected["stream_options"] = {"include_usage": True}
    assert canonical(msgspec.json.decode(encoded.body)) == canonical(expected)
    assert {loss.how for loss in encoded.losses} <= {"added"}


@given(bodies.requests)
def test_thinking_is_the_only_thing_a_plain_target_does_not_get(body: dict[str, Any]) -> None:
    encoded = CHAT.encode_request(CHAT.decode_request(body), target())
    dropped = [loss for loss in encoded.losses if loss.how == "dropped"]
    thoughts = [
        message for message in body["messages"] if message.get("reasoning_content") or message.get("reasoning")
    ]
    assert len(dropped) == len(thoughts)
    assert b'"reasoning_content"' not in encoded.body
    assert {loss.what for loss in dropped} <= {"reasoning"}


@given(bodies.answers)
def test_an_answer_decoded_and_encoded_again_is_the_same_json(body: dict[str, Any]) -> None:
    response = CHAT.decode_response(msgspec.json.encode(body))
    assert isinstance(response, GenerateResponse)
    encoded = CHAT.encode_response(response, CONTEXT)
    assert canonical(without_nulls(msgspec.json.decode(encoded.body))) == canonical(without_nulls(body))
    assert encoded.losses == ()


@given(bodies.answers)
def test_a_glance_sees_what_the_decoder_sees(body: dict[str, Any]) -> None:
    raw = msgspec.json.encode(body)
    response = CHAT.decode_response(raw)
    assert isinstance(response, GenerateResponse)
    glance = CHAT.glance(raw)
    usage = None if response.usage is None else replace(response.usage, raw=None)
    assert (glance.usage, glance.finish, glance.empty) == (usage, response.finish, not response.parts)


@given(st.data(), bodies.streams)
def test_any_chunking_gives_the_same_events(data: st.DataObject, wire: bytes) -> None:
    chunks = data.draw(chunkings(wire))
    assert read(CHAT.stream_decoder(), chunks) == read(CHAT.stream_decoder(), [wire])


@given(st.data(), bodies.streams)
def test_any_stream_has_one_terminal_event_and_it_is_last(data: st.DataObject, wire: bytes) -> None:
    torn = wire[: data.draw(st.integers(0, len(wire)))]
    events = read(CHAT.stream_decoder(), [torn])
    assert [isinstance(event, Finished | Failed) for event in events] == [False] * (len(events) - 1) + [True]
    if isinstance(events[-1], Finished):
        assert isinstance(events[0], Started)


@given(bodies.streams)
def test_every_part_that_is_opened_is_closed_in_dense_order(wire: bytes) -> None:
    events = read(CHAT.stream_decoder(), [wire])
    opened = [event.index for event in events if isinstance(event, PartOpened)]
    assert opened == list(range(len(opened)))
    assert sorted(event.index for event in events if isinstance(event, PartClosed)) == opened
    folder = Folder()
    for event in events:
        folder.feed(event)


@given(bodies.streams)
def test_whatever_came_in_what_goes_out_keeps_the_protocols_order(wire: bytes) -> None:
    context = replace(CONTEXT, include_usage=True)
    events = read(CHAT.stream_decoder(), [wire])
    order.openai_chat(written(_with_regular_calls(events), context), include_usage=True)


@given(responses())
def test_a_translated_answer_passes_the_sdks_types(response: GenerateResponse) -> None:
    strict.chat_completion(_known_fields_only(CHAT.encode_response(response, CONTEXT).body))


@given(streams(origin="anthropic"), st.booleans())
def test_a_translated_stream_passes_the_sdks_types_and_the_order(events: list[Event], include_usage: bool) -> None:
    raw = written(_with_regular_calls(events), replace(CONTEXT, include_usage=include_usage))
    told = order.openai_chat(raw, include_usage=include_usage)
    assert (told.ended == "failed") == isinstance(events[-1], Failed)
    strict.chat_stream(_known_fields_only(raw))


@given(streams(origin="anthropic"))
def test_a_stream_without_its_end_still_ends(events: list[Event]) -> None:
    told = order.openai_chat(written(_with_regular_calls(events[:-1])))
    assert told.ended == "failed"


@given(responses(origin="openai_chat"))
def test_an_answer_survives_being_streamed(response: GenerateResponse) -> None:
    streamed = fold(read(CHAT.stream_decoder(), [written(unfold(response), replace(CONTEXT, include_usage=True))]))
    whole = CHAT.decode_response(CHAT.encode_response(response, CONTEXT).body)
    assert isinstance(streamed, GenerateResponse)
    assert isinstance(whole, GenerateResponse)
    assert _said(streamed) == _said(whole)
    assert streamed.finish == whole.finish


@given(requests(origin="anthropic"))
def test_a_foreign_request_keeps_its_secrets_and_says_what_it_lost(request: GenerateRequest) -> None:
    encoded = CHAT.encode_request(request, target("replay_reasoning_content"))
    for secret in (b"seal-a", b"seal-b", b"sealed-thought", b"cache_control"):
        assert secret not in encoded.body
    parts = [part for turn in request.turns for part in turn.parts]
    seals = sum(part.seal is not None for part in parts)
    assert sum(loss.what in ("seal", "redacted reasoning") for loss in encoded.losses) >= seals
    if any(tool.cache for tool in request.tools) or any(part.cache for part in parts):
        assert any(loss.what == "cache mark" for loss in encoded.losses)
    if request.extra:
        paths = {loss.path for loss in encoded.losses}
        assert {f"extra.{name}" for name, value in request.extra.items() if value is not None} <= paths


@given(requests(origin="anthropic"))
def test_every_call_of_a_foreign_request_is_answered_before_anything_else(request: GenerateRequest) -> None:
    messages = msgspec.json.decode(CHAT.encode_request(request, target()).body)["messages"]
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            waiting.remove(message["tool_call_id"])
        else:
            assert not waiting
            waiting = [call["id"] for call in message.get("tool_calls", [])]
    assert not waiting


@given(conversations(origin="anthropic"), st.sampled_from(["anthropic", "openai_chat"]))
def test_a_longer_conversation_starts_with_the_shorter_one(turns: tuple[Turn, ...], dialect: str) -> None:
    whole = GenerateRequest(model="m", turns=turns, dialect=dialect)
    long = CHAT.encode_request(whole, target()).body
    for length in range(1, len(turns)):
        if turns[length].role == "tool":
            continue
        short = CHAT.encode_request(replace(whole, turns=turns[:length]), target()).body
        assert long.startswith(short.removesuffix(b"]}"))


@given(st.data(), bodies.streams, st.booleans())
def test_a_tap_forwards_the_frames_it_does_not_withhold(
    data: st.DataObject, wire: bytes, include_usage: bool
) -> None:
    chunks = data.draw(chunkings(wire))
    tap = CHAT.tap(include_usage=include_usage)
    whole = CHAT.tap(include_usage=include_usage)
    forwarded = b"".join(tap.feed(chunk).forward for chunk in chunks) + tap.close()
    assert forwarded == whole.feed(wire).forward + whole.close()
    assert (tap.usage, tap.finish) == (whole.usage, whole.finish)
    assert forwarded.endswith(b"data: [DONE]\n\n")
    assert forwarded.count(b"data: [DONE]\n\n") == 1


@given(bodies.streams)
def test_a_tap_and_the_decoder_agree(wire: bytes) -> None:
    events = read(CHAT.stream_decoder(), [wire])
    tap = CHAT.tap(include_usage=True)
    failed = tap.feed(wire).failure is not None
    tap.close()
    match events[-1]:
        case Finished(finish=finish) if finish.raw_reason is not None and tap.finish is not None:
            assert tap.finish.raw_reason == finish.raw_reason
        case Failed(failure=failure):
            assert failed == (failure.kind != "cut")
        case _:
            pass


@given(st.binary(max_size=40))
def test_garbage_is_the_providers_fault(body: bytes) -> None:
    for reader in (CHAT.decode_response, CHAT.glance):
        if not body.lstrip().startswith((b"data:", b"event:", b":")):
            with pytest.raises(UpstreamError) as caught:
                reader(body)
            assert caught.value.kind == "protocol"
    failure = CHAT.decode_failure(500, {}, body)
    assert (failure.status, failure.kind) == (500, "server")


def _said(response: GenerateResponse) -> tuple[str, str, list[tuple[str, str, str]]]:
    text = "".join(part.text for part in response.parts if isinstance(part, Text))
    thought = "".join(part.text for part in response.parts if isinstance(part, Reasoning))
    calls = [(part.call_id, part.name, part.arguments) for part in response.parts if isinstance(part, ToolCall)]
    return text, thought, calls


def _with_regular_calls(events: list[Event]) -> list[Event]:
    """A server that uses one id for two calls, or sends arguments that are no object, is another law's matter."""
    said: dict[int, str] = {}
    for event in events:
        if isinstance(event, ArgumentsDelta):
            said[event.index] = said.get(event.index, "") + event.fragment
    regular = {index for index, arguments in said.items() if _is_object(arguments)}
    return [
        replace(event, shell=replace(event.shell, call_id=f"call_{event.index}"))
        if isinstance(event, PartOpened) and isinstance(event.shell, ToolCall)
        else event
        for event in events
        if not isinstance(event, ArgumentsDelta) or event.index in regular
    ]


def _is_object(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except msgspec.DecodeError:
        return False


def _known_fields_only(raw: bytes) -> bytes:
    """The SDK's types have cache writes as a part of the prompt; ours are beside it and have another name."""
    return raw.replace(b'"cache_creation_tokens":', b'"cache_write_tokens":')
