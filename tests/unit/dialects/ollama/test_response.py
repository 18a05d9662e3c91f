"""Whole answers of the Ollama dialect, both ways."""

import hashlib
from typing import Any

import msgspec
import pytest
from ollama import ChatResponse

from omniroute.dialects.base import Context
from omniroute.dialects.ollama.dialect import Ollama
from omniroute.errors import UpstreamError
from omniroute.ir.failure import Failure
from omniroute.ir.json import RawJson
from omniroute.ir.parts import Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.result import Finish, FinishReason, GenerateResponse, Usage
from omniroute.ir.target import Target
from tests.support import order_ollama

OLLAMA = Ollama()
CONTEXT = Context(request_id="req_1", token="tok", created=1_700_000_000, model="told")
COUNTS = {"prompt_eval_count": 5, "eval_count": 7, "total_duration": 9}


def answer(message: dict[str, Any] | None = None, **more: Any) -> bytes:
    said = {"role": "assistant", "content": "hi", **(message or {})}
    head = {"model": "m", "created_at": "2026-11-22T20:00:00.123456789Z", "done": True}
    return msgspec.json.encode({**head, "message": said, "done_reason": "stop", **more})


def decoded(body: bytes) -> GenerateResponse:
    response = OLLAMA.decode_response(body)
    assert isinstance(response, GenerateResponse)
    return response


def encoded(
    *parts: Any, reason: FinishReason = "stop", **more: Any
) -> tuple[dict[str, Any], set[tuple[str, str]]]:
    response = GenerateResponse(id="x", model="m", parts=parts, finish=Finish(reason=reason), **more)
    body, losses, _ = OLLAMA.encode_response(response, CONTEXT)
    order_ollama.answer(body)
    return msgspec.json.decode(body), {(loss.path, loss.what) for loss in losses}


def test_an_answer_is_read() -> None:
    calls = [
        {"function": {"index": 0, "name": "f", "arguments": {"a": 1}}},
        {"id": "call_x", "function": {"name": "g"}},
    ]
    response = decoded(answer({"thinking": "th", "tool_calls": calls}, **COUNTS))
    stamp = hashlib.sha256(b"2026-11-22T20:00:00.123456789Z").hexdigest()[:12]
    assert response == GenerateResponse(
        id="",
        model="m",
        parts=(
            Reasoning(text="th", origin="ollama"),
            Text(text="hi"),
            ToolCall(call_id=f"call_{stamp}_0", name="f", arguments=RawJson('{"a":1}'), origin="ollama"),
            ToolCall(call_id="call_x", name="g", origin="ollama"),
        ),
        finish=Finish(reason="tool_calls", raw_reason="stop"),
        usage=Usage(input=5, output=7, raw=COUNTS),
        origin="ollama",
    )


def test_calls_of_two_answers_have_different_ids() -> None:
    call = {"content": "", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}
    one, other = decoded(answer(call)), decoded(answer(call, created_at="2026-11-22T20:00:00.123456790Z"))
    assert one.parts[0] != other.parts[0]


@pytest.mark.parametrize(
    ("raw", "reason"), [("stop", "stop"), ("length", "length"), ("load", "other"), ("", "stop"), (None, "stop")]
)
def test_why_an_answer_ended_is_understood(raw: str | None, reason: FinishReason) -> None:
    assert decoded(answer(done_reason=raw)).finish == Finish(reason=reason, raw_reason=raw or None)


def test_a_model_that_was_only_loaded_counted_nothing() -> None:
    response = decoded(answer({"content": ""}, done_reason="load", load_duration=3))
    assert (response.parts, response.usage, response.extra) == ((), None, {"load_duration": 3})


def test_a_stream_that_nobody_asked_for_is_read_too() -> None:
    lines = answer(done=False, done_reason=None) + b"\n" + answer({"content": " you"}, **COUNTS) + b"\n"
    assert decoded(lines).parts == (Text(text="hi you"),)
    assert OLLAMA.glance(lines).usage == Usage(input=5, output=7, raw=COUNTS)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b'{"error":"boom"}', 502, "boom"),
        (b'{"error":"rate limit reached"}', 429, "rate limit reached"),
        (b'{"error":"down","status_code":503}', 503, "down"),
        (b'{"error":{"message":"nested","code":"x"}}', 502, "nested"),
        (b'{"error":{"other":1}}', 502, "the provider reported an error without words"),
    ],
)
def test_an_error_behind_a_good_status_is_a_failure(body: bytes, status: int, message: str) -> None:
    failure = OLLAMA.decode_response(body)
    assert isinstance(failure, Failure)
    assert (failure.status, failure.message) == (status, message)
    with pytest.raises(UpstreamError, match=f"200 with an error: {message}"):
        OLLAMA.glance(body)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b"{" * 100_000, b'{"message":"hi"}', b"\xff"])
