"""Laws of the Gemini API's codec: nothing is lost within the dialect, and nothing is invented."""

import itertools
from typing import Any

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from omniroute.dialects.base import Context, StreamDecoder
from omniroute.dialects.gemini.dialect import Gemini, GeminiArray
from omniroute.dialects.gemini.usage import decode_usage, encode_usage
from omniroute.ir.events import ArgumentsDelta, Event, Failed, Finished, Started, UsageReported
from omniroute.ir.failure import Failure
from omniroute.ir.fold import fold, unfold
from omniroute.ir.parts import Media, Reasoning, Text, ToolCall, ToolResult
from omniroute.ir.request import GenerateRequest, Tool, Turn
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import ModelFacts, Target
from tests.property import gemini_bodies as bodies
from tests.property.objects import exact
from tests.property.representation import (
    chunkings,
    conversations,
    json_values,
    requests,
    responses,
    streams,
    usages,
)
from tests.support import order_gemini, strict_gemini
from tests.unit.dialects.gemini.rules import check_request, check_schema

GEMINI = Gemini()
CONTEXT = Context(request_id="req_1", token="0123456789abcdef01234567", created=1, model="told")


def target(model: str = "gemini-2.5-flash", **facts: Any) -> Target:
    return Target(provider="p", model=model, dialect="gemini", facts=ModelFacts(**facts))


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, so that `1`, `1.0` and `true` stay different."""
    return msgspec.json.encode(value, order="deterministic")


def encoded(request: GenerateRequest, **facts: Any) -> dict[str, Any]:
    return msgspec.json.decode(GEMINI.encode_request(request, target(**facts)).body)


def read(decoder: StreamDecoder, chunks: list[bytes]) -> list[Event]:
    return [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.close()


def written(events: list[Event]) -> bytes:
    encoder = GEMINI.stream_encoder(CONTEXT)
    return b"".join(encoder.send(event) for event in events) + encoder.close()


def fitting(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Without files by an address that Google cannot open: they are refused, not translated."""
    return tuple(replace(turn, parts=tuple(map(_fitting, turn.parts))) for turn in turns)


def _fitting(part: Any) -> Any:
    if isinstance(part, ToolResult):
        return replace(part, content=tuple(map(_fitting, part.content)))
    return replace(part, url="gs://bucket/file") if isinstance(part, Media) and part.url else part


# Requests


@given(bodies.requests)
def test_a_request_survives_its_own_dialect_exactly(body: bodies.Json) -> None:
    sent = GEMINI.encode_request(GEMINI.decode_request(body), target())
    assert sent.losses == ()
    asked = {name: value for name, value in bodies.plain(body).items() if name not in ("model", "stream")}
    if not asked.get("generationConfig", True):
        del asked["generationConfig"]
    assert canonical(msgspec.json.decode(sent.body)) == canonical(asked)


@given(bodies.requests)
def test_both_spellings_of_a_request_mean_the_same(body: bodies.Json) -> None:
    assert GEMINI.decode_request(bodies.snake_cased(body)) == GEMINI.decode_request(body)


@given(requests(origin=None), st.sampled_from([None, 1024, 8192]))
def test_a_foreign_request_obeys_every_rule_of_the_api(request: GenerateRequest, cap: int | None) -> None:
    check_request(encoded(replace(request, turns=fitting(request.turns)), max_output_tokens=cap))


@given(requests(origin=None), st.randoms(use_true_random=False))
def test_even_a_shuffled_conversation_obeys_every_rule(request: GenerateRequest, random: Any) -> None:
    turns = [turn for turn in fitting(request.turns) for _ in range(random.choice([0, 1, 1, 2]))]
    random.shuffle(turns)
    check_request(encoded(replace(request, turns=tuple(turns))))


_any_schemas = st.recursive(
    st.dictionaries(
        st.sampled_from(
            ["type", "enum", "const", "$ref", "format", "required", "x-foo", "title", "additionalProperties"]
        ),
        json_values
        | st.sampled_from(["string", "object", "array", ["string", "null"], "#/$defs/a", "#", "#/items"]),
        max_size=3,
    ),
    lambda inner: exact(
        {},
        optional={
            "type": st.sampled_from(["object", "array", "string", ["null", "integer"]]),
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            "items": inner | st.lists(inner, max_size=2),
            "anyOf": st.lists(inner, max_size=3),
            "oneOf": st.lists(inner, max_size=2),
            "allOf": st.lists(inner, max_size=2),
            "$defs": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            "required": st.lists(st.sampled_from("abc"), max_size=2),
            "$ref": st.sampled_from(["#/$defs/a", "#/$defs/b", "#", "#/properties/a", "elsewhere.json"]),
        },
    ),
    max_leaves=6,
)


