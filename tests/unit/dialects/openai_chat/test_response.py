"""Whole answers and failures of the chat dialect."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from omniroute.dialects.base import Context, Glance, Loss
from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.dialects.openai_chat.usage import decode_usage, encode_usage, later
from omniroute.errors import UpstreamError
from omniroute.ir.failure import Failure
from omniroute.ir.json import RawJson
from omniroute.ir.parts import AnyPart, CacheMark, Media, Reasoning, Refusal, Text, ToolCall, Unknown
from omniroute.ir.result import Finish, FinishReason, GenerateResponse, Usage

CHAT = OpenAIChat()
CONTEXT = Context(request_id="req_1", token="tok", created=7, model="told")


def answer(message: dict[str, Any], finish: str | None = "stop", **more: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return msgspec.json.encode({"id": "x", "object": "chat.completion", "model": "m", "choices": [choice], **more})


def decoded(message: dict[str, Any], finish: str | None = "stop") -> GenerateResponse:
    response = CHAT.decode_response(answer(message, finish))
    assert isinstance(response, GenerateResponse)
    return response


def encoded(*parts: AnyPart, finish: FinishReason = "stop") -> tuple[dict[str, Any], tuple[Loss, ...]]:
    response = GenerateResponse(
        id="msg_1", model="m", parts=parts, finish=Finish(reason=finish), origin="anthropic"
    )
    body, losses, _ = CHAT.encode_response(response, CONTEXT)
    return msgspec.json.decode(body), losses


def test_an_answer_of_everything() -> None:
    tool_call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"content": "hi", "reasoning_content": "th", "tool_calls": [tool_call]}
    assert decoded(message, "tool_calls") == GenerateResponse(
        id="x",
        model="m",
        origin="openai_chat",
        parts=(
            Reasoning(text="th", origin="openai_chat"),
            Text(text="hi"),
            ToolCall(call_id="c", name="f", arguments=RawJson("{}"), origin="openai_chat"),
        ),
        finish=Finish(reason="tool_calls", raw_reason="tool_calls"),
    )


@pytest.mark.parametrize(
    ("message", "raw", "reason"),
    [
        ({"content": "a"}, "stop", "stop"),
        ({"content": "a"}, None, "stop"),
        ({"content": "a"}, "length", "length"),
        ({"content": "a"}, "content_filter", "filter"),
        ({"content": "a"}, "eos_token", "other"),
        ({"function_call": {"name": "f", "arguments": ""}}, "function_call", "tool_calls"),
        ({"tool_calls": [{"id": "c", "function": {"name": "f"}}]}, "stop", "tool_calls"),
        ({"tool_calls": [{"id": "c", "function": {"name": "f"}}]}, "length", "length"),
    ],
)
def test_why_it_ended_is_kept_in_both_words(
    message: dict[str, Any], raw: str | None, reason: FinishReason
) -> None:
    assert decoded(message, raw).finish == Finish(reason=reason, raw_reason=raw)
    assert CHAT.glance(answer(message, raw)).finish is not None


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("stop", "stop"),
        ("stop_sequence", "stop"),
        ("length", "length"),
        ("context", "length"),
        ("filter", "content_filter"),
        ("pause", "stop"),
        ("other", "stop"),
        ("tool_calls", "stop"),
    ],
)
def test_every_end_has_a_word_that_clients_know(reason: FinishReason, said: str) -> None:
    assert encoded(Text(text="a"), finish=reason)[0]["choices"][0]["finish_reason"] == said
    called = encoded(ToolCall(call_id="c", name="f"), finish=reason)[0]["choices"][0]["finish_reason"]
    assert called == ("tool_calls" if said == "stop" else said)


def test_content_in_pieces_and_mistrals_thinking_are_read() -> None:
    content = [{"type": "thinking", "thinking": [{"type": "text", "text": "th"}]}, {"type": "text", "text": "a"}]
    parts = decoded({"content": content}).parts
    assert parts == (Reasoning(text="th", origin="openai_chat"), Text(text="a", origin="openai_chat"))


def test_an_image_that_was_made_is_a_part() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
    assert decoded({"content": "", "images": [image]}).parts == (
        Media(mime="image/png", data="AA", origin="openai_chat"),
    )


def test_a_foreign_answer_in_chat_words() -> None:
    citation = {"type": "web_search_result_location", "url": "https://x", "title": "X"}
    body, losses = encoded(
        Reasoning(text="th", seal="secret", origin="anthropic"),
        Text(text="ab", origin="anthropic"),
        Text(text="cd", citations=(citation,), origin="anthropic"),
        ToolCall(call_id="c", name="f", arguments=RawJson('{"a":1}')),
        ToolCall(call_id="s", name="web_search", executor="provider"),
        Unknown(data={"type": "x"}, origin="anthropic"),
    )
    assert body == {
        "id": "chatcmpl-tok",
        "object": "chat.completion",
        "created": 7,
        "model": "told",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "abcd",
                    "refusal": None,
                    "reasoning_content": "th",
                    "annotations": [
                        {
                            "type": "url_citation",
                            "url_citation": {"start_index": 2, "end_index": 4, "title": "X", "url": "https://x"},
                        }
                    ],
                    "tool_calls": [
                        {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
                    ],
                },
                "logprobs": None,
                "finish_reason": "tool_calls",
            }
        ],
    }
    assert {(loss.path, loss.what, loss.how) for loss in losses} == {
        ("parts[0].seal", "seal", "dropped"),
        ("parts[2].citations", "citations", "approximated"),
        ("parts[4]", "hosted tool use", "dropped"),
        ("parts[5]", "unknown block", "dropped"),
    }


@pytest.mark.parametrize(
    "part",
    [
        Text(text="a", cache=CacheMark(), seal="s", origin="anthropic", extra={"x": 1}),
        Refusal(text="a", cache=CacheMark(), seal="s", origin="anthropic", extra={"x": 1}),
        Reasoning(text="a", cache=CacheMark(), seal="s", origin="anthropic", extra={"x": 1}),
        ToolCall(call_id="c", name="f", cache=CacheMark(), seal="s", origin="anthropic", extra={"x": 1}),
        Media(mime="image/png", data="AA", cache=CacheMark(), seal="s", origin="anthropic", extra={"x": 1}),
    ],
    ids=lambda part: type(part).__name__,
)
def test_what_stood_on_a_part_of_a_foreign_answer_is_listed_once(part: AnyPart) -> None:
    losses = encoded(part)[1]
    assert sorted((loss.path, loss.what, loss.how, loss.weight) for loss in losses) == [
        ("parts[0].cache", "cache mark", "dropped", "cost"),
        ("parts[0].extra.x", "x", "dropped", "quality"),
        ("parts[0].seal", "seal", "dropped", "quality"),
    ]


def test_content_is_null_only_when_something_else_speaks() -> None:
    def content(*parts: AnyPart) -> str | None:
        return encoded(*parts)[0]["choices"][0]["message"]["content"]

    assert content() == ""
    assert content(Reasoning(text="th")) == ""
    assert content(ToolCall(call_id="c", name="f")) is None
    assert content(Refusal(text="no")) is None


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"error":{"message":"slow","code":429}}', "rate_limit", 429),
        (b'{"error":{"message":"You hit the rate limit"}}', "rate_limit", 429),
        (b'{"error":"boom"}', "server", 502),
        (b'{"error":{"message":"busy","status":503}}', "overloaded", 503),
        (b'{"choices":[]}', "empty", 502),
        (b'{"choices":[{"index":0}]}', "empty", 502),
        (b"data: [DONE]\n\n", "cut", 502),
    ],
)
def test_a_success_that_is_a_failure_is_told_as_one(body: bytes, kind: str, status: int) -> None:
    failure = CHAT.decode_response(body)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.status) == (kind, status)


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b"{}", b"\xff", b'{"choices":{}}'])
def test_an_answer_of_another_kind_is_a_broken_protocol(body: bytes) -> None:
    for read in (CHAT.decode_response, CHAT.glance):
        with pytest.raises(UpstreamError) as caught:
            read(body)
        assert caught.value.kind == "protocol"


def test_a_stream_where_an_object_was_asked_for_is_put_together() -> None:
    chunk = msgspec.json.encode(
        {"id": "x", "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}
    )
    response = CHAT.decode_response(b"data: " + chunk + b"\n\ndata: [DONE]\n\n")
    assert isinstance(response, GenerateResponse)
    assert response.parts == (Text(text="hi"),)


@pytest.mark.parametrize(
    ("message", "empty"),
    [
        ({"content": ""}, True),
        ({"content": None}, True),
        ({}, True),
        ({"content": "a"}, False),
        ({"content": None, "tool_calls": [{"id": "c", "function": {"name": "f"}}]}, False),
        ({"content": "", "reasoning_content": "th"}, False),
        ({"refusal": "no"}, False),
    ],
)
def test_a_glance_tells_an_empty_answer(message: dict[str, Any], empty: bool) -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}
    glance = CHAT.glance(answer(message, usage=usage))
    reason: FinishReason = "tool_calls" if "tool_calls" in message else "stop"
    assert glance == Glance(
        usage=Usage(input=5, output=1), finish=Finish(reason=reason, raw_reason="stop"), empty=empty
    )


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 7}, Usage(input=5, output=7)),
        (
            {
                "prompt_tokens": 5,
                "completion_tokens": 7,
                "prompt_tokens_details": {"cached_tokens": 2},
                "completion_tokens_details": {"reasoning_tokens": 1},
            },
            Usage(input=3, output=7, cache_read=2, reasoning=1),
        ),
        ({"prompt_tokens": 5, "prompt_cache_hit_tokens": 4}, Usage(input=1, cache_read=4)),
        ({"prompt_tokens": 5, "cached_tokens": 5}, Usage(cache_read=5)),
        ({"input_tokens": 5, "output_tokens": 7}, Usage(input=5, output=7)),
        (
            {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 3}},
            Usage(input=4, cache_read=2, cache_write=3),
        ),
        (
            {"prompt_tokens": 6, "prompt_tokens_details": {"cached_tokens": 2, "cache_creation_tokens": 3}},
            Usage(input=4, cache_read=2, cache_write=3),
        ),
        (
            {
                "prompt_tokens": 9,
                "cache_creation_input_tokens": 3,
                "prompt_tokens_details": {"cached_tokens": 2, "cache_creation_tokens": 3},
            },
            Usage(input=4, cache_read=2, cache_write=3),
        ),
        ({"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2}}, Usage(cache_read=2)),
        ({"prompt_tokens": "many", "completion_tokens": -4, "prompt_tokens_details": None}, Usage()),
    ],
)
def test_usage_is_read_from_every_spelling(raw: dict[str, Any], usage: Usage) -> None:
    found = decode_usage(raw)
    assert found.raw == raw
    answer = {"choices": [{"message": {"content": "hi"}}], "usage": raw}
    glanced = CHAT.glance(msgspec.json.encode(answer)).usage
    assert glanced is not None
    assert replace(glanced, raw=None) == replace(found, raw=None)
    assert (found.input, found.output, found.cache_read, found.cache_write, found.reasoning) == (
        usage.input,
        usage.output,
        usage.cache_read,
        usage.cache_write,
        usage.reasoning,
    )


def test_usage_shown_counts_cache_reads_but_not_writes() -> None:
    usage = Usage(input=3, cache_read=113_613, cache_write=8, output=7, reasoning=1)
    shown = encode_usage(usage, native=False)
    assert shown == {
        "prompt_tokens": 113_616,
        "completion_tokens": 7,
        "total_tokens": 113_623,
        "prompt_tokens_details": {"cached_tokens": 113_613, "cache_creation_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }
    again = decode_usage(shown)
    assert (again.input, again.cache_read, again.cache_write) == (3, 113_613, 8)


def test_a_zero_never_overwrites_a_count() -> None:
    assert later(Usage(input=9, output=1), Usage(output=5)) == Usage(input=9, output=5)
