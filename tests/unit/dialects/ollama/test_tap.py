"""The tap beside an Ollama stream: it reads, it never changes a line, and it lets one end through."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.ollama.dialect import Ollama
from omniroute.ir.result import Finish, Usage

OLLAMA = Ollama()


def line(message: dict[str, Any], done: bool = False, **more: Any) -> bytes:
    return msgspec.json.encode({"model": "m", "message": message, "done": done, **more}) + b"\n"


FIRST = line({"content": ""})
A, B = line({"content": "a"}), line({"content": "b"})
COUNTS = {"prompt_eval_count": 5, "eval_count": 7}
END = line({"content": ""}, True, done_reason="stop", **COUNTS)


def test_a_whole_stream_passes_unchanged_and_is_understood() -> None:
    tap = OLLAMA.tap(include_usage=False)
    steps = [tap.feed(one) for one in (FIRST, A, B, END)]
    assert [step.forward for step in steps] == [FIRST, A, B, END]
    assert [(step.useful, step.terminal) for step in steps] == [
        (False, False),
        (True, False),
        (True, False),
        (True, True),
    ]
    assert tap.usage == Usage(input=5, output=7, raw=COUNTS)
    assert tap.finish == Finish(reason="stop", raw_reason="stop")
    assert tap.close() == b""


def test_a_second_end_never_reaches_the_client() -> None:
    tap = OLLAMA.tap(include_usage=True)
    assert tap.feed(A + END + END).forward == A + END
    assert tap.feed(END).forward == b""


def test_a_torn_line_waits_until_it_is_whole() -> None:
    tap = OLLAMA.tap(include_usage=True)
    tap.feed(A)
    assert tap.feed(B[:20]).forward == b""
    assert tap.feed(B[20:-1]).forward == b""
    assert tap.feed(b"").forward == b""
    assert tap.feed(B[-1:]).forward == B


@pytest.mark.parametrize(
    "message", [{"content": "a"}, {"thinking": "a"}, {"tool_calls": [{"function": {}}]}, {"images": ["AA"]}]
)
def test_a_stream_is_useful_from_its_first_content_on(message: dict[str, Any]) -> None:
    tap = OLLAMA.tap(include_usage=True)
    assert not tap.feed(FIRST).useful
    assert tap.feed(line(message)).useful
    assert tap.feed(FIRST).useful


def test_lines_that_ollamas_clients_fail_on_are_left_out() -> None:
    tap = OLLAMA.tap(include_usage=True)
    tap.feed(A)
    assert tap.feed(b"\n" + B + b"\r\nnull\n{torn\n").forward == B


def test_an_error_is_reported_with_the_bytes_that_carry_it() -> None:
    tap = OLLAMA.tap(include_usage=True)
    tap.feed(A)
    tapped = tap.feed(b'{"error":"boom"}\n' + B)
    assert (tapped.forward, tapped.terminal) == (b'{"error":"boom"}\n', True)
    assert tapped.failure is not None
    assert tapped.failure.message == "boom"
    assert (tap.finish, tap.usage, tap.close()) == (None, None, b"")


def test_a_cut_stream_ends_in_an_error() -> None:
    tap = OLLAMA.tap(include_usage=True)
    tap.feed(A + B[:-9])
    assert tap.close() == b'{"error":"the provider\'s stream ended before it was complete"}\n'
    assert tap.close() == b""


def test_a_last_line_without_its_end_is_passed_on_whole() -> None:
    tap = OLLAMA.tap(include_usage=True)
    tap.feed(A + END.rstrip())
    assert tap.close() == END
    assert tap.finish is not None


@pytest.mark.parametrize(
    "respell",
    [
        lambda one: one,
        lambda one: one.replace(b'":', b'": ').replace(b",", b", "),
        lambda one: one.replace(b'":', b'" : '),
        lambda one: one.replace(b"\n", b"\r\n"),
    ],
)
def test_the_end_is_seen_in_any_spelling(respell: Any) -> None:
    tap = OLLAMA.tap(include_usage=True)
    tricky = line({"content": '"done":true "error" "done":false'})
    lines = [respell(one) for one in (FIRST, A, tricky, B, END)]
    assert [tap.feed(one).forward for one in lines] == lines
    assert tap.usage == Usage(input=5, output=7, raw=COUNTS)


def test_arguments_that_look_like_an_end_are_none() -> None:
    tap = OLLAMA.tap(include_usage=True)
    tap.feed(A)
    call = line(
        {"content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"done": True, "error": 1}}}]}
    )
    tapped = tap.feed(call)
    assert (tapped.forward, tapped.terminal, tapped.failure) == (call, False, None)
    disguised = line({"content": "", "tool_calls": [{"function": {"arguments": {"done": False}}}]}, True)
    assert tap.feed(disguised.replace(b'"done":true', b'"done": true')).terminal
    assert tap.finish == Finish(reason="tool_calls")