@given(_any_schemas)
def test_every_schema_becomes_one_that_the_api_takes(schema: bodies.Json) -> None:
    body = encoded(GenerateRequest(model="m", turns=(), tools=(Tool(name="f", schema=schema),)))
    parameters = body["tools"][0]["functionDeclarations"][0].get("parameters")
    if parameters is not None:
        check_schema(parameters)


@given(conversations())
def test_a_longer_conversation_starts_with_the_bytes_of_the_shorter_one(turns: tuple[Turn, ...]) -> None:
    turns = fitting(turns)
    lengths = [length for length in range(1, len(turns) + 1) if settled(turns[length - 1])]
    bodies_of = [encoded(GenerateRequest(model="m", turns=turns[:length])) for length in lengths]
    # A first turn of which nothing is left gets a stand-in, or the instructions, until real content follows.
    assume(all(one.get("systemInstruction") == bodies_of[-1].get("systemInstruction") for one in bodies_of))
    assume(_parts(bodies_of[0])[:1] != [("user", b'{"text":"."}')])
    for short, long in itertools.pairwise(bodies_of):
        assert _parts(long)[: len(_parts(short))] == _parts(short)


def settled(last: Turn) -> bool:
    """Whether a conversation may stop here: past its instructions, with no call waiting for its result."""
    return last.role not in ("system", "developer") and not any(isinstance(part, ToolCall) for part in last.parts)


def _parts(body: dict[str, Any]) -> list[tuple[str, bytes]]:
    return [
        (content["role"], msgspec.json.encode(part)) for content in body["contents"] for part in content["parts"]
    ]


@given(requests(origin="anthropic") | requests(origin=None))
def test_no_seal_is_invented_and_no_foreign_one_is_replayed(request: GenerateRequest) -> None:
    request = replace(request, turns=fitting(request.turns))
    sent = GEMINI.encode_request(request, target())
    assert b"thoughtSignature" not in sent.body
    sealed = [part for turn in request.turns for part in turn.parts if part.seal is not None]
    told = [loss for loss in sent.losses if "seal" in loss.what or "reasoning" in loss.what]
    assert len(told) >= len(sealed)


@given(conversations(origin="gemini"))
def test_seals_remembered_for_a_foreign_client_are_replayed(turns: tuple[Turn, ...]) -> None:
    turns = fitting(turns)
    seals = [part.seal for turn in turns for part in turn.parts if part.seal is not None]
    body = encoded(GenerateRequest(model="m", turns=turns, dialect="openai_chat"))
    parts = [part for content in body["contents"] for part in content["parts"]]
    assert [part["thoughtSignature"] for part in parts if "thoughtSignature" in part] == seals


# Answers


@given(bodies.answers())
def test_an_answer_survives_its_own_dialect(answer: bodies.Json) -> None:
    response = GEMINI.decode_response(msgspec.json.encode(answer))
    assert isinstance(response, GenerateResponse)
    again = GEMINI.encode_response(response, CONTEXT)
    assert again.losses == ()
    assert canonical(msgspec.json.decode(again.body)) == canonical(bodies.plain(answer))
    strict_gemini.response(again.body)


@given(bodies.answers())
def test_a_streamed_answer_says_the_same_as_a_whole_one(answer: bodies.Json) -> None:
    whole = GEMINI.decode_response(msgspec.json.encode(answer))
    assert isinstance(whole, GenerateResponse)
    streamed = fold(read(GEMINI.stream_decoder(), [written(unfold(whole))]))
    assert isinstance(streamed, GenerateResponse)
    assert run_together(streamed) == run_together(replace(whole, extra=None))


def run_together(response: GenerateResponse) -> GenerateResponse:
    """Neighbouring texts without a seal, and neighbouring thoughts, are one part in a stream."""
    parts: list[Any] = []
    for part in response.parts:
        before = parts[-1] if parts else None
        plain = type(before) is type(part) and part.extra is None and getattr(before, "extra", None) is None
        texts = isinstance(part, Text) and plain and part.seal is None and before.seal is None
        thoughts = isinstance(part, Reasoning) and plain and before.seal is None
        if texts or thoughts:
            parts[-1] = replace(before, text=before.text + part.text, seal=part.seal)
        else:
            parts.append(part)
    return replace(response, parts=tuple(parts))


