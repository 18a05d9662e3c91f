"""Whole answers of the Responses API, and their failures."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.base import Context
from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.dialects.openai_responses.dialect import OpenAIResponses
from omniroute.errors import UpstreamError
from omniroute.ir.failure import Failure
from omniroute.ir.json import RawJson
from omniroute.ir.parts import Media, Reasoning, Refusal, Text, ToolCall, Unknown
from omniroute.ir.result import Finish, GenerateResponse, Usage
from tests.support import strict, strict_responses

CHAT, RESPONSES = OpenAIChat(), OpenAIResponses()
CONTEXT = Context(request_id="req_1", token="tok", created=7, model="told")


def encoded(*parts: Any, finish: str = "stop", **fields: Any) -> tuple[dict[str, Any], set[str]]:
    response = GenerateResponse(id="x", model="m", parts=parts, finish=Finish(reason=finish), **fields)  # type: ignore[arg-type]
    found = RESPONSES.encode_response(response, CONTEXT)
    return strict_responses.response(found.body), {loss.what for loss in found.losses}


def decoded(**fields: Any) -> GenerateResponse | Failure:
    body = {"id": "resp_1", "object": "response", "model": "gpt-5", "status": "completed", "output": [], **fields}
    return RESPONSES.decode_response(msgspec.json.encode(body))


def test_an_answer_has_every_field_the_api_promises() -> None:
    body, losses = encoded(
        Reasoning(text="th"),
        Text(text="hi"),
        ToolCall(call_id="call_1", name="f", arguments=RawJson('{"a":1}')),
        finish="tool_calls",
        usage=Usage(input=3, cache_read=2, cache_write=4, output=7, reasoning=1),
    )
    assert (body["id"], body["object"], body["created_at"], body["model"]) == ("resp_tok", "response", 7, "told")
    assert (body["status"], body["error"], body["incomplete_details"]) == ("completed", None, None)
    assert [item["id"] for item in body["output"]] == ["rs_tok_0", "msg_tok_1", "fc_tok_2"]
    assert body["usage"] == {
        "input_tokens": 5,
        "input_tokens_details": {"cached_tokens": 2, "cache_creation_tokens": 4},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 12,
    }
    assert losses == set()


def test_what_an_answer_cannot_say_is_named() -> None:
    body, losses = encoded(
        Reasoning(text="th", seal="sig", origin="anthropic"),
        Text(text="hi", citations=({"type": "x"},), origin="anthropic"),
        Unknown(data={"type": "server_tool"}, origin="anthropic"),
        Media(mime="audio/wav", data="AAAA"),
        Media(mime="image/png", data="AAAA"),
        Media(mime="image/*", url="https://e.com/a.png"),
    )
    assert losses == {"seal", "citations", "unknown block", "audio/wav content", "image by address"}
    assert [item["type"] for item in body["output"]] == [
        *("reasoning", "message", "image_generation_call", "message"),
    ]
    assert body["output"][3]["content"][0]["text"] == "![image](https://e.com/a.png)"


def test_citations_of_chat_become_annotations() -> None:
    chat = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}}
    body, losses = encoded(Text(text="hi", citations=(chat,), origin="openai_chat"))
    assert body["output"][0]["content"][0]["annotations"] == [
        {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}
    ]
    assert losses == set()


def test_a_filtered_answer_is_incomplete() -> None:
    body, _ = encoded(Refusal(text="No."), finish="filter")
    assert body["incomplete_details"] == {"reason": "content_filter"}
    assert body["output"][0]["content"] == [{"type": "refusal", "refusal": "No."}]


def test_an_answer_of_this_api_becomes_a_chat_answer() -> None:
    response = decoded(
        output=[
            {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "th"}]},
            {
                "type": "message",
                "id": "m",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "hi"}],
            },
            {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": "{}"},
        ],
        usage={"input_tokens": 5, "input_tokens_details": {"cached_tokens": 2}, "output_tokens": 7},
    )
    assert isinstance(response, GenerateResponse)
    found = CHAT.encode_response(response, CONTEXT)
    choice = strict.chat_completion(found.body)["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert (choice["message"]["content"], choice["message"]["reasoning_content"]) == ("hi", "th")
    assert choice["message"]["tool_calls"][0]["id"] == "c"
    assert found.losses == ()


def test_usage_does_not_count_cached_tokens_twice() -> None:
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 80, "cache_write_tokens": 5},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 3},
    }
    response = decoded(usage=usage)
    assert isinstance(response, GenerateResponse)
    assert response.usage == Usage(input=15, cache_read=80, cache_write=5, output=7, reasoning=3, raw=usage)


def test_a_body_that_failed_is_a_failure() -> None:
    failure = decoded(status="failed", error={"code": "rate_limit_exceeded", "message": "slow"})
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.status, failure.message) == ("rate_limit", 429, "slow")
    with pytest.raises(UpstreamError, match="slow"):
        RESPONSES.glance(msgspec.json.encode({"output": [], "status": "failed", "error": {"message": "slow"}}))


def test_an_answer_that_is_still_made_cannot_be_translated_but_can_be_passed_on() -> None:
    body = msgspec.json.encode({"id": "resp_1", "status": "queued", "output": []})
    with pytest.raises(UpstreamError, match="queued"):
        RESPONSES.decode_response(body)
    glance = RESPONSES.glance(body)
    assert (glance.finish, glance.empty) == (None, False)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"output": 1}', b"\xff"])
def test_a_body_that_is_no_response_is_the_providers_fault(body: bytes) -> None:
    for reader in (RESPONSES.decode_response, RESPONSES.glance):
        with pytest.raises(UpstreamError) as caught:
            reader(body)
        assert caught.value.kind == "protocol"


def test_a_stream_instead_of_a_body_is_understood() -> None:
    raw = b'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1","model":"m"}}\n\n'
    raw += b'data: {"type":"response.output_text.delta","output_index":0,"delta":"hi"}\n\n'
    raw += b'data: {"type":"response.completed","response":{"status":"completed","output":[]}}\n\n'
    response = RESPONSES.decode_response(raw)
    assert isinstance(response, GenerateResponse)
    assert response.parts == (Text(text="hi", origin="openai_responses"),)


# Failures


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, "invalid_request_error", "bad_request"),
        (401, "authentication_error", "invalid_api_key"),
        (402, "billing_error", "payment_required"),
        (404, "invalid_request_error", "model_not_found"),
        (429, "rate_limit_error", "rate_limit_exceeded"),
        (418, "invalid_request_error", ""),
        (503, "server_error", "service_unavailable"),
        (599, "server_error", "internal_server_error"),
    ],
)
def test_a_failure_is_told_as_openai_tells_it(status: int, kind: str, code: str) -> None:
    reply = RESPONSES.encode_failure(Failure(kind="server", status=status, message="boom\nat line 1"), "req_1")
    assert reply.status == status
    assert strict.openai_error(reply.body)["error"] == {
        "message": "boom",
        "type": kind,
        "code": code,
        "param": None,
    }


def test_a_providers_failure_is_read() -> None:
    body = b'{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded","param":null}}'
    failure = RESPONSES.decode_failure(429, {}, body)
    assert (failure.kind, failure.status, failure.code) == ("rate_limit", 429, "rate_limit_exceeded")
    assert failure.message == "slow down"
    assert (
        RESPONSES.decode_failure(502, {}, b"<html>secret</html>").message
        == "the provider answered with status 502"
    )
    assert RESPONSES.decode_failure(400, {}, b'{"detail":"Unsupported model"}').message == "Unsupported model"


def test_an_in_band_failure_is_one_error_event() -> None:
    raw = RESPONSES.encode_stream_failure(Failure(kind="overloaded", status=503, message="full"), "req_1")
    (told,) = strict_responses.stream(raw)
    assert (told["type"], told["message"]) == ("error", "full")