def test_what_is_no_answer_is_the_providers_fault(body: bytes) -> None:
    with pytest.raises(UpstreamError, match="the provider"):
        OLLAMA.decode_response(body)
    with pytest.raises(UpstreamError, match="the provider"):
        OLLAMA.glance(body)


def test_half_an_emoji_is_mended() -> None:
    body = answer().replace(b'"hi"', rb'"hi\ud83d"')
    assert decoded(body).parts == (Text(text="hi\ufffd"),)
    assert not OLLAMA.glance(body).empty


def test_an_empty_answer_is_empty() -> None:
    assert OLLAMA.glance(answer({"content": "", "tool_calls": []})).empty
    assert not OLLAMA.glance(answer({"content": "", "thinking": "th"})).empty


def test_the_golden_answer_is_written() -> None:
    body, losses = encoded(
        Reasoning(text="th"),
        Text(text="hi"),
        ToolCall(call_id="call_1", name="f", arguments=RawJson('{"a":1}')),
        reason="tool_calls",
        usage=Usage(input=3, cache_read=2, output=7, reasoning=1),
    )
    assert body == {
        "model": "told",
        "created_at": "2023-11-14T22:13:20Z",
        "message": {
            "role": "assistant",
            "content": "hi",
            "thinking": "th",
            "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}],
        },
        "done": True,
        "done_reason": "stop",
        "total_duration": 0,
        "load_duration": 0,
        "prompt_eval_count": 5,
        "prompt_eval_duration": 0,
        "eval_count": 7,
        "eval_duration": 0,
    }
    assert losses == {("usage.reasoning", "count of thinking tokens")}
    assert ChatResponse(**body).message.tool_calls is not None


def test_tokens_that_nobody_counted_are_left_out() -> None:
    body, _ = encoded(Text(text="hi"))
    assert not {"prompt_eval_count", "eval_count"} & set(body)


@pytest.mark.parametrize(
    ("reason", "word"),
    [("length", "length"), ("context", "length"), ("filter", "stop"), ("stop_sequence", "stop")],
)
def test_why_an_answer_ended_is_said_in_ollamas_words(reason: FinishReason, word: str) -> None:
    body, losses = encoded(Text(text="hi"), reason=reason)
    assert body["done_reason"] == word
    assert losses == (set() if reason == "length" else {("finish", f"finish reason {reason}")})


def test_what_an_answer_cannot_carry_is_named() -> None:
    body, losses = encoded(
        Reasoning(redacted=True, seal="s", origin="anthropic"),
        Text(text="a", citations=({"url": "u"},), origin="x", extra={"x_f": 1}),
        Refusal(text="b"),
        Media(mime="image/png", data="AAAA"),
        ToolCall(call_id="c", name="f", arguments=RawJson("oops"), origin="x", extra={"x_c": 1}),
        ToolCall(call_id="w", name="web", executor="provider"),
        ToolResult(call_id="w"),
        Unknown(origin="x", data={}),
        extra={"service_tier": "x"},
        origin="x",
    )
    assert body["message"] == {
        "role": "assistant",
        "content": "ab![image](data:image/png;base64,AAAA)",
        "tool_calls": [{"function": {"name": "f", "arguments": {"_raw_arguments": "oops"}}}],
    }
    assert losses == {
        ("extra.service_tier", "service_tier"),
        ("parts[0]", "redacted reasoning"),
        ("parts[0].seal", "seal"),
        ("parts[1].citations", "citations"),
        ("parts[1].extra.x_f", "x_f"),
        ("parts[2]", "refusal as text"),
        ("parts[3]", "image/png content as a link"),
        ("parts[4].arguments", "arguments that are not a JSON object"),
        ("parts[4].extra.x_c", "x_c"),
        ("parts[5]", "hosted tool use"),
        ("parts[6]", "hosted tool use"),
        ("parts[7]", "unknown block"),
    }


def test_the_dialect_says_where_and_how() -> None:
    target = Target(provider="p", model="m", dialect="ollama")
    assert (OLLAMA.name, OLLAMA.framing, OLLAMA.path(target, stream=True)) == ("ollama", "ndjson", "/api/chat")
