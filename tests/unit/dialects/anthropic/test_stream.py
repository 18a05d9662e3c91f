"""Event streams of the Messages API: the golden sequences, and the traps that broke other gateways."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.anthropic.dialect import Anthropic
from omniroute.dialects.base import Context
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
from omniroute.ir.json import RawJson
from omniroute.ir.parts import Media, Reasoning, Refusal, Text, ToolCall, Unknown
from omniroute.ir.result import Finish, Usage
from tests.property.anthropic_bodies import event
from tests.support import order, strict

ANTHROPIC = Anthropic()
CONTEXT = Context(request_id="req_1", token="tok", created=1, model="claude", input_tokens=5)
STARTED = Started(id="x1", model="m")
STOP = Finished(finish=Finish(reason="stop"))


def read(*frames: bytes) -> list[Event]:
    decoder = ANTHROPIC.stream_decoder()
    return [found for frame in frames for found in decoder.feed(frame)] + decoder.close()


def written(*events: Event) -> list[dict[str, Any]]:
    encoder = ANTHROPIC.stream_encoder(CONTEXT)
    raw = b"".join(encoder.send(one) for one in events) + encoder.close()
    order.anthropic(raw)
    return strict.message_stream(raw)


def start(usage: dict[str, Any] | None = None) -> bytes:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    return event({"type": "message_start", "message": {**message, "usage": usage or {"input_tokens": 3}}})


def block(index: int, shell: dict[str, Any]) -> bytes:
    return event({"type": "content_block_start", "index": index, "content_block": shell})


def delta(index: int, **fields: Any) -> bytes:
    return event({"type": "content_block_delta", "index": index, "delta": fields})


def stop(index: int) -> bytes:
    return event({"type": "content_block_stop", "index": index})


def end(reason: str = "end_turn", **usage: Any) -> bytes:
    ended = {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}
    return event(ended) + event({"type": "message_stop"})


def test_a_stream_is_read_event_by_event() -> None:
    assert read(
        start(),
        event({"type": "ping"}),
        block(0, {"type": "thinking", "thinking": "", "signature": ""}),
        delta(0, type="thinking_delta", thinking="hm"),
        delta(0, type="signature_delta", signature="sig"),
        stop(0),
        block(1, {"type": "text", "text": "", "citations": []}),
        delta(1, type="text_delta", text="hi"),
        delta(1, type="citations_delta", citation={"type": "char_location"}),
        stop(1),
        block(2, {"type": "tool_use", "id": "t1", "name": "f", "input": {}, "caller": {"type": "direct"}}),
        delta(2, type="input_json_delta", partial_json=""),
        delta(2, type="input_json_delta", partial_json='{"a":1}'),
        stop(2),
        event({"type": "brand_new", "x": 1}),
        end("tool_use", output_tokens=7),
    ) == [
        Started(id="msg_1", model="m", origin="anthropic"),
        UsageReported(usage=Usage(input=3, raw={"input_tokens": 3})),
        Ping(),
        PartOpened(index=0, shell=Reasoning(origin="anthropic")),
        ReasoningDelta(index=0, text="hm"),
        ReasoningDelta(index=0, seal="sig"),
        PartClosed(index=0),
        PartOpened(index=1, shell=Text(text="", origin="anthropic")),
        TextDelta(index=1, text="hi"),
        CitationDelta(index=1, citation={"type": "char_location"}),
        PartClosed(index=1),
        PartOpened(index=2, shell=ToolCall(call_id="t1", name="f", origin="anthropic")),
        ArgumentsDelta(index=2, fragment='{"a":1}'),
        PartClosed(index=2),
        Opaque(origin="anthropic", data={"type": "brand_new", "x": 1}),
        UsageReported(usage=Usage(input=3, output=7, raw={"input_tokens": 3, "output_tokens": 7})),
        Finished(finish=Finish(reason="tool_calls", raw_reason="tool_use")),
    ]


def test_cached_input_is_counted_and_never_unsaid_by_a_zero() -> None:
    events = read(
        start({"input_tokens": 3, "cache_read_input_tokens": 113613, "output_tokens": 1}),
        end(input_tokens=0, cache_read_input_tokens=0, output_tokens=9),
    )
    usage = [one.usage for one in events if isinstance(one, UsageReported)][-1]
    assert (usage.input, usage.cache_read, usage.output, usage.input_total) == (3, 113613, 9, 113616)


def test_a_character_cut_between_two_chunks_is_whole_again() -> None:
    raw = start() + block(0, {"type": "text", "text": ""}) + delta(0, type="text_delta", text="héé😀")
    at = raw.index("😀".encode()) + 2
    events = read(raw[:at], raw[at:])
    assert TextDelta(index=0, text="héé😀") in events


def test_half_an_emoji_costs_a_mark_and_not_the_text() -> None:
    torn = b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\\ud83d b"}}\n\n'
    events = read(start(), block(0, {"type": "text", "text": ""}), torn)
    assert TextDelta(index=0, text="a\ufffd b") in events


def test_two_streams_share_nothing() -> None:
    one, other = ANTHROPIC.stream_decoder(), ANTHROPIC.stream_decoder()
    half = len(start()) // 2
    one.feed(start()[:half])
    assert other.feed(start()) != []
    assert one.feed(start()[half:]) != []


def test_a_last_event_without_its_line_end_is_still_read() -> None:
    assert isinstance(read(start(), end().rstrip())[-1], Finished)


def test_an_answer_with_its_stop_reason_is_complete_without_the_last_event() -> None:
    whole = end("max_tokens", output_tokens=4)
    events = read(start(), whole[: whole.index(b"event: message_stop")])
    assert events[-1] == Finished(finish=Finish(reason="length", raw_reason="max_tokens"))


def test_a_stream_without_message_delta_finishes_by_what_it_held() -> None:
    tool = block(0, {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}})
    events = read(start(), tool, event({"type": "message_stop"}))
    assert ArgumentsDelta(index=0, fragment='{"a":1}') in events
    assert events[-1] == Finished(finish=Finish(reason="tool_calls"))


@pytest.mark.parametrize(
    ("word", "kind", "status"),
    [("overloaded_error", "overloaded", 529), ("rate_limit_error", "rate_limit", 429), ("odd", "server", 500)],
)
def test_an_error_event_ends_the_stream(word: str, kind: str, status: int) -> None:
    error = event({"type": "error", "error": {"type": word, "message": "Overloaded\nat x"}})
    events = read(start(), block(0, {"type": "text", "text": ""}), error, end())
    assert isinstance(events[-2], PartClosed)
    assert isinstance(events[-1], Failed)
    failure = events[-1].failure
    assert (failure.kind, failure.status, failure.message) == (kind, status, "Overloaded")


def test_a_cut_stream_closes_what_is_open_and_fails() -> None:
    events = read(start(), block(0, {"type": "text", "text": "a"}))
    assert isinstance(events[-2], PartClosed)
    assert isinstance(events[-1], Failed)
    assert events[-1].failure.kind == "cut"


def test_the_golden_answer_is_written_event_by_event() -> None:
    assert written(
        STARTED,
        PartOpened(index=0, shell=Reasoning()),
        ReasoningDelta(index=0, text="th"),
        PartOpened(index=1, shell=Text(text="")),
        TextDelta(index=1, text="hi"),
        PartOpened(index=2, shell=ToolCall(call_id="call_1", name="f")),
        ArgumentsDelta(index=2, fragment='{"a":1}'),
        PartClosed(index=0),
        PartClosed(index=1),
        PartClosed(index=2),
        UsageReported(usage=Usage(input=3, cache_read=2, output=7, reasoning=1)),
        Finished(finish=Finish(reason="tool_calls", raw_reason="tool_calls")),
    ) == [
        {
            "type": "message_start",
            "message": {
                "id": "msg_x1",
                "type": "message",
                "role": "assistant",
                "model": "claude",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": {
                    "input_tokens": 5,
                    "cache_creation_input_tokens": 0,
                    "cache_read_input_tokens": 0,
                    "output_tokens": 0,
                },
            },
        },
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "th"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "hi"}},
        {"type": "content_block_stop", "index": 1},
        {
            "type": "content_block_start",
            "index": 2,
            "content_block": {"type": "tool_use", "id": "call_1", "name": "f", "input": {}},
        },
        {
            "type": "content_block_delta",
            "index": 2,
            "delta": {"type": "input_json_delta", "partial_json": '{"a":1}'},
        },
        {"type": "content_block_stop", "index": 2},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {
                "input_tokens": 3,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 2,
                "output_tokens": 7,
                "output_tokens_details": {"thinking_tokens": 1},
            },
        },
        {"type": "message_stop"},
    ]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [one["content_block"]["type"] for one in events if one["type"] == "content_block_start"]


def test_interleaved_calls_are_written_one_after_the_other() -> None:
    events = written(
        STARTED,
        PartOpened(index=0, shell=ToolCall(call_id="a", name="f")),
        PartOpened(index=1, shell=ToolCall(call_id="b", name="g")),
        ArgumentsDelta(index=1, fragment='{"b"'),
        ArgumentsDelta(index=0, fragment='{"a":1}'),
        ArgumentsDelta(index=1, fragment=":2}"),
        PartClosed(index=1),
        PartClosed(index=0),
        STOP,
    )
    assert [one.get("index") for one in events if "index" in one] == [0, 0, 0, 1, 1, 1, 1]
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def test_fragments_of_an_open_call_are_not_held_back() -> None:
    encoder = ANTHROPIC.stream_encoder(CONTEXT)
    encoder.send(STARTED)
    encoder.send(PartOpened(index=0, shell=ToolCall(call_id="a", name="f")))
    assert b'{\\"a\\"' in encoder.send(ArgumentsDelta(index=0, fragment='{"a"'))


def test_a_text_goes_on_in_a_new_block_after_another_part() -> None:
    events = written(
        STARTED,
        PartOpened(index=0, shell=Text(text="")),
        TextDelta(index=0, text="a"),
        PartOpened(index=1, shell=Reasoning(text="t")),
        TextDelta(index=0, text="b"),
        STOP,
    )
    assert kinds(events) == ["text", "thinking", "text"]


def test_the_real_input_is_told_at_the_start_when_it_is_known() -> None:
    events = written(
        Started(id="msg_1", model="m", origin="anthropic"),
        UsageReported(usage=Usage(input=11, output=1, raw={"input_tokens": 11, "service_tier": "standard"})),
        PartOpened(index=0, shell=Text(text="a", origin="anthropic")),
        STOP,
    )
    assert events[0]["message"]["usage"]["input_tokens"] == 11
    assert events[0]["message"]["usage"]["service_tier"] == "standard"
    assert "service_tier" not in events[-2]["usage"]


def test_a_seal_is_written_only_for_thinking_of_this_api() -> None:
    def sealed(origin: str) -> list[dict[str, Any]]:
        return written(
            STARTED,
            PartOpened(index=0, shell=Reasoning(text="hm", origin=origin)),
            ReasoningDelta(index=0, seal="sig"),
            PartClosed(index=0),
            STOP,
        )

    assert [one["delta"]["type"] for one in sealed("anthropic") if one["type"] == "content_block_delta"] == [
        "thinking_delta",
        "signature_delta",
    ]
    assert b"sig" not in msgspec.json.encode(sealed("gemini")).replace(b"signature", b"")


def test_an_answer_without_content_says_that_it_is_empty() -> None:
    events = written(STARTED, PartOpened(index=0, shell=Text(text="")), PartClosed(index=0), STOP)
    assert events[2]["delta"]["text"] == "(empty response)"


def test_parts_without_a_block_are_shown_as_text_or_left_out() -> None:
    events = written(
        STARTED,
        PartOpened(index=0, shell=Unknown(data={"type": "hologram"}, origin="gemini")),
        PartClosed(index=0),
        PartOpened(index=1, shell=Media(mime="image/png", url="https://x/a.png")),
        PartClosed(index=1),
        PartOpened(index=2, shell=Refusal(text="no")),
        PartClosed(index=2),
        PartOpened(index=3, shell=ToolCall(call_id="s", name="search", executor="provider")),
        ArgumentsDelta(index=3, fragment="{}"),
        STOP,
    )
    assert kinds(events) == ["text", "text"]
    assert events[-2]["delta"]["stop_reason"] == "refusal"


def test_blocks_of_this_api_are_written_whole() -> None:
    events = written(
        Started(id="msg_1", model="m", origin="anthropic"),
        PartOpened(index=0, shell=Reasoning(redacted=True, seal="data", origin="anthropic")),
        PartClosed(index=0),
        PartOpened(
            index=1,
            shell=ToolCall(
                call_id="s", name="web_search", arguments=RawJson("{}"), executor="provider", origin="anthropic"
            ),
        ),
        PartClosed(index=1),
        PartOpened(index=2, shell=Text(text="t", citations=(CITATION,), origin="anthropic")),
        PartClosed(index=2),
        STOP,
    )
    assert kinds(events) == ["redacted_thinking", "server_tool_use", "text"]
    assert events[-2]["delta"]["stop_reason"] == "end_turn"
    assert [one["delta"]["type"] for one in events if one["type"] == "content_block_delta"] == [
        "input_json_delta",
        "text_delta",
        "citations_delta",
    ]


CITATION = {
    "type": "char_location",
    "cited_text": "t",
    "document_index": 0,
    "document_title": None,
    "start_char_index": 0,
    "end_char_index": 1,
    "file_id": None,
}


def test_a_failure_is_an_error_event_and_nothing_follows() -> None:
    failed = Failed(failure=Failure(kind="overloaded", status=529, message="Overloaded"))
    events = written(STARTED, PartOpened(index=0, shell=Text(text="a")), failed, STOP)
    assert events[-1]["error"] == {"type": "overloaded_error", "message": "Overloaded"}


def test_a_stream_that_just_stops_ends_in_an_error_event() -> None:
    events = written(STARTED, PartOpened(index=0, shell=Text(text="a")))
    assert events[-1]["type"] == "error"


def test_pings_keep_a_waiting_client_alive() -> None:
    encoder = ANTHROPIC.stream_encoder(CONTEXT)
    assert encoder.send(Ping()) == b'event: ping\ndata: {"type": "ping"}\n\n'
    encoder.send(STARTED)
    assert encoder.send(Ping()).startswith(b"event: message_start")


def spoken(index: int, text: str, seal: str | None = None) -> list[Event]:
    shell = Text(text="", seal=seal, origin="gemini")
    return [PartOpened(index=index, shell=shell), TextDelta(index=index, text=text), PartClosed(index=index)]


def test_a_text_of_which_gemini_sealed_the_last_piece_is_one_block_or_claude_code_shows_that_piece_only() -> None:
    events = written(STARTED, *spoken(0, "FINAL: too"), *spoken(1, "l-ok", "s"), STOP)
    assert [one["type"] for one in events[1:5]] == [
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
    ]
    assert "".join(one["delta"]["text"] for one in events[2:4]) == "FINAL: tool-ok"


def test_texts_with_a_call_between_them_are_two_blocks() -> None:
    call = ToolCall(call_id="c", name="f")
    called: list[Event] = [PartOpened(index=1, shell=call), PartClosed(index=1)]
    events = written(STARTED, *spoken(0, "a"), *called, *spoken(2, "b"), STOP)
    blocks = [one["content_block"]["type"] for one in events if one["type"] == "content_block_start"]
    assert blocks == ["text", "tool_use", "text"]
