"""What the Responses API has that others lack: operations below its path, things it stores, and its bodies on the
chat path."""

import msgspec
import pytest

from omniroute.dialects.registry import DIALECTS
from omniroute.upstream.scripted import Answer
from tests.unit.pipeline.stage import CHAT, Exchange, stage

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}
CODECS = {"open": "openai_responses", "up": "openai_chat", "claude": "anthropic"}
ACCOUNTS = dict.fromkeys(CODECS, 1)
COMPACTED = {
    "id": "resp_1",
    "object": "response.compaction",
    "created_at": 1,
    "output": [{"type": "compaction", "id": "cmp_1", "encrypted_content": "ZW5j"}],
    "usage": {"input_tokens": 9, "output_tokens": 4, "total_tokens": 13},
}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "model": "m",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "hello", "annotations": []}],
        }
    ],
    "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7},
}
CLAUDE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 2},
}
ANSWERS = {"open": RESPONSE, "up": CHAT, "claude": CLAUDE}


def whole(body: dict) -> Answer:
    return Answer(headers=JSON, chunks=(msgspec.json.encode(body),))


@pytest.mark.parametrize("stream", [True, False, None])
async def test_a_conversation_is_compacted_by_a_provider_that_can_and_never_as_a_stream(
    stream: bool | None,
) -> None:
    on = stage(whole(COMPACTED), accounts=ACCOUNTS, codecs=CODECS)
    exchange = Exchange({"model": "open/m", "input": "hi", "stream": stream}, {"accept": "text/event-stream"})
    await on.generate(exchange, DIALECTS["openai_responses"], below="/compact")
    request = on.transport.requests[0]
    assert request.url == "https://open.test/v1/responses/compact"
    assert msgspec.json.decode(request.body) == {"model": "m", "input": "hi"}
    assert (exchange.status, exchange.reply_headers[b"content-type"]) == (200, b"application/json")
    assert exchange.json == COMPACTED


@pytest.mark.parametrize("provider", ["up", "claude"])
async def test_nobody_else_can_compact_and_the_caller_is_told(provider: str) -> None:
    on = stage(accounts=ACCOUNTS, codecs=CODECS)
    exchange = Exchange({"model": f"{provider}/m", "input": "hi"})
    await on.generate(exchange, DIALECTS["openai_responses"], below="/compact")
    error = exchange.json["error"]
    assert (exchange.status, error["code"]) == (400, "unsupported_operation")
    assert "'/compact'" in error["message"]
    assert provider in error["message"]
    assert on.transport.requests == []


@pytest.mark.parametrize("provider", ["up", "claude"])
async def test_what_was_stored_elsewhere_is_refused_by_its_name(provider: str) -> None:
    on = stage(accounts=ACCOUNTS, codecs=CODECS)
    body = {"model": f"{provider}/m", "input": "and then?", "previous_response_id": "resp_0"}
    exchange = await on.ask(Exchange(body), "openai_responses")
    assert (exchange.status, exchange.json["error"]["code"]) == (400, "previous_response_not_found")
    assert exchange.json["error"]["message"].startswith("previous_response_id refers to")
    assert on.transport.requests == []


async def test_it_goes_on_to_a_provider_that_speaks_the_same() -> None:
    on = stage(whole(RESPONSE), accounts=ACCOUNTS, codecs=CODECS)
    body = {"model": "open/m", "input": "and then?", "previous_response_id": "resp_0"}
    await on.ask(Exchange(body), "openai_responses")
    assert msgspec.json.decode(on.transport.requests[0].body) == body | {"model": "m"}


@pytest.mark.parametrize("provider", CODECS)
async def test_a_responses_body_on_the_chat_path_is_answered_as_chat(provider: str) -> None:
    on = stage(whole(ANSWERS[provider]), accounts=ACCOUNTS, codecs=CODECS)
    item = {"role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    exchange = await on.ask(Exchange({"model": f"{provider}/m", "input": [item], "instructions": "Be brief."}))
    assert (exchange.status, exchange.json["object"]) == (200, "chat.completion")
    assert exchange.json["choices"][0]["message"]["content"] == "hello"
    sent = msgspec.json.decode(on.transport.requests[0].body)
    assert "hi" in msgspec.json.encode(sent).decode()
    assert "Be brief." in msgspec.json.encode(sent).decode()
    assert ("input" in sent) is (provider == "open")


async def test_its_stream_is_one_of_chat_chunks_too() -> None:
    frames = [
        {"type": "response.created", "response": RESPONSE | {"status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": RESPONSE["output"][0] | {"content": []}},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "hello"},
        {"type": "response.completed", "response": RESPONSE},
    ]
    chunks = tuple(b"event: %b\ndata: %b\n\n" % (one["type"].encode(), msgspec.json.encode(one)) for one in frames)
    on = stage(Answer(headers=SSE, chunks=chunks), accounts=ACCOUNTS, codecs=CODECS)
    exchange = await on.ask(Exchange({"model": "open/m", "input": "hi", "stream": True}))
    lines = [line[6:] for line in exchange.received.split(b"\n") if line.startswith(b"data: ")]
    assert lines[-1] == b"[DONE]"
    told = [msgspec.json.decode(line) for line in lines[:-1]]
    assert {one["object"] for one in told} == {"chat.completion.chunk"}
    assert "".join(one["choices"][0]["delta"].get("content") or "" for one in told) == "hello"
