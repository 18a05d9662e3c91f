"""Streams of chunks: the golden sequence, the framing that google-genai insists on, and the tap."""

from typing import Any

import pytest

from omniroute.dialects.base import Context
from omniroute.dialects.gemini.dialect import Gemini, GeminiArray
from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.ir.events import (
    ArgumentsDelta,
    Event,
    Failed,
    Finished,
    PartClosed,
    PartOpened,
    Ping,
    ReasoningDelta,
    Started,
    TextDelta,
    UsageReported,
)
from omniroute.ir.failure import Failure
from omniroute.ir.json import RawJson
from omniroute.ir.parts import Reasoning, Text, ToolCall
from omniroute.ir.result import Finish, Usage
from tests.property.gemini_bodies import frame
from tests.support import order_gemini, strict_gemini

GEMINI, CHAT = Gemini(), OpenAIChat()
CONTEXT = Context(request_id="req_1", token="tok", created=7, model="told", input_tokens=5)
Json = dict[str, Any]
GOLDEN = [
    Started(id="r", model="m"),
    PartOpened(index=0, shell=Reasoning()),
    ReasoningDelta(index=0, text="th"),
    PartClosed(index=0),
    PartOpened(index=1, shell=Text(text="")),
    TextDelta(index=1, text="hi"),
    PartClosed(index=1),
    PartOpened(index=2, shell=ToolCall(call_id="call_1", name="f")),
    ArgumentsDelta(index=2, fragment='{"a"'),
    ArgumentsDelta(index=2, fragment=":1}"),
    PartClosed(index=2),
    UsageReported(usage=Usage(input=3, cache_read=2, output=7, reasoning=1)),
    Finished(finish=Finish(reason="tool_calls")),
]


def written(*events: Event) -> list[Json]:
    encoder = GEMINI.stream_encoder(CONTEXT)
    raw = b"".join(map(encoder.send, events)) + encoder.close()
    order_gemini.gemini(raw)
    return strict_gemini.stream(raw)


def read(*chunks: Json) -> list[Event]:
    decoder = GEMINI.stream_decoder()
    return [event for chunk in chunks for event in decoder.feed(frame(chunk))] + decoder.close()


def chunk(*parts: Json, **candidate: Any) -> Json:
    content = {"role": "model", "parts": list(parts)}
    return {"candidates": [{"content": content, "index": 0, **candidate}], "responseId": "r", "modelVersion": "m"}


def parts_of(told: list[Json]) -> list[list[Json]]:
    return [one["candidates"][0]["content"]["parts"] for one in told]


def test_the_golden_sequence_is_written() -> None:
    told = written(*GOLDEN)
    assert parts_of(told) == [
        [{"text": "th", "thought": True}],
        [{"text": "hi"}],
        [{"functionCall": {"id": "call_1", "name": "f", "args": {"a": 1}}}],
    ]
    assert [one["candidates"][0].get("finishReason") for one in told] == [None, None, "STOP"]
    assert [one.get("usageMetadata") for one in told] == [
        None,
        None,
        {
            "promptTokenCount": 5,
            "cachedContentTokenCount": 2,
            "candidatesTokenCount": 6,
            "thoughtsTokenCount": 1,
            "totalTokenCount": 12,
        },
    ]
    assert {(one["modelVersion"], one["responseId"]) for one in told} == {("told", "r")}


def test_t58_nothing_but_data_lines_is_written() -> None:
    encoder = GEMINI.stream_encoder(CONTEXT)
    raw = b"".join(map(encoder.send, [GOLDEN[0], Ping(), *GOLDEN[1:]])) + encoder.close()
    lines = [line for line in raw.split(b"\r\n") if line]
    assert all(line.startswith(b"data: {") for line in lines)
    assert b"[DONE]" not in raw
    assert raw.endswith(b"\r\n\r\n")


def test_a_call_is_written_once_it_is_complete() -> None:
    encoder = GEMINI.stream_encoder(CONTEXT)
    assert b"".join(map(encoder.send, [GOLDEN[0], *GOLDEN[7:10]])) == b"", "arguments are still coming"
    late = [PartClosed(index=2), PartOpened(index=3, shell=Text(text="")), TextDelta(index=3, text="on")]
    assert b"functionCall" in b"".join(map(encoder.send, late))


def test_a_failure_ends_the_stream_in_band() -> None:
    failure = Failure(kind="overloaded", status=503, message="busy", retry_after=2)
    told = written(*GOLDEN[:6], Failed(failure=failure))
    assert (told[-1]["error"]["code"], told[-1]["error"]["status"]) == (503, "UNAVAILABLE")
    assert written(*GOLDEN[:6])[-1]["error"]["code"] == 502


def test_the_array_for_clients_without_alt_sse() -> None:
    encoder = GeminiArray().stream_encoder(CONTEXT)
    raw = b"".join(map(encoder.send, GOLDEN)) + encoder.close()
    assert raw.startswith(b'[{"candidates"')
    assert b"},\r\n{" in raw
    assert order_gemini.gemini_array(raw).text == "hi"
    broken = GeminiArray().stream_encoder(CONTEXT)
    raw = b"".join(map(broken.send, GOLDEN[:6])) + broken.close()
    assert order_gemini.gemini_array(raw).ended == "failed"


