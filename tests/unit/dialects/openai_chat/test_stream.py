"""Streams of the chat dialect: the golden vector, and what servers really send."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.base import Context
from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.ir.events import (
    ArgumentsDelta,
    CitationDelta,
    Event,
    Failed,
    Finished,
    Opaque,
    PartClosed,
    PartOpened,
    Ping,
    ReasoningDelta,
    Started,
    TextDelta,
    UsageReported,
)
from omniroute.ir.failure import Failure
from omniroute.ir.fold import fold
from omniroute.ir.parts import Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.result import Finish, GenerateResponse, Usage

CHAT = OpenAIChat()
CONTEXT = Context(request_id="req_1", token="tok", created=7, model="told", include_usage=True)
DONE = b"data: [DONE]\n\n"


def chunk(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return (
        b"data: " + msgspec.json.encode({"id": "chatcmpl-1", "model": "m", "choices": choices, **more}) + b"\n\n"
    )


def call(index: int | None, call_id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"tool_calls": [{"index": index, "id": call_id, "type": "function", "function": function}]}


def events_of(*frames: bytes) -> list[Event]:
    decoder = CHAT.stream_decoder()
    return decoder.feed(b"".join(frames)) + decoder.close()


def answer_of(*frames: bytes) -> GenerateResponse:
    response = fold(events_of(*frames))
    assert isinstance(response, GenerateResponse)
    return response


def failure_of(*frames: bytes) -> Failure:
    failure = fold(events_of(*frames))
    assert isinstance(failure, Failure)
    return failure


def calls_of(*frames: bytes) -> list[tuple[str, str, str]]:
    return [
        (part.call_id, part.name, part.arguments)
        for part in answer_of(*frames).parts
        if isinstance(part, ToolCall)
    ]


def chunks_of(*events: Event, context: Context = CONTEXT) -> list[Any]:
    encoder = CHAT.stream_encoder(context)
    raw = b"".join(encoder.send(event) for event in events) + encoder.close()
    payloads = [frame.removeprefix(b"data: ") for frame in raw.split(b"\n\n") if frame]
    return [payload if payload[:1] in b"[:" else msgspec.json.decode(payload) for payload in payloads]


def deltas_of(*events: Event) -> list[Any]:
    return [
        one["choices"][0]["delta"] for one in chunks_of(*events) if isinstance(one, dict) and one.get("choices")
    ]


STARTED = Started(id="msg_1", model="m", origin="anthropic")
STOP = Finished(finish=Finish(reason="stop"))
USAGE = {
    "prompt_tokens": 5,
    "completion_tokens": 7,
    "total_tokens": 12,
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 1},
}
GOLDEN = (
    chunk({"role": "assistant", "content": ""}),
    chunk({"reasoning_content": "th"}),
    chunk({"content": "hi"}),
    chunk(call(0, "call_1", "f", "")),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a":1}'}}]}),
    chunk({}, "tool_calls"),
    chunk(None, usage=USAGE),
    DONE,
)


def test_the_golden_stream_is_read() -> None:
    usage = Usage(input=3, output=7, cache_read=2, reasoning=1, raw=USAGE)
    assert events_of(*GOLDEN) == [
        Started(id="chatcmpl-1", model="m", origin="openai_chat"),
        PartOpened(index=0, shell=Reasoning(origin="openai_chat")),
        ReasoningDelta(index=0, text="th"),
        PartClosed(index=0),
        PartOpened(index=1, shell=Text(text="")),
        TextDelta(index=1, text="hi"),
        PartClosed(index=1),
        PartOpened(index=2, shell=ToolCall(call_id="call_1", name="f", origin="openai_chat")),
        ArgumentsDelta(index=2, fragment='{"a":1}'),
        PartClosed(index=2),
        UsageReported(usage=usage),
        Finished(finish=Finish(reason="tool_calls", raw_reason="tool_calls")),
    ]


def test_the_golden_stream_is_written() -> None:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 7, "model": "told"}
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "th"},
        {"content": "hi"},
        {
            "tool_calls": [
                {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}
            ]
        },
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a":1}'}}]},
        {},
    ]
    reasons = [None] * 5 + ["tool_calls"]
    assert chunks_of(*events_of(*GOLDEN)) == [
        *(
            {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]}
            for delta, reason in zip(deltas, reasons, strict=True)
        ),
        {**head, "choices": [], "usage": USAGE},
        b"[DONE]",
    ]


def test_no_usage_is_shown_to_a_client_that_did_not_ask() -> None:
    context = Context(request_id="r", token="tok", created=7, model="told")
    assert not [
        one for one in chunks_of(*events_of(*GOLDEN), context=context) if b"usage" in msgspec.json.encode(one)
    ]


def test_an_id_repeated_on_every_chunk_is_one_call() -> None:
    frames = (chunk(call(0, "a", "f", "{")), chunk(call(0, "a", "f", "}")), chunk(call(0, "a", "f", "")))
    assert calls_of(*frames, chunk({}, "tool_calls"), DONE) == [("a", "f", "{}")]


def test_another_id_at_the_same_index_is_another_call() -> None:
    frames = (chunk(call(0, "a", "f", "{}")), chunk(call(0, "b", "g", "{")), chunk(call(0, None, None, "}")))
    assert calls_of(*frames, chunk({}, "stop"), DONE) == [("a", "f", "{}"), ("b", "g", "{}")]


def test_parallel_calls_may_take_turns() -> None:
    frames = (
        chunk(call(0, "a", "f", "")),
        chunk(call(1, "b", "g", "[")),
        chunk(call(0, "", None, "{}")),
        chunk(call(1, None, "", "]")),
    )
    assert calls_of(*frames, chunk({}, "tool_calls"), DONE) == [("a", "f", "{}"), ("b", "g", "[]")]


def test_calls_without_an_index_are_told_apart_by_their_ids() -> None:
    frames = (
        chunk(call(None, "a", "f", "{")),
        chunk(call(None, None, None, "}")),
        chunk(call(None, "b", "g", "")),
        chunk(call(None, "a", None, " ")),
    )
    assert calls_of(*frames, DONE) == [("a", "f", "{} "), ("b", "g", "")]


def test_a_call_waits_for_its_name_and_gets_an_id() -> None:
    frames = (chunk(call(0, None, None, '{"a"')), chunk(call(0, None, "f", ":1}")))
    assert calls_of(*frames, DONE) == [("call_chatcmpl-1_0", "f", '{"a":1}')]


def test_a_legacy_function_call_is_a_tool_call() -> None:
    frames = (
        chunk({"function_call": {"name": "f", "arguments": "{"}}),
        chunk({"function_call": {"arguments": "}"}}),
    )
    (made,) = calls_of(*frames, chunk({}, "function_call"), DONE)
    assert made[1:] == ("f", "{}")


def test_a_finish_said_twice_counts_once() -> None:
    events = events_of(
        chunk({"content": "a"}), chunk({}, "length"), chunk({}, "stop"), DONE, DONE, chunk({"content": "b"})
    )
    assert events[-1] == Finished(finish=Finish(reason="length", raw_reason="length"))
    assert sum(isinstance(event, Finished) for event in events) == 1


def test_thinking_and_text_of_one_delta_are_both_kept_thinking_first() -> None:
    events = events_of(chunk({"content": "a", "reasoning_content": "th"}, "stop"), DONE)
    assert deltas_of(*events) == [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "th"},
        {"content": "a"},
        {},
    ]


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning_content": "th"},
        {"reasoning": "th"},
        {"reasoning": "th", "reasoning_details": [{"type": "reasoning.text", "text": "th"}]},
        {"reasoning_details": [{"type": "reasoning.text", "text": "th"}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "th"}]}]},
    ],
)
def test_thinking_is_read_once_whatever_its_name(delta: dict[str, Any]) -> None:
    assert answer_of(chunk(delta), DONE).parts == (Reasoning(text="th", origin="openai_chat"),)


def test_usage_may_come_with_the_finish_or_after_it_or_on_every_chunk() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    zero = {"prompt_tokens": 0, "completion_tokens": 0}
    for frames in (
        (chunk({"content": "a"}, "stop", usage=usage), DONE),
        (chunk({"content": "a"}, "stop"), chunk(None, usage=usage), DONE),
        (chunk({"content": "a"}, usage=usage), chunk({}, "stop", usage=zero), DONE),
    ):
        found = answer_of(*frames).usage
        assert found is not None
        assert (found.input, found.output) == (5, 7)


def test_a_stream_without_done_ends_well_if_it_said_why() -> None:
    assert answer_of(chunk({"content": "a"}, "stop").rstrip()).finish.reason == "stop"


def test_done_is_enough_of_an_end() -> None:
    assert answer_of(chunk({"content": "a"}), DONE).finish == Finish(reason="stop")


@pytest.mark.parametrize(
    "frames",
    [
        (),
        (DONE,),
        (b": keepalive\n\n",),
        (b"data: null\n\n", b"data: {broken\n\n", b"data: 7\n\n"),
        (chunk({"content": "a"}),),
        (chunk(None),),
    ],
)
def test_a_stream_that_stops_short_is_cut(frames: tuple[bytes, ...]) -> None:
    assert failure_of(*frames).kind == "cut"


def test_usage_of_a_cut_stream_is_not_lost() -> None:
    events = events_of(chunk({"content": "a"}, usage={"prompt_tokens": 5}))
    assert [type(event) for event in events[-3:]] == [PartClosed, UsageReported, Failed]


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        ({"message": "slow down", "code": 429}, 429, "rate_limit"),
        ({"message": "x", "code": "503"}, 503, "overloaded"),
        ({"message": "x", "status": 401}, 401, "authentication"),
        ({"message": "usage_limit_reached"}, 429, "rate_limit"),
        ({"message": "Rate limit exceeded", "code": "rate_limit_exceeded"}, 429, "rate_limit"),
        ({"message": "boom", "type": "server_error"}, 502, "server"),
        ("boom", 502, "server"),
    ],
)
def test_an_error_in_a_chunk_is_a_failure(error: Any, status: int, kind: str) -> None:
    events = events_of(chunk({"content": "a"}), b"data: " + msgspec.json.encode({"error": error}) + b"\n\n", DONE)
    assert isinstance(events[-1], Failed)
    assert (events[-1].failure.status, events[-1].failure.kind) == (status, kind)


def test_half_an_emoji_does_not_cost_the_chunk() -> None:
    parts = answer_of(b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"a\\ud83d"}}]}\n\n', DONE).parts
    assert parts == (Text(text="a\ufffd"),)


def test_other_choices_are_not_mixed_in() -> None:
    other = b'data: {"id":"x","choices":[{"index":1,"delta":{"content":"b"}}]}\n\n'
    assert answer_of(chunk({"content": "a"}), other, DONE).parts == (Text(text="a"),)


def test_an_image_in_a_stream_is_a_whole_part() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
    events = events_of(chunk({"images": [image]}, "stop"), DONE)
    assert PartOpened(index=0, shell=Media(mime="image/png", data="AA", origin="openai_chat")) in events
    assert {"images": [image]} in deltas_of(*events)


def test_log_probabilities_survive_within_the_dialect() -> None:
    logprobs = {"content": [], "refusal": None}
    frame = msgspec.json.encode(
        {"id": "x", "choices": [{"index": 0, "delta": {"content": "a"}, "logprobs": logprobs}]}
    )
    events = events_of(b"data: " + frame + b"\n\n", DONE)
    assert Opaque(origin="openai_chat", data={"logprobs": logprobs}) in events
    assert logprobs in [one["choices"][0]["logprobs"] for one in chunks_of(*events)[:-1] if one["choices"]]


def test_what_a_provider_ran_itself_is_not_the_clients_to_run() -> None:
    hosted = ToolCall(call_id="s", name="web_search", executor="provider")
    events: list[Event] = [
        STARTED,
        PartOpened(index=0, shell=hosted),
        ArgumentsDelta(index=0, fragment="{}"),
        PartClosed(index=0),
        PartOpened(index=1, shell=ToolResult(call_id="s", executor="provider")),
        PartOpened(index=2, shell=Unknown(data={"type": "x"}, origin="anthropic")),
        PartOpened(index=3, shell=Refusal(text="")),
        TextDelta(index=3, text="no"),
        Opaque(origin="anthropic", data={"type": "x"}),
        STOP,
    ]
    assert deltas_of(*events) == [{"role": "assistant", "content": ""}, {"refusal": "no"}, {}]
    assert chunks_of(*events)[-3]["choices"][0]["finish_reason"] == "stop"


def test_citations_with_an_address_become_annotations() -> None:
    events: list[Event] = [
        STARTED,
        PartOpened(index=0, shell=Text(text="ab", origin="anthropic")),
        PartOpened(index=1, shell=Text(text="", origin="anthropic")),
        TextDelta(index=1, text="cd"),
        CitationDelta(index=1, citation={"url": "https://x", "cited_text": "c"}),
        CitationDelta(index=1, citation={"document_index": 0}),
        STOP,
    ]
    citation = {"start_index": 2, "end_index": 4, "title": "https://x", "url": "https://x"}
    assert deltas_of(*events)[-2] == {"annotations": [{"type": "url_citation", "url_citation": citation}]}


def test_a_ping_keeps_the_connection_alive() -> None:
    encoder = CHAT.stream_encoder(CONTEXT)
    assert encoder.send(Ping()) == b": keepalive\n\n"


@pytest.mark.parametrize("events", [[], [STARTED], [STARTED, PartOpened(index=0, shell=Text(text="a"))]])
def test_a_stream_that_is_closed_too_early_says_so(events: list[Event]) -> None:
    *_, error, done = chunks_of(*events)
    assert error["error"]["message"] == "the provider's stream ended before it was complete"
    assert done == b"[DONE]"


def test_nothing_follows_the_end() -> None:
    encoder = CHAT.stream_encoder(CONTEXT)
    encoder.send(STARTED)
    encoder.send(STOP)
    assert (encoder.send(STOP), encoder.send(Ping()), encoder.close()) == (b"", b"", b"")
