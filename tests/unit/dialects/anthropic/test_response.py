"""Whole answers of the Messages API, read and written."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.anthropic.dialect import Anthropic
from omniroute.dialects.base import Context, Glance
from omniroute.errors import UpstreamError
from omniroute.ir.failure import Failure
from omniroute.ir.json import RawJson
from omniroute.ir.parts import AnyPart, Media, Reasoning, Refusal, Text, ToolCall, Unknown
from omniroute.ir.result import Finish, GenerateResponse, Usage
from tests.support import strict

ANTHROPIC = Anthropic()
CONTEXT = Context(request_id="req_1", token="tok", created=1, model="claude", input_tokens=9)

ANSWER: dict[str, Any] = {
    "id": "msg_01",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-4-6",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "text", "text": "hi", "citations": None},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}, "caller": {"type": "direct"}},
    ],
    "container": None,
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 3,
        "cache_creation_input_tokens": 5,
        "cache_read_input_tokens": 113613,
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 2},
        "service_tier": "standard",
    },
}


def decoded(answer: dict[str, Any]) -> GenerateResponse:
    response = ANTHROPIC.decode_response(msgspec.json.encode(answer))
    assert isinstance(response, GenerateResponse)
    return response


def written(*parts: AnyPart, reason: Any = "stop", **rest: Any) -> tuple[dict[str, Any], tuple[Any, ...]]:
    response = GenerateResponse(id="x1", model="m", parts=parts, finish=Finish(reason=reason), **rest)
    encoded = ANTHROPIC.encode_response(response, CONTEXT)
    return strict.message(encoded.body), encoded.losses


def test_an_answer_is_read_whole() -> None:
    response = decoded(ANSWER)
    assert response == GenerateResponse(
        id="msg_01",
        model="claude-opus-4-6",
        parts=(
            Reasoning(text="hm", seal="sig", origin="anthropic"),
            Text(text="hi", origin="anthropic"),
            ToolCall(call_id="toolu_1", name="f", arguments=RawJson('{"a":1}'), origin="anthropic"),
        ),
        finish=Finish(reason="tool_calls", raw_reason="tool_use"),
        usage=Usage(input=3, output=7, cache_read=113613, cache_write=5, reasoning=2, raw=ANSWER["usage"]),
        origin="anthropic",
    )
    assert response.usage is not None
    assert response.usage.input_total == 113621


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop_sequence"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "context"),
        ("refusal", "filter"),
        ("pause_turn", "pause"),
        ("brand_new", "other"),
    ],
)
def test_every_stop_reason_survives(word: str, reason: str) -> None:
    answer = {**ANSWER, "content": [{"type": "text", "text": "hi"}], "stop_reason": word}
    response = decoded(answer)
    assert response.finish == Finish(reason=reason, raw_reason=word)  # type: ignore[arg-type]
    assert msgspec.json.decode(ANTHROPIC.encode_response(response, CONTEXT).body)["stop_reason"] == word


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"content":"hi"}', b'{"content":[{"type":"text"}]}'])
def test_what_is_no_message_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(UpstreamError) as broken:
        ANTHROPIC.decode_response(body)
    assert broken.value.kind == "protocol"


def test_an_error_in_a_200_is_a_failure() -> None:
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    failure = ANTHROPIC.decode_response(body)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.status, failure.message) == ("overloaded", 529, "Overloaded")


def test_a_foreign_answer_becomes_a_message() -> None:
    message, losses = written(
        Reasoning(text="th", origin="openai_chat"),
        Text(text="hi"),
        ToolCall(call_id="call_1", name="f", arguments=RawJson('{"a":1}')),
        usage=Usage(input=3, output=7, cache_read=2),
    )
    assert message == {
        "id": "msg_x1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [
            {"type": "thinking", "thinking": "th", "signature": ""},
            {"type": "text", "text": "hi"},
            {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 3,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 2,
            "output_tokens": 7,
        },
    }
    assert losses == ()


def test_an_answer_with_a_call_says_so_though_its_provider_said_stop() -> None:
    message, _ = written(ToolCall(call_id="c", name="f"), reason="stop")
    assert message["stop_reason"] == "tool_use"
    message, _ = written(ToolCall(call_id="c", name="f"), reason="length")
    assert message["stop_reason"] == "max_tokens"


def test_an_empty_answer_says_that_it_is_empty() -> None:
    message, losses = written(Text(text=""))
    assert message["content"] == [{"type": "text", "text": "(empty response)"}]
    assert [(loss.path, loss.how) for loss in losses] == [("parts", "added")]


def test_a_refusal_is_text_and_its_reason() -> None:
    message, losses = written(Refusal(text="I cannot."))
    assert (message["content"], message["stop_reason"]) == ([{"type": "text", "text": "I cannot."}], "refusal")
    assert losses == ()


def test_what_a_message_cannot_hold_is_shown_or_named() -> None:
    message, losses = written(
        Text(text="see", citations=({"type": "url_citation", "url": "u"},), origin="openai_chat"),
        Media(mime="image/png", data="aGk="),
        Unknown(data={"type": "hologram"}, origin="gemini"),
        Reasoning(text="th", seal="their seal", origin="gemini"),
        Reasoning(redacted=True, seal="their seal", origin="gemini"),
        ToolCall(call_id="c", name="search", executor="provider", origin="openai_responses"),
        ToolCall(call_id="call:1", name="f", arguments=RawJson("[1]")),
    )
    assert [block["type"] for block in message["content"]] == ["text", "text", "thinking", "tool_use"]
    assert message["content"][1]["text"] == "![image](data:image/png;base64,aGk=)"
    assert message["content"][2]["signature"] == ""
    assert message["content"][3]["id"] == "call_1"
    assert message["content"][3]["input"] == {"_raw_arguments": "[1]"}
    assert [(loss.path, loss.how) for loss in losses] == [
        ("parts[0].citations", "dropped"),
        ("parts[1]", "approximated"),
        ("parts[2]", "dropped"),
        ("parts[3].seal", "dropped"),
        ("parts[4].seal", "dropped"),
        ("parts[5]", "dropped"),
        ("parts[6].arguments", "approximated"),
    ]


def test_without_usage_the_estimate_of_the_input_is_told() -> None:
    message, _ = written(Text(text="hi"))
    assert message["usage"]["input_tokens"] == 9


def test_a_glance_reads_what_decoding_reads() -> None:
    body = msgspec.json.encode(ANSWER)
    response = decoded(ANSWER)
    assert ANTHROPIC.glance(body) == Glance(usage=response.usage, finish=response.finish, empty=False)
    assert ANTHROPIC.glance(msgspec.json.encode({**ANSWER, "content": []})).empty


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"content":"hi"}', b'{"type":"error","error":{}}'])
def test_a_glance_at_something_else_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        ANTHROPIC.glance(body)


def test_texts_of_another_dialect_that_follow_each_other_are_one_block() -> None:
    body, _ = written(Text(text="FINAL: too", origin="gemini"), Text(text="l-ok", seal="s", origin="gemini"))
    assert [block["text"] for block in body["content"]] == ["FINAL: tool-ok"]
    own, _ = written(Text(text="a", origin="anthropic"), Text(text="b", origin="anthropic"))
    assert [block["text"] for block in own["content"]] == ["a", "b"]
