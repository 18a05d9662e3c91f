"""Streams of the Ollama dialect: the golden vector, and what servers really send."""

from typing import Any

import msgspec

from omniroute.dialects.base import Context
from omniroute.dialects.ollama.dialect import Ollama
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
from omniroute.ir.json import RawJson
from omniroute.ir.parts import Media, Reasoning, Refusal, Text, ToolCall, ToolResult
from omniroute.ir.result import Finish, GenerateResponse, Usage
from tests.support import order_ollama

OLLAMA = Ollama()
CONTEXT = Context(request_id="req_1", token="tok", created=7, model="told")
HEAD = {"model": "told", "created_at": "1970-01-01T00:00:07Z"}
STARTED = Started(id="msg_1", model="m", origin="anthropic")
STOP = Finished(finish=Finish(reason="stop"))


def line(message: dict[str, Any] | None, done: bool = False, **more: Any) -> bytes:
    said = {} if message is None else {"message": {"role": "assistant", **message}}
    return msgspec.json.encode({"model": "m", "created_at": "t", **said, "done": done, **more}) + b"\n"


def events_of(*lines: bytes) -> list[Event]:
    decoder = OLLAMA.stream_decoder()
    return decoder.feed(b"".join(lines)) + decoder.close()


def written(*events: Event) -> bytes:
    encoder = OLLAMA.stream_encoder(CONTEXT)
    return b"".join(encoder.send(event) for event in events) + encoder.close()


def lines_of(*events: Event) -> list[Any]:
    raw = written(*events)
    order_ollama.stream(raw)
    return [msgspec.json.decode(one) for one in raw.split(b"\n")[:-1]]


def call(name: str, arguments: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}}


def test_the_golden_stream_is_read() -> None:
    counts = {"total_duration": 9, "prompt_eval_count": 5, "eval_count": 7}
    events = events_of(
        line({"content": "", "thinking": "th"}),
        line({"content": "hi"}),
        line({"content": "", "tool_calls": [call("f", {"a": 1})]}),
        line({"content": ""}, done=True, done_reason="stop", **counts),
    )
    assert events == [
        Started(id="", model="m", origin="ollama"),
        PartOpened(index=0, shell=Reasoning(origin="ollama")),
        ReasoningDelta(index=0, text="th"),
        PartClosed(index=0),
        PartOpened(index=1, shell=Text(text="")),
        TextDelta(index=1, text="hi"),
        PartClosed(index=1),
        PartOpened(index=2, shell=ToolCall(call_id="call_e3b98a4da31a_0", name="f", origin="ollama")),
        ArgumentsDelta(index=2, fragment='{"a":1}'),
        PartClosed(index=2),
        UsageReported(usage=Usage(input=5, output=7, raw=counts)),
        Finished(finish=Finish(reason="tool_calls", raw_reason="stop")),
    ]


def test_every_entry_is_a_call_of_its_own() -> None:
    same = [call("f", {"a": 1}), call("f", {"a": 2})]
    response = fold(events_of(line({"tool_calls": same}), line({"tool_calls": same}), line({}, done=True)))
    assert isinstance(response, GenerateResponse)
    calls = [part for part in response.parts if isinstance(part, ToolCall)]
    assert [part.arguments for part in calls] == ['{"a":1}', '{"a":2}'] * 2
    assert len({part.call_id for part in calls}) == 4


def test_only_the_first_end_counts() -> None:
    end = line({"content": ""}, done=True, done_reason="stop")
    events = events_of(line({"content": "a"}), end, end, line({"content": "late"}))
    assert [type(event) for event in events].count(Finished) == 1
    assert isinstance(events[-1], Finished)


def test_a_last_line_without_its_end_or_its_message_is_read() -> None:
    events = events_of(line({"content": "a"}), line(None, done=True, eval_count=3).rstrip())
    assert events[-2:] == [
        UsageReported(usage=Usage(output=3, raw={"eval_count": 3})),
        Finished(finish=Finish(reason="stop")),
    ]


def test_a_stream_that_ends_too_early_is_cut() -> None:
    for lines in ((), (line({"content": "a"}),), (line({"content": "a"}), b'{"model":"m","mess')):
        last = events_of(*lines)[-1]
        assert isinstance(last, Failed)
        assert (last.failure.kind, last.failure.status) == ("cut", 502)


def test_an_error_line_ends_the_stream() -> None:
    events = events_of(line({"content": "a"}), b'{"error":"an error was encountered"}\n', line({}, done=True))
    assert events[-2:] == [
        PartClosed(index=0),
        Failed(
            failure=Failure(
                kind="server",
                status=502,
                message="an error was encountered",
                raw={"error": "an error was encountered"},
            )
        ),
    ]


