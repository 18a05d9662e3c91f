"""Reading along a Responses stream that is forwarded unchanged."""

from typing import Any

import msgspec

from omniroute.dialects.openai_responses.tap import ResponsesTap
from omniroute.ir.result import Finish
from tests.support import strict_responses
from tests.support.frames import frames


def event(number: int, kind: str, **fields: Any) -> bytes:
    data = {"type": kind, "sequence_number": number, **fields}
    return f"event: {kind}\ndata: ".encode() + msgspec.json.encode(data) + b"\n\n"


HEAD: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 7,
    "model": "gpt-5",
    "status": "in_progress",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [{"type": "function", "name": "f", "parameters": None, "strict": None}],
    "instructions": "long",
}
CREATED = event(0, "response.created", response=HEAD)
OPEN = event(1, "response.output_item.added", output_index=0, item={"type": "message", "id": "m", "content": []})
DELTA = event(2, "response.output_text.delta", output_index=0, content_index=0, delta="response.comp")
USAGE = {"input_tokens": 5, "input_tokens_details": {"cached_tokens": 2}, "output_tokens": 7, "total_tokens": 12}
COMPLETED = event(3, "response.completed", response={**HEAD, "status": "completed", "usage": USAGE})


def test_every_byte_goes_on_and_the_end_is_noticed() -> None:
    tap = ResponsesTap()
    first = tap.feed(CREATED + OPEN)
    assert (first.forward, first.useful, first.terminal) == (CREATED + OPEN, False, False)
    second = tap.feed(DELTA)
    assert (second.forward, second.useful, second.terminal) == (DELTA, True, False)
    last = tap.feed(COMPLETED)
    assert (last.forward, last.terminal, last.failure) == (COMPLETED, True, None)
    assert tap.usage is not None
    assert (tap.usage.input, tap.usage.cache_read, tap.usage.output) == (3, 2, 7)
    assert tap.finish == Finish(reason="stop", raw_reason="completed")
    assert tap.close() == b""


def test_a_torn_frame_waits_until_it_is_whole() -> None:
    tap = ResponsesTap()
    assert tap.feed(CREATED + DELTA[:20]).forward == CREATED
    assert tap.feed(DELTA[20:]).forward == DELTA


def test_a_call_is_useful_and_finishes_the_answer_as_one() -> None:
    call = event(1, "response.output_item.added", output_index=0, item={"type": "function_call", "name": "f"})
    tap = ResponsesTap()
    assert tap.feed(CREATED + call).useful
    tap.feed(COMPLETED)
    assert tap.finish == Finish(reason="tool_calls", raw_reason="completed")


def test_a_call_that_came_after_the_text_is_noticed_too() -> None:
    call = event(3, "response.output_item.added", output_index=1, item={"type": "function_call", "name": "f"})
    tap = ResponsesTap()
    tap.feed(CREATED + DELTA)
    tap.feed(call)
    tap.feed(COMPLETED)
    assert tap.finish == Finish(reason="tool_calls", raw_reason="completed")


def test_nothing_goes_on_behind_the_end() -> None:
    tap = ResponsesTap()
    assert tap.feed(COMPLETED + DELTA).forward == COMPLETED
    assert tap.feed(COMPLETED).forward == b""


def test_a_failure_goes_on_and_is_reported_once() -> None:
    failed = event(
        1, "response.failed", response={**HEAD, "error": {"code": "rate_limit_exceeded", "message": "slow"}}
    )
    tap = ResponsesTap()
    told = tap.feed(CREATED + failed)
    assert told.forward == CREATED + failed
    assert told.terminal
    assert told.failure is not None
    assert (told.failure.status, told.failure.message) == (429, "slow")
    assert tap.finish is None


def test_a_cut_stream_fails_with_its_own_id_and_the_next_number() -> None:
    tap = ResponsesTap()
    tap.feed(CREATED + OPEN)
    tap.feed(DELTA)
    owed = tap.close()
    (told,) = strict_responses.stream(owed)
    assert (told["type"], told["sequence_number"]) == ("response.failed", 3)
    assert (told["response"]["id"], told["response"]["status"]) == ("resp_1", "failed")
    assert told["response"]["error"]["code"] == "server_error"
    assert (told["response"]["instructions"], told["response"]["tools"]) == (None, [])
    assert tap.close() == b""


def test_a_stream_cut_before_its_start_ends_in_an_error_event() -> None:
    (told,) = strict_responses.stream(ResponsesTap().close())
    assert told["type"] == "error"


def test_the_end_without_its_blank_line_is_made_whole() -> None:
    tap = ResponsesTap()
    tap.feed(CREATED + DELTA + COMPLETED.rstrip(b"\n"))
    owed = tap.close()
    assert [frame.event for frame in frames(owed)] == ["response.completed"]
    assert tap.usage is not None


def test_a_chat_terminator_is_no_end_and_does_not_go_on() -> None:
    tap = ResponsesTap()
    told = tap.feed(CREATED + DELTA + b"data: [DONE]\n\n")
    assert (told.forward, told.terminal) == (CREATED + DELTA, False)
    assert b"response.failed" in tap.close()
