"""The tap beside a chat stream: it reads, it withholds one chunk at most, and it never tears a frame."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.base import Tapped
from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.ir.result import Finish, Usage

CHAT = OpenAIChat()
DONE = b"data: [DONE]\n\n"


def chunk(delta: dict[str, Any] | None, finish: str | None = None, usage: Any = None) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + msgspec.json.encode({"id": "x", "choices": choices, "usage": usage}) + b"\n\n"


ROLE = chunk({"role": "assistant", "content": ""})
USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
USAGE_CHUNK = chunk(None, usage=USAGE)


def test_a_whole_stream_passes_unchanged_and_is_understood() -> None:
    tap = CHAT.tap(include_usage=True)
    steps = [
        tap.feed(frame) for frame in (ROLE, chunk({"content": "a"}), chunk({"content": "b"}), chunk({}, "stop"))
    ]
    assert [(step.useful, step.terminal) for step in steps] == [
        (False, False),
        (True, False),
        (True, False),
        (True, False),
    ]
    assert b"".join(step.forward for step in steps) == ROLE + chunk({"content": "a"}) + chunk(
        {"content": "b"}
    ) + chunk({}, "stop")
    assert tap.feed(USAGE_CHUNK + DONE) == Tapped(USAGE_CHUNK + DONE, True, True, None)
    assert tap.usage == Usage(input=5, output=7, raw=USAGE)
    assert tap.finish == Finish(reason="stop", raw_reason="stop")
    assert tap.close() == b""


def test_usage_that_only_the_gateway_asked_for_is_withheld() -> None:
    tap = CHAT.tap(include_usage=False)
    tapped = tap.feed(chunk({"content": "a"}, "stop") + USAGE_CHUNK + DONE)
    assert tapped.forward == chunk({"content": "a"}, "stop") + DONE
    assert tap.usage == Usage(input=5, output=7, raw=USAGE)


def test_a_chunk_without_choices_that_is_not_about_usage_passes() -> None:
    first = b'data: {"id":"","choices":[],"prompt_filter_results":[]}\n\n'
    assert CHAT.tap(include_usage=False).feed(first) == Tapped(first, False, False, None)


def test_a_torn_frame_waits_until_it_is_whole() -> None:
    tap = CHAT.tap(include_usage=True)
    tap.feed(chunk({"content": "a"}))
    frame = chunk({"content": "b"})
    assert tap.feed(frame[:20]).forward == b""
    assert tap.feed(frame[20:-1]).forward == b""
    assert tap.feed(frame[-1:]).forward == frame


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "a"},
        {"reasoning_content": "a"},
        {"reasoning": "a"},
        {"refusal": "a"},
        {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]},
        {"function_call": {"name": "f"}},
    ],
)
def test_a_stream_is_useful_from_its_first_content_on(delta: dict[str, Any]) -> None:
    tap = CHAT.tap(include_usage=True)
    assert not tap.feed(b": keepalive\n\n").useful
    assert not tap.feed(ROLE).useful
    assert tap.feed(chunk(delta)).useful
    assert tap.feed(b": keepalive\n\n").useful


def test_an_error_is_reported_with_the_bytes_that_carry_it() -> None:
    tap = CHAT.tap(include_usage=True)
    tap.feed(chunk({"content": "a"}))
    error = b'data: {"error":{"message":"Rate limit","code":"rate_limit_exceeded"}}\n\n'
    tapped = tap.feed(error)
    assert tapped.forward == error
    assert tapped.failure is not None
    assert (tapped.failure.status, tapped.failure.code) == (429, "rate_limit_exceeded")
    assert tap.feed(b": bye\n\n").failure is None
    assert tap.close() == DONE


def test_a_cut_stream_ends_in_an_error_and_done() -> None:
    tap = CHAT.tap(include_usage=True)
    tap.feed(chunk({"content": "a"}) + chunk({"content": "b"})[:-9])
    owed = tap.close()
    assert owed.startswith(b'data: {"error":{"message":"the provider')
    assert owed.endswith(DONE)
    assert owed.count(b"data: ") == 2


def test_a_last_frame_without_its_blank_line_is_passed_on_whole() -> None:
    tap = CHAT.tap(include_usage=True)
    tap.feed(chunk({"content": "a"}, "stop"))
    tap.feed(b"data: [DONE]")
    assert tap.close() == DONE
    tap = CHAT.tap(include_usage=True)
    tap.feed(chunk({"content": "a"}))
    tap.feed(chunk({}, "stop").rstrip())
    assert tap.close() == chunk({}, "stop") + DONE


def test_a_stream_that_said_why_it_ended_gets_its_done() -> None:
    tap = CHAT.tap(include_usage=True)
    tap.feed(chunk({"content": "a"}, "stop"))
    assert tap.close() == DONE
    assert tap.close() == b""


def test_nothing_passes_after_the_end() -> None:
    tap = CHAT.tap(include_usage=True)
    tap.feed(chunk({"content": "a"}, "stop") + DONE)
    assert tap.feed(chunk({"content": "late"})).forward == b""


def test_a_null_event_never_reaches_the_client() -> None:
    tap = CHAT.tap(include_usage=True)
    tap.feed(chunk({"content": "a"}))
    both = chunk({"content": "b"}) + b"data: null\n\n"
    assert tap.feed(both).forward == chunk({"content": "b"})


@pytest.mark.parametrize(
    "respell",
    [
        lambda frame: frame,
        lambda frame: frame.replace(b":", b": ").replace(b",", b", "),
        lambda frame: frame.replace(b'":', b'" : '),
        lambda frame: frame.replace(b"\n", b"\r\n"),
        lambda frame: frame.replace(b"data: ", b"data:"),
    ],
)
def test_finish_and_usage_are_seen_in_any_spelling(respell: Any) -> None:
    tap = CHAT.tap(include_usage=True)
    words = [chunk({"content": '"finish_reason":"no" "usage":{ [DONE] "error"'}), chunk({"content": "b"})]
    frames = [respell(frame) for frame in (ROLE, *words, chunk({}, "length", USAGE))]
    forwarded = [tap.feed(frame).forward for frame in (*frames, DONE)]
    assert forwarded == [*frames, DONE]
    assert tap.finish == Finish(reason="length", raw_reason="length")
    assert tap.usage is not None
    assert tap.usage.output == 7


def test_calls_seen_while_skimming_name_the_finish() -> None:
    tap = CHAT.tap(include_usage=True)
    call = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]}
    for frame in (chunk({"content": "a"}), chunk({"content": "b"}), chunk(call), chunk({}, "stop")):
        tap.feed(frame)
    assert tap.finish == Finish(reason="tool_calls", raw_reason="stop")


def test_several_frames_in_one_chunk_are_skimmed_one_and_all() -> None:
    tap = CHAT.tap(include_usage=True)
    tap.feed(chunk({"content": "a"}))
    several = chunk({"content": "b"}) + chunk({"content": "c"}) + chunk({}, "stop")
    assert tap.feed(several).forward == several
    assert tap.finish == Finish(reason="stop", raw_reason="stop")