def test_what_is_unknown_is_kept_for_ollamas_own_clients() -> None:
    probabilities = [{"token": "a", "logprob": -0.5}]
    events = events_of(
        line({"content": "a"}, remote_model="r"),
        line({"content": "b", "x_new": 1}, remote_model="r", logprobs=probabilities),
        line({"content": ""}, done=True, remote_model="r", done_reason="length"),
    )
    assert events[0] == Started(id="", model="m", origin="ollama", extra={"remote_model": "r"})
    assert Opaque(origin="ollama", data={"message": {"x_new": 1}}) in events
    assert Opaque(origin="ollama", data={"logprobs": probabilities}) in events
    lines = [msgspec.json.decode(one) for one in written(*events).split(b"\n")[:-1]]
    assert all(one["remote_model"] == "r" for one in lines)
    assert [one.get("logprobs") for one in lines] == [None, None, None, probabilities, None]
    assert lines[2]["message"] == {"role": "assistant", "content": "", "x_new": 1}
    assert lines[3]["message"] == {"role": "assistant", "content": ""}
    assert lines[-1] == {
        **HEAD,
        "remote_model": "r",
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": "length",
    }


def test_the_golden_stream_is_written() -> None:
    empty = {"role": "assistant", "content": ""}
    assert lines_of(
        STARTED,
        PartOpened(index=0, shell=Reasoning()),
        ReasoningDelta(index=0, text="th"),
        ReasoningDelta(index=0, seal="sealed"),
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
    ) == [
        {**HEAD, "message": {**empty, "thinking": "th"}, "done": False},
        {**HEAD, "message": {**empty, "content": "hi"}, "done": False},
        {**HEAD, "message": {**empty, "tool_calls": [call("f", {"a": 1})]}, "done": False},
        {
            **HEAD,
            "message": empty,
            "done": True,
            "done_reason": "stop",
            "total_duration": 0,
            "load_duration": 0,
            "prompt_eval_duration": 0,
            "eval_duration": 0,
            "prompt_eval_count": 5,
            "eval_count": 7,
        },
    ]


def test_calls_leave_whole_and_in_the_order_they_were_opened() -> None:
    lines = lines_of(
        STARTED,
        PartOpened(index=0, shell=ToolCall(call_id="a", name="f")),
        PartOpened(index=1, shell=ToolCall(call_id="b", name="g", arguments=RawJson('{"n":'))),
        ArgumentsDelta(index=1, fragment="1}"),
        PartClosed(index=1),
        ArgumentsDelta(index=0, fragment="oops"),
        PartOpened(index=2, shell=ToolCall(call_id="w", name="web", executor="provider")),
        ArgumentsDelta(index=2, fragment="{}"),
        PartClosed(index=2),
        STOP,
    )
    calls = [one["message"]["tool_calls"] for one in lines if "tool_calls" in one["message"]]
    assert calls == [[call("f", {"_raw_arguments": "oops"})], [call("g", {"n": 1})]]


def test_shells_that_already_say_something_are_heard() -> None:
    lines = lines_of(
        STARTED,
        Ping(),
        PartOpened(index=0, shell=Text(text="a")),
        CitationDelta(index=0, citation={"url": "u"}),
        PartOpened(index=1, shell=Refusal(text="b")),
        PartOpened(index=2, shell=Reasoning(summary=("c", "d"))),
        PartOpened(index=3, shell=Media(mime="image/png", url="https://x/a.png")),
        PartOpened(index=4, shell=ToolResult(call_id="w")),
        Opaque(origin="anthropic", data={"x": 1}),
        TextDelta(index=0, text=""),
        STOP,
    )
    messages = [{name: said for name, said in one["message"].items() if name != "role"} for one in lines]
    assert messages == [
        {"content": ""},
        {"content": "a"},
        {"content": "b"},
        {"content": "", "thinking": "c\n\nd"},
        {"content": "![image](https://x/a.png)"},
        {"content": ""},
    ]


def test_ollamas_own_images_stay_images() -> None:
    events = events_of(line({"content": "a", "images": ["AAAA"]}), line({}, done=True))
    assert PartOpened(index=1, shell=Media(mime="image/png", data="AAAA", origin="ollama")) in events
    assert b'"images":["AAAA"]' in written(*events)


def test_a_failure_is_the_last_line() -> None:
    failed = Failed(failure=Failure(kind="server", status=500, message="boom"))
    opened = PartOpened(index=0, shell=ToolCall(call_id="c", name="f"))
    raw = written(STARTED, opened, failed, STOP)
    assert raw == b'{"error":"boom"}\n'
    assert written(STARTED) == b'{"error":"the provider\'s stream ended before it was complete"}\n'