@given(responses(origin=None))
def test_a_foreign_answer_is_a_gemini_answer_by_the_letter(response: GenerateResponse) -> None:
    assume(_sound(response))
    strict_gemini.response(GEMINI.encode_response(response, CONTEXT).body)


def _sound(response: GenerateResponse) -> bool:
    return all(part.name for part in response.parts if isinstance(part, ToolCall))


@given(usages)
def test_no_token_is_lost_or_counted_twice(usage: Any) -> None:
    wire = encode_usage(usage, native=False)
    parts = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    assert sum(wire.get(name, 0) for name in parts) == wire["totalTokenCount"]
    again = decode_usage(wire)
    assert (again.input_total, again.output) == (usage.input_total, usage.output)
    assert (again.cache_read, again.reasoning) == (usage.cache_read, usage.reasoning)


# Streams


@given(streams(origin=None))
def test_every_stream_is_written_by_the_letter_and_in_order(events: list[Event]) -> None:
    raw = written(events)
    strict_gemini.stream(raw)
    told = order_gemini.gemini(raw)
    assert (told.ended == "failed") == isinstance(events[-1], Failed)


@given(streams(origin=None))
def test_an_array_says_the_same_as_server_sent_events(events: list[Event]) -> None:
    encoder = GeminiArray().stream_encoder(CONTEXT)
    array = b"".join(encoder.send(event) for event in events) + encoder.close()
    assert msgspec.json.decode(array) == [
        msgspec.json.decode(one) for one in order_gemini.payloads(written(events))
    ]


@given(streams(origin=None), st.data())
def test_a_stream_cut_anywhere_ends_in_exactly_one_error(events: list[Event], data: st.DataObject) -> None:
    kept = data.draw(st.integers(0, len(events) - 1))
    told = order_gemini.gemini(written(events[:kept]))
    assert told.ended == "failed"


@given(streams(origin=None))
def test_text_and_thinking_and_calls_arrive_whole_in_spite_of_interleaving(events: list[Event]) -> None:
    outcome = fold(events)
    assume(isinstance(outcome, GenerateResponse))
    assert isinstance(outcome, GenerateResponse)
    told = order_gemini.gemini(written(events))
    said = "".join(part.text for part in outcome.parts if not isinstance(part, ToolCall | Reasoning | Media))
    assert sorted(told.text) == sorted(said)
    assert sorted(told.reasoning) == sorted("".join(p.text for p in outcome.parts if isinstance(p, Reasoning)))
    calls = [part for part in outcome.parts if isinstance(part, ToolCall)]
    assert sorted(call.call_id for call in told.calls) == sorted(call.call_id for call in calls)
    by_id = {call.call_id: call for call in calls}
    for call in told.calls:
        assert meaning(call.arguments) == meaning(by_id[call.call_id].arguments)


def meaning(text: str) -> Any:
    try:
        value = msgspec.json.decode(text or "{}")
    except msgspec.DecodeError:
        return text
    return value.get("_raw_arguments", value) if isinstance(value, dict) else text


@given(bodies.chunk_streams(), st.sampled_from([b"\r\n\r\n", b"\n\n", b"\r\r"]), st.data())
def test_any_chunking_gives_the_same_events(chunks: list[bodies.Json], end: bytes, data: st.DataObject) -> None:
    whole = b"".join(bodies.frame(chunk, end) for chunk in chunks)
    pieces = data.draw(chunkings(whole))
    assert read(GEMINI.stream_decoder(), pieces) == read(GEMINI.stream_decoder(), [whole])


GARBAGE = [
    b"data: {not json\r\n\r\n",
    b"data: [DONE]\r\n\r\n",
    b"data: null\r\n\r\n",
    b": keepalive\r\n\r\n",
    b"<html>bad gateway</html>\r\n\r\n",
    b'data: {"candidates":[{"content":{"parts":[{"functionCall":{}}]}}]}\r\n\r\n',
    b'data: {"candidates":[{"content":{"parts":[{"inlineData":{}}]}}]}\r\n\r\n',
    b'data: {"candidates":null,"usageMetadata":7}\r\n\r\n',
    b'data: {"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}\r\n\r\n',
]


