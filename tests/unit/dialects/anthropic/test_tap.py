"""The tap: it forwards, it counts, and it ends what was cut."""

import pytest

from omniroute.dialects.anthropic.tap import AnthropicTap
from omniroute.dialects.base import Tapped
from omniroute.dialects.sse import MAX_FRAME_BYTES
from omniroute.errors import UpstreamError
from omniroute.ir.result import Finish
from tests.unit.dialects.anthropic.test_stream import block, delta, end, start, stop

OPENING = start({"input_tokens": 3, "cache_read_input_tokens": 5}) + block(0, {"type": "text", "text": ""})
HELLO = delta(0, type="text_delta", text="hello")


def test_frames_go_through_untouched_and_are_counted() -> None:
    tap = AnthropicTap()
    closing = stop(0) + end("stop_sequence", input_tokens=0, output_tokens=9)
    assert tap.feed(OPENING) == Tapped(OPENING, False, False, None)
    assert tap.feed(HELLO) == Tapped(HELLO, True, False, None)
    assert tap.feed(closing) == Tapped(closing, True, True, None)
    assert tap.close() == b""
    assert tap.usage is not None
    assert (tap.usage.input, tap.usage.cache_read, tap.usage.output) == (3, 5, 9)
    assert tap.finish == Finish(reason="stop_sequence", raw_reason="stop_sequence")


def test_a_torn_frame_is_held_until_it_is_whole() -> None:
    tap = AnthropicTap()
    assert tap.feed(OPENING + HELLO[:30]).forward == OPENING
    assert tap.feed(HELLO[30:-1]).forward == b""
    assert tap.feed(HELLO[-1:]).forward == HELLO


@pytest.mark.parametrize("line_end", [b"\r\n", b"\r"])
def test_other_line_ends_are_whole_frames_too(line_end: bytes) -> None:
    tap = AnthropicTap()
    whole = (OPENING + HELLO + end()).replace(b"\n", line_end)
    assert tap.feed(whole) == Tapped(whole, True, True, None)


def test_words_inside_a_text_change_nothing() -> None:
    tap = AnthropicTap()
    tap.feed(OPENING + HELLO)
    tricky = delta(0, type="text_delta", text='message_stop {"type":"error","error":{}} "error"')
    assert tap.feed(tricky) == Tapped(tricky, True, False, None)


def test_an_error_event_is_the_end() -> None:
    tap = AnthropicTap()
    tap.feed(OPENING + HELLO)
    error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    tapped = tap.feed(error + HELLO)
    assert (tapped.forward, tapped.terminal) == (error, True)
    assert tapped.failure is not None
    assert (tapped.failure.kind, tapped.failure.status) == ("overloaded", 529)
    assert tap.feed(HELLO).forward == b""
    assert tap.close() == b""
    assert tap.finish is None


def test_a_cut_stream_ends_in_an_error_event() -> None:
    tap = AnthropicTap()
    tap.feed(OPENING + HELLO + b"event: content_block_delta\ndata: {")
    assert tap.close().startswith(b'event: error\ndata: {"type":"error","error":{"type":"api_error"')


def test_a_last_frame_without_its_blank_line_is_not_lost() -> None:
    tap = AnthropicTap()
    whole = end(output_tokens=2)
    tap.feed(OPENING + HELLO + whole.rstrip())
    assert tap.close() == b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    assert tap.usage is not None
    assert tap.usage.output == 2


def test_an_endless_frame_is_a_protocol_error() -> None:
    tap = AnthropicTap()
    tap.feed(b"x" * MAX_FRAME_BYTES)
    with pytest.raises(UpstreamError):
        tap.feed(b"x")
