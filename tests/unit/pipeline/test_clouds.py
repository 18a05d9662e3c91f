"""Clouds through the whole pipeline: what goes to the provider, and what the client gets of its answer."""

import time

import msgspec
import pytest

from omniroute.accounts.connection import Connection, Secret
from omniroute.accounts.sigv4 import AwsKeys, signed
from omniroute.catalog.loader import load
from omniroute.catalog.provider import Provider
from omniroute.dialects.registry import DIALECTS, UPSTREAMS
from omniroute.upstream.scripted import Answer
from tests.support import eventstream
from tests.unit.pipeline.stage import CHAT, Exchange, stage

ROWS = load().providers
SONNET = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PERSON = '{"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}'
ASK = {"messages": [{"role": "user", "content": "hi"}]}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 2},
}
CONVERSED = {
    "output": {"message": {"role": "assistant", "content": [{"text": "hello"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 10, "cacheReadInputTokens": 3},
    "metrics": {"latencyMs": 1},
}


def _with(provider: str, secret: str, **parameters: str) -> tuple[Provider, Connection]:
    return ROWS[provider], Connection(
        id=f"{provider}-0", provider=provider, name="mine", secret=Secret(secret), parameters={**parameters}
    )


BEDROCK = _with("bedrock", "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI", region="us-east-1")
VERTEX = _with("vertex-anthropic", PERSON, project="mine", location="europe-west4")


def _json(body: object) -> Answer:
    return Answer(headers={"content-type": "application/json"}, chunks=(msgspec.json.encode(body),))


def _event(kind: str, data: object) -> bytes:
    return eventstream.event(kind, msgspec.json.encode(data))


async def test_a_chat_client_is_answered_by_bedrock_and_the_request_is_signed() -> None:
    scene = stage(_json(CONVERSED), more=(BEDROCK,))
    exchange = await scene.ask(Exchange({"model": f"bedrock/{SONNET}", **ASK}))
    assert exchange.status == 200
    assert exchange.json["choices"][0]["message"]["content"] == "hello"
    assert exchange.json["usage"]["prompt_tokens"] == 8
    (request,) = scene.transport.requests
    quoted = SONNET.replace(":", "%3A")
    assert request.url == f"https://bedrock-runtime.us-east-1.amazonaws.com/model/{quoted}/converse"
    headers = tuple(pair for pair in request.headers if pair[0] not in ("authorization", "x-amz-date"))
    keys = AwsKeys(
        access_key_id="AKIAIOSFODNN7EXAMPLE",
        secret_access_key=Secret("wJalrXUtnFEMI"),
        region="us-east-1",
        service="bedrock",
    )
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(scene.clock.now()))
    assert request == signed(msgspec.structs.replace(request, headers=headers), keys, amz_date=at)


async def test_a_binary_stream_becomes_the_stream_of_the_client() -> None:
    frames = [
        _event("messageStart", {"role": "assistant"}),
        _event("contentBlockDelta", {"delta": {"text": "hel"}, "contentBlockIndex": 0}),
        _event("contentBlockDelta", {"delta": {"text": "lo"}, "contentBlockIndex": 0}),
        _event("contentBlockStop", {"contentBlockIndex": 0}),
        _event("messageStop", {"stopReason": "end_turn"}),
        _event("metadata", {"usage": CONVERSED["usage"], "metrics": {"latencyMs": 1}}),
    ]
    headers = {"content-type": "application/vnd.amazon.eventstream"}
    scene = stage(Answer(headers=headers, chunks=tuple(frames)), more=(BEDROCK,))
    asked = {"model": f"bedrock/{SONNET}", "max_tokens": 10, "stream": True, **ASK}
    exchange = await scene.ask(Exchange(asked), "anthropic")
    assert exchange.received.count(b'"text_delta"') == 2
    assert exchange.received.endswith(b'{"type":"message_stop"}\n\n')
    assert b'"cache_read_input_tokens":3' in exchange.received
    (request,) = scene.transport.requests
    assert request.url.endswith("/converse-stream")
    assert dict(request.headers)["accept"] == "application/vnd.amazon.eventstream"


async def test_an_exception_of_bedrock_is_an_error_of_the_client() -> None:
    headers = {"x-amzn-errortype": "ValidationException:http://x", "content-type": "application/json"}
    answer = Answer(status=400, headers=headers, chunks=(b'{"message":"The model is odd."}',))
    scene = stage(answer, more=(BEDROCK,))
    exchange = await scene.ask(Exchange({"model": f"bedrock/{SONNET}", **ASK}))
    assert exchange.status == 400
    assert "The model is odd." in exchange.json["error"]["message"]


@pytest.mark.parametrize(("stream", "verb"), [(False, "rawPredict"), (True, "streamRawPredict")])
async def test_a_messages_client_reaches_claude_on_vertex_with_its_own_bytes(stream: bool, verb: str) -> None:
    token = _json({"access_token": "ya29.x", "expires_in": 3600})
    scene = stage(token, _json(MESSAGE), more=(VERTEX,))
    said = {"max_tokens": 10, "messages": [{"role": "user", "content": "hi", "x_new": 1}], "stream": stream}
    await scene.ask(
        Exchange({"model": "vertex-anthropic/claude-opus-4-5", **said}, query=b"beta=true"), "anthropic"
    )
    asked, request = scene.transport.requests
    assert asked.url == "https://oauth2.googleapis.com/token"
    host = "https://europe-west4-aiplatform.googleapis.com/v1/projects/mine/locations/europe-west4"
    assert request.url == f"{host}/publishers/anthropic/models/claude-opus-4-5:{verb}"
    assert dict(request.headers)["authorization"] == "Bearer ya29.x"
    assert msgspec.json.decode(request.body) == {**said, "anthropic_version": "vertex-2023-10-16"}


async def test_a_chat_client_reaches_claude_on_vertex_by_translation() -> None:
    token = _json({"access_token": "ya29.x", "expires_in": 3600})
    scene = stage(token, _json(MESSAGE), _json(MESSAGE), more=(VERTEX,))
    for _ in range(2):
        exchange = await scene.ask(Exchange({"model": "vertex-anthropic/claude-opus-4-5", **ASK}))
        assert exchange.json["choices"][0]["message"]["content"] == "hello"
    assert len(scene.transport.requests) == 3
    body = msgspec.json.decode(scene.transport.requests[-1].body)
    assert "model" not in body
    assert body["anthropic_version"] == "vertex-2023-10-16"


async def test_a_refused_credential_is_told_and_the_provider_is_not_asked() -> None:
    refusal = Answer(status=400, chunks=(b'{"error":"invalid_grant"}',))
    scene = stage(refusal, more=(VERTEX,))
    exchange = await scene.ask(Exchange({"model": "vertex-anthropic/claude-opus-4-5", **ASK}))
    assert exchange.status == 401
    assert "invalid_grant" in exchange.json["error"]["message"]
    assert len(scene.transport.requests) == 1


async def test_a_gemini_client_reaches_vertex_at_its_own_path() -> None:
    answer = {"candidates": [{"content": {"role": "model", "parts": [{"text": "hello"}]}, "finishReason": "STOP"}]}
    token = _json({"access_token": "ya29.x", "expires_in": 3600})
    scene = stage(token, _json(answer), more=(_with("vertex", PERSON, project="mine"),))
    exchange = await scene.ask(Exchange({"model": "vertex/gemini-2.5-pro", **ASK}))
    assert exchange.json["choices"][0]["message"]["content"] == "hello"
    host = "https://aiplatform.googleapis.com/v1/projects/mine/locations/global"
    assert scene.transport.requests[-1].url == f"{host}/publishers/google/models/gemini-2.5-pro:generateContent"


async def test_a_deployment_of_azure_is_asked_by_name_and_version() -> None:
    scene = stage(_json(CHAT), more=(_with("azure-openai-classic", "hush", resource="corp"),))
    exchange = await scene.ask(Exchange({"model": "azure-openai-classic/my-gpt", **ASK}))
    assert exchange.status == 200
    (request,) = scene.transport.requests
    path = "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21"
    assert request.url == f"https://corp.openai.azure.com{path}"
    assert dict(request.headers)["api-key"] == "hush"


async def test_a_chat_client_is_answered_by_cohere() -> None:
    answer = {
        "id": "c0",
        "finish_reason": "COMPLETE",
        "message": {"role": "assistant", "content": [{"type": "text", "text": "hello"}]},
        "usage": {"billed_units": {"input_tokens": 5, "output_tokens": 2}},
    }
    scene = stage(_json(answer), more=(_with("cohere", "hush"),))
    exchange = await scene.ask(Exchange({"model": "cohere/command-a-03-2025", **ASK}))
    assert exchange.json["choices"][0]["message"]["content"] == "hello"
    (request,) = scene.transport.requests
    assert request.url == "https://api.cohere.com/v2/chat"
    assert dict(request.headers)["authorization"] == "Bearer hush"


def test_no_client_is_offered_what_only_providers_speak() -> None:
    assert {"bedrock_converse", "cohere"} == UPSTREAMS.keys() - DIALECTS.keys()