@given(bodies.chunk_streams(), st.data())
def test_damaged_streams_start_once_and_end_once(chunks: list[bodies.Json], data: st.DataObject) -> None:
    frames = [bodies.frame(chunk) for chunk in chunks]
    raw = b"".join(data.draw(st.lists(st.sampled_from([*frames, *GARBAGE]), max_size=12)))
    events = read(GEMINI.stream_decoder(), [raw[: data.draw(st.integers(0, len(raw)))]])
    assert sum(isinstance(event, Finished | Failed) for event in events) == 1
    assert isinstance(events[-1], Finished | Failed)
    assert sum(isinstance(event, Started) for event in events) <= 1
    assert isinstance(fold(events), GenerateResponse | Failure)


@given(bodies.chunk_streams())
def test_a_stream_decodes_and_encodes_to_the_same_meaning(chunks: list[bodies.Json]) -> None:
    once = read(GEMINI.stream_decoder(), [bodies.frame(chunk) for chunk in chunks])
    raw = written(once)
    strict_gemini.stream(raw)
    order_gemini.gemini(raw)
    first, second = fold(once), fold(read(GEMINI.stream_decoder(), [raw]))
    assert isinstance(first, GenerateResponse)
    assert isinstance(second, GenerateResponse)
    assert run_together(second).parts == run_together(first).parts
    assert (second.finish, second.id) == (first.finish, first.id)
    if first.usage is not None:
        assert second.usage == first.usage


# The tap


@given(bodies.chunk_streams(), st.sampled_from([b"\r\n\r\n", b"\n\n"]), st.data())
def test_a_tap_forwards_every_byte_and_reads_what_the_decoder_reads(
    chunks: list[bodies.Json], end: bytes, data: st.DataObject
) -> None:
    whole = b"".join(bodies.frame(chunk, end) for chunk in chunks)
    tap = GEMINI.tap(include_usage=True)
    forwarded = [tap.feed(piece).forward for piece in data.draw(chunkings(whole))]
    rest = tap.close()
    assert b"error" not in rest
    assert (b"".join(forwarded) + rest).replace(b"\r", b"") == whole.replace(b"\r", b"")
    assert all(piece.endswith((b"\n\n", b"\r\n\r\n")) for piece in forwarded if piece), "whole frames only"
    events = read(GEMINI.stream_decoder(), [whole])
    assert isinstance(events[-1], Finished)
    assert tap.finish == events[-1].finish
    reported = [event.usage for event in events if isinstance(event, UsageReported)]
    assert tap.usage == (reported[-1] if reported else None)


@given(bodies.chunk_streams(), st.data())
def test_a_tapped_stream_that_is_cut_ends_in_an_error_or_complete(
    chunks: list[bodies.Json], data: st.DataObject
) -> None:
    whole = b"".join(map(bodies.frame, chunks))
    cut = data.draw(st.integers(0, len(whole) - 1))
    tap = GEMINI.tap(include_usage=True)
    raw = b"".join(tap.feed(piece).forward for piece in data.draw(chunkings(whole[:cut]))) + tap.close()
    decoded = read(GEMINI.stream_decoder(), [whole[:cut]])
    assert (b'data: {"error"' in raw) == isinstance(decoded[-1], Failed)
    assert raw.count(b'data: {"error"') <= 1
    order_gemini.payloads(raw) if raw else None


@given(bodies.chunk_streams())
def test_a_stream_is_useful_only_once_it_shows_something(chunks: list[bodies.Json]) -> None:
    tap, decoder = GEMINI.tap(include_usage=True), GEMINI.stream_decoder()
    shown = False
    for chunk in chunks:
        last = "finishReason" in chunk["candidates"][0]
        events = decoder.feed(bodies.frame(chunk))
        shown = shown or last or any(not isinstance(event, Started | UsageReported) for event in events)
        assert tap.feed(bodies.frame(chunk)).useful == shown


@given(bodies.answers())
def test_a_glance_sees_what_decoding_sees(answer: bodies.Json) -> None:
    body = msgspec.json.encode(answer)
    seen, whole = GEMINI.glance(body), GEMINI.decode_response(body)
    assert isinstance(whole, GenerateResponse)
    assert (seen.usage, seen.finish, seen.empty) == (whole.usage, whole.finish, not whole.parts)


@given(bodies.answers())
def test_arguments_of_a_call_are_one_fragment(answer: bodies.Json) -> None:
    """A provider of this dialect sends calls whole, so nobody waits for more of one."""
    events = read(GEMINI.stream_decoder(), [bodies.frame(answer)])
    fragments = [event.index for event in events if isinstance(event, ArgumentsDelta)]
    assert len(fragments) == len(set(fragments))
