"""Whole answers, errors, and what a glance sees."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.base import Context
from omniroute.dialects.gemini.dialect import Gemini
from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.errors import UpstreamError
from omniroute.ir.failure import Failure
from omniroute.ir.json import RawJson
from omniroute.ir.parts import Reasoning, Refusal, Text, ToolCall
from omniroute.ir.result import Finish, GenerateResponse, Usage
from omniroute.routing.hints import reset_after
from tests.support import strict_gemini

GEMINI, CHAT = Gemini(), OpenAIChat()
CONTEXT = Context(request_id="req_1", token="tok", created=7, model="told")
Json = dict[str, Any]


def answer(*parts: Json, reason: str = "STOP", **fields: Any) -> bytes:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": reason, "index": 0}
    return msgspec.json.encode({"candidates": [candidate], "responseId": "r1", "modelVersion": "m", **fields})


def decoded(raw: bytes) -> GenerateResponse:
    response = GEMINI.decode_response(raw)
    assert isinstance(response, GenerateResponse)
    return response


def test_an_answer_is_read() -> None:
    usage = {
        "promptTokenCount": 10,
        "cachedContentTokenCount": 4,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 3,
        "toolUsePromptTokenCount": 2,
        "totalTokenCount": 20,
    }
    call = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2VhbA=="}
    response = decoded(answer({"text": "th", "thought": True}, {"text": "hi"}, call, usageMetadata=usage))
    assert response.parts == (
        Reasoning(text="th", origin="gemini"),
        Text(text="hi", origin="gemini"),
        ToolCall(
            call_id="call_r1_0",
            name="f",
            arguments=RawJson('{"a":1}'),
            seal="c2VhbA==",
            origin="gemini",
            extra={"id": None},
        ),
    )
    assert response.usage == Usage(input=8, output=8, cache_read=4, reasoning=3, raw=usage)
    assert (response.id, response.model) == ("r1", "m")


def test_candidates_are_counted_from_the_total_when_they_are_not_named() -> None:
    usage = {"promptTokenCount": 3, "thoughtsTokenCount": 2, "totalTokenCount": 10}
    found = decoded(answer({"text": "x"}, usageMetadata=usage)).usage
    assert found is not None
    assert (found.output, found.reasoning) == (7, 2)


@pytest.mark.parametrize(
    ("reason", "meaning", "chat"),
    [
        ("STOP", "stop", "stop"),
        ("MAX_TOKENS", "length", "length"),
        ("SAFETY", "filter", "content_filter"),
        ("RECITATION", "filter", "content_filter"),
        ("BLOCKLIST", "filter", "content_filter"),
        ("PROHIBITED_CONTENT", "filter", "content_filter"),
        ("SPII", "filter", "content_filter"),
    ],
)
def test_t55_finish_reasons_keep_their_meaning(reason: str, meaning: str, chat: str) -> None:
    response = decoded(answer({"text": "x"}, reason=reason))
    assert response.finish == Finish(reason=meaning, raw_reason=reason)  # type: ignore[arg-type]
    told = msgspec.json.decode(CHAT.encode_response(response, CONTEXT).body)
    assert told["choices"][0]["finish_reason"] == chat


def test_t55_a_refused_prompt_is_an_empty_filtered_answer() -> None:
    raw = msgspec.json.encode({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "responseId": "r"})
    response = decoded(raw)
    assert response.parts == ()
    assert response.finish == Finish(reason="filter", raw_reason="PROHIBITED_CONTENT")
    again = strict_gemini.response(GEMINI.encode_response(response, CONTEXT).body)
    assert again["promptFeedback"] == {"blockReason": "PROHIBITED_CONTENT"}
    assert "candidates" not in again


def test_t56_a_call_ends_the_answer_whatever_the_word() -> None:
    response = decoded(answer({"functionCall": {"name": "f"}}))
    assert response.finish.reason == "tool_calls"


def test_a_malformed_call_is_a_failure_worth_another_attempt() -> None:
    body = msgspec.json.encode(
        {"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "x\ny"}]}
    )
    failure = GEMINI.decode_response(body)
    assert isinstance(failure, Failure)
    assert (failure.status, failure.kind, failure.code) == (502, "protocol", "MALFORMED_FUNCTION_CALL")
    assert failure.message == "MALFORMED_FUNCTION_CALL: x"


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b"{}", b'{"candidates":[]}', b'{"candidates":7}'])
def test_what_is_no_answer_is_a_protocol_error(raw: bytes) -> None:
    with pytest.raises(UpstreamError):
        GEMINI.decode_response(raw)
    with pytest.raises(UpstreamError):
        GEMINI.glance(raw)


def test_a_wrapped_answer_is_unwrapped() -> None:
    assert decoded(b'{"response":' + answer({"text": "x"}) + b"}") == decoded(answer({"text": "x"}))


def test_other_candidates_come_back_to_a_gemini_client() -> None:
    two = [
        {"content": {"role": "model", "parts": [{"text": t}]}, "finishReason": "STOP", "index": i}
        for i, t in enumerate("ab")
    ]
    response = decoded(msgspec.json.encode({"candidates": two}))
    assert msgspec.json.decode(GEMINI.encode_response(response, CONTEXT).body)["candidates"] == two
    losses = CHAT.encode_response(response, CONTEXT).losses
    assert [loss.path for loss in losses] == ["extra.candidates"]


def test_a_foreign_answer_says_usage_finish_and_ids_in_google_s_words() -> None:
    response = GenerateResponse(
        id="chatcmpl-1",
        model="x",
        parts=(Text(text="hi"), ToolCall(call_id="", name="f", arguments=RawJson('{"a":1}'))),
        finish=Finish(reason="tool_calls"),
        usage=Usage(input=3, cache_read=2, output=7, reasoning=1),
    )
    told = strict_gemini.response(GEMINI.encode_response(response, CONTEXT).body)
    assert told == {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [
                        {"text": "hi"},
                        {"functionCall": {"name": "f", "args": {"a": 1}, "id": "call_tok_0"}},
                    ],
                },
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 5,
            "cachedContentTokenCount": 2,
            "candidatesTokenCount": 6,
            "thoughtsTokenCount": 1,
            "totalTokenCount": 12,
        },
        "modelVersion": "told",
        "responseId": "chatcmpl-1",
    }


def test_a_refusal_is_a_safety_finish_with_its_words() -> None:
    response = GenerateResponse(id="1", model="m", parts=(Refusal(text="no"),), finish=Finish(reason="stop"))
    (candidate,) = strict_gemini.response(GEMINI.encode_response(response, CONTEXT).body)["candidates"]
    assert (candidate["content"]["parts"], candidate["finishReason"]) == ([{"text": "no"}], "SAFETY")


def test_an_error_of_google_is_read_as_a_whole() -> None:
    error = {
        "code": 429,
        "message": "Quota exceeded\nfor you",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.07s"}],
    }
    for body in ({"error": error}, [{"error": error}]):
        failure = GEMINI.decode_failure(429, {}, msgspec.json.encode(body))
        assert (failure.kind, failure.status, failure.code) == ("rate_limit", 429, "RESOURCE_EXHAUSTED")
        assert (failure.message, failure.raw) == ("Quota exceeded", error)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {"status": "INVALID_ARGUMENT"}, "invalid_request"),
        (400, {"details": [{"reason": "API_KEY_INVALID"}]}, "authentication"),
        (401, {}, "authentication"),
        (403, {"status": "PERMISSION_DENIED"}, "permission"),
        (404, {}, "not_found"),
        (500, {}, "server"),
        (503, {}, "overloaded"),
        (504, {}, "timeout"),
    ],
)
def test_failures_are_told_apart(status: int, error: Json, kind: str) -> None:
    assert GEMINI.decode_failure(status, {}, msgspec.json.encode({"error": error})).kind == kind


def test_a_failure_without_a_readable_body_still_says_something() -> None:
    failure = GEMINI.decode_failure(502, {}, b"<html>bad gateway</html>")
    assert failure.message == "the provider answered with status 502"


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (402, "FAILED_PRECONDITION"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (409, "ABORTED"),
        (413, "INVALID_ARGUMENT"),
        (429, "RESOURCE_EXHAUSTED"),
        (499, "CANCELLED"),
        (500, "INTERNAL"),
        (502, "UNAVAILABLE"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
    ],
)
def test_a_failure_is_told_as_google_rpc_status(status: int, word: str) -> None:
    failure = Failure(kind="server", status=status, message="it broke", code="some_code", retry_after=1.5)
    reply = GEMINI.encode_failure(failure, "req_1")
    told = strict_gemini.error(reply.body)["error"]
    assert (reply.status, told["code"], told["status"], told["message"]) == (status, status, word, "it broke")
    assert reset_after({}, reply.body, now=0.0) == 1.5
    assert strict_gemini.stream(GEMINI.encode_stream_failure(failure, "req_1")) == [{"error": told}]