def test_a_stream_is_read_part_by_part() -> None:
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 6, "totalTokenCount": 11}
    events = read(
        chunk({"text": "t", "thought": True}),
        chunk({"text": "h", "thought": True}, {"text": "h"}),
        chunk({"text": "i"}),
        chunk({"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2VhbA=="}),
        {**chunk({"text": ""}, finishReason="STOP"), "usageMetadata": usage},
    )
    call = ToolCall(call_id="call_r_0", name="f", seal="c2VhbA==", origin="gemini", extra={"id": None})
    assert events == [
        Started(id="r", model="m", origin="gemini"),
        PartOpened(index=0, shell=Reasoning(origin="gemini")),
        ReasoningDelta(index=0, text="t"),
        ReasoningDelta(index=0, text="h"),
        PartClosed(index=0),
        PartOpened(index=1, shell=Text(text="", origin="gemini")),
        TextDelta(index=1, text="h"),
        TextDelta(index=1, text="i"),
        PartClosed(index=1),
        PartOpened(index=2, shell=call),
        ArgumentsDelta(index=2, fragment='{"a":1}'),
        PartClosed(index=2),
        UsageReported(usage=Usage(input=5, output=6, raw=usage)),
        Finished(finish=Finish(reason="tool_calls", raw_reason="STOP")),
    ]


def test_a_seal_behind_the_text_comes_back_where_it_stood() -> None:
    """Gemini 3 ends a text with an empty part that carries the signature."""
    events = read(chunk({"text": "hi"}), chunk({"text": "", "thoughtSignature": "c2VhbA=="}, finishReason="STOP"))
    assert PartOpened(index=1, shell=Text(text="", seal="c2VhbA==", origin="gemini")) in events
    assert parts_of(written(*events))[1] == [{"text": "", "thoughtSignature": "c2VhbA=="}]
    encoder = CHAT.stream_encoder(CONTEXT)
    assert b"c2VhbA" not in b"".join(map(encoder.send, events))


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        ({"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}, "rate_limit"),
        (chunk(finishReason="MALFORMED_FUNCTION_CALL"), "protocol"),
        (chunk({"inlineData": {}}), "protocol"),
    ],
)
def test_a_stream_that_fails_says_so_once(last: Json, kind: str) -> None:
    events = read(chunk({"text": "hi"}), last, chunk({"text": "late"}))
    assert isinstance(events[-1], Failed)
    assert events[-1].failure.kind == kind
    assert events[-2] == PartClosed(index=0)


def test_a_cut_stream_fails_and_a_missing_usage_does_not() -> None:
    cut = read(chunk({"text": "hi"}))[-1]
    assert isinstance(cut, Failed)
    assert cut.failure.kind == "cut"
    assert read(chunk({"text": "hi"}, finishReason="STOP"))[-1] == Finished(
        finish=Finish(reason="stop", raw_reason="STOP")
    )


def test_a_refused_prompt_ends_as_filtered() -> None:
    events = read({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}})
    assert events[-1] == Finished(finish=Finish(reason="filter", raw_reason="SAFETY"))
    told = written(*events)
    assert not any("candidates" in one for one in told)


def test_what_a_candidate_says_about_itself_comes_back() -> None:
    grounding = {"webSearchQueries": ["q"]}
    events = read(chunk({"text": "hi"}), chunk(finishReason="STOP", groundingMetadata=grounding))
    told = written(*events)
    assert any(one["candidates"][0].get("groundingMetadata") == grounding for one in told)


def test_two_streams_share_nothing() -> None:
    one, other = GEMINI.stream_decoder(), GEMINI.stream_decoder()
    one.feed(frame(chunk({"text": "a"})))
    assert other.feed(frame(chunk({"functionCall": {"name": "f"}})))[0] == Started(
        id="r", model="m", origin="gemini"
    )


# The tap


def test_a_tap_keeps_from_the_client_what_would_break_it() -> None:
    tap = GEMINI.tap(include_usage=True)
    good = frame(chunk({"text": "hi"}))
    noise = b": ping\r\n\r\nevent: x\r\n" + good + b"data: not json\r\n\r\n" + good.replace(b"data: ", b"data:")
    assert tap.feed(noise).forward == good + good
    assert tap.feed(b"data: [DONE]\r\n\r\n").forward == b""


def test_a_tap_reads_failure_finish_and_usage() -> None:
    tap = GEMINI.tap(include_usage=True)
    silent = tap.feed(frame(chunk({"text": ""})))
    assert (silent.useful, silent.terminal) == (False, False)
    assert tap.feed(frame(chunk({"functionCall": {"name": "f"}}))).useful
    last = {**chunk(finishReason="STOP"), "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2}}
    assert tap.feed(frame(last)).terminal
    assert tap.finish == Finish(reason="tool_calls", raw_reason="STOP")
    assert tap.usage is not None
    assert (tap.usage.input, tap.usage.output) == (3, 2)
    assert tap.close() == b""
    failing = GEMINI.tap(include_usage=True)
    tapped = failing.feed(frame({"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}))
    assert tapped.failure is not None
    assert (tapped.failure.kind, tapped.terminal, tapped.useful) == ("overloaded", True, True)


def test_a_tapped_stream_that_is_cut_gets_an_error() -> None:
    tap = GEMINI.tap(include_usage=True)
    tap.feed(frame(chunk({"text": "hi"})) + b'data: {"cand')
    assert strict_gemini.stream(tap.close())[0]["error"]["status"] == "UNAVAILABLE"


def test_arguments_that_are_no_object_are_wrapped() -> None:
    call = ToolCall(call_id="c", name="f", arguments=RawJson(""))
    told = written(
        GOLDEN[0],
        PartOpened(index=0, shell=call),
        ArgumentsDelta(index=0, fragment='{"cut": '),
        PartClosed(index=0),
        Finished(finish=Finish(reason="tool_calls")),
    )
    assert parts_of(told)[0][0]["functionCall"]["args"] == {"_raw_arguments": '{"cut": '}
