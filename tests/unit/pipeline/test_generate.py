"""The life of a request on a scripted transport: what goes upstream, what comes back, what is written down."""

import asyncio

import msgspec
import pytest

from omniroute.ledger.records import Attempted, Opened, Settled
from omniroute.pipeline.failures import CLIENT_LEFT, DRAINING
from omniroute.upstream.scripted import Answer, Fault, Gate
from tests.unit.pipeline.stage import CHAT, Exchange, stage

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}
QUESTION = {"model": "up/m", "messages": [{"role": "user", "content": "hi"}]}


def good(body: dict | None = None) -> Answer:
    return Answer(headers=JSON, chunks=(msgspec.json.encode(body or CHAT),))


def error(status: int, **headers: str) -> Answer:
    body = b'{"error":{"message":"no luck","type":"x","code":null}}'
    return Answer(status=status, headers=JSON | headers, chunks=(body,))


def chunk(content: str | None = None, finish: str | None = None) -> bytes:
    delta = {} if content is None else {"content": content}
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return (
        b"data: "
        + msgspec.json.encode(body | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
        + b"\n\n"
    )


USAGE = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],'
    b'"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}\n\n'
)
DONE = b"data: [DONE]\n\n"


async def test_a_same_dialect_request_goes_through_with_only_the_model_name_changed() -> None:
    on = stage(good())
    body = b'{ "model": "up/m", "messages":[{"role":"user","content":"hi"}], "odd": {"b":1,"a":[1e2]} }'
    exchange = await on.ask(Exchange(body))
    request = on.transport.requests[0]
    assert request.body == b'{"model":"m","messages":[{"role":"user","content":"hi"}],"odd":{"b":1,"a":[1e2]}}'
    assert request.url == "https://up.test/v1/chat/completions"
    assert dict(request.headers)["authorization"] == "Bearer sk-up-0"
    assert (exchange.status, exchange.received) == (200, msgspec.json.encode(CHAT))


async def test_the_ledger_knows_what_was_used_before_the_client_has_the_answer() -> None:
    on = stage(good())
    await on.ask(Exchange(QUESTION))
    opened, settled = on.journal.records
    assert isinstance(opened, Opened)
    assert isinstance(settled, Settled)
    assert (settled.outcome, settled.provider, settled.model) == ("ok", "up", "m")
    assert (settled.input_tokens, settled.output_tokens, settled.usage_source) == (5, 2, "reported")


@pytest.mark.parametrize("status", [401, 402, 403, 408, 429, 500, 502, 503, 529])
async def test_an_accounts_trouble_is_invisible_when_another_account_answers(status: int) -> None:
    on = stage(error(status), good(), accounts={"up": 2})
    exchange = await on.ask(Exchange(QUESTION))
    assert exchange.status == 200
    assert [dict(r.headers)["authorization"] for r in on.transport.requests] == [
        "Bearer sk-up-0",
        "Bearer sk-up-1",
    ]
    assert exchange.reply_headers[b"x-omniroute-attempts"] == b"2"
    attempts = [record for record in on.journal.records if isinstance(record, Attempted)]
    assert [(record.number, record.outcome == "ok") for record in attempts] == [(1, False), (2, True)]


async def test_a_request_that_is_wrong_is_not_repeated_elsewhere() -> None:
    on = stage(error(400), accounts={"up": 2})
    exchange = await on.ask(Exchange(QUESTION))
    assert exchange.status == 400
    assert "no luck" in exchange.json["error"]["message"]
    assert len(on.transport.requests) == 1


async def test_a_rate_limited_account_rests_for_as_long_as_the_provider_says() -> None:
    on = stage(error(429, **{"retry-after": "7"}), good(), accounts={"up": 1})
    first = await on.ask(Exchange(QUESTION))
    assert (first.status, first.reply_headers[b"retry-after"]) == (429, b"7")
    second = await on.ask(Exchange(QUESTION))
    assert (second.status, second.json["error"]["code"]) == (429, "model_cooldown")
    assert len(on.transport.requests) == 1
    on.clock.time += 7.0
    assert (await on.ask(Exchange(QUESTION))).status == 200


async def test_a_connection_that_cannot_be_made_is_a_502_that_names_no_secret() -> None:
    on = stage(Fault("connect", "no connection to up.test"))
    exchange = await on.ask(Exchange(QUESTION))
    assert exchange.status == 502
    assert b"sk-up-0" not in exchange.received


async def test_a_stream_is_forwarded_frame_by_frame_and_settled_before_its_end() -> None:
    gate = Gate()
    on = stage(Answer(headers=SSE, chunks=(chunk("a"), gate, chunk("b"), chunk(None, "stop"), USAGE, DONE)))
    exchange = Exchange(QUESTION | {"stream": True})
    task = asyncio.ensure_future(on.ask(exchange))
    await gate.reached.wait()
    await asyncio.sleep(0)
    assert exchange.received == chunk("a")
    assert not any(isinstance(record, Settled) for record in on.journal.records)
    gate.open()
    await task
    assert exchange.received == chunk("a") + chunk("b") + chunk(None, "stop") + DONE
    settled = on.journal.records[-1]
    assert isinstance(settled, Settled)
    assert (settled.input_tokens, settled.output_tokens, settled.usage_source) == (5, 2, "reported")


async def test_the_gateway_asks_for_usage_and_keeps_that_chunk_from_a_client_that_did_not() -> None:
    on = stage(*[Answer(headers=SSE, chunks=(chunk("a"), chunk(None, "stop"), USAGE, DONE))] * 2)
    quiet = await on.ask(Exchange(QUESTION | {"stream": True}))
    asking = await on.ask(Exchange(QUESTION | {"stream": True, "stream_options": {"include_usage": True}}))
    sent = [msgspec.json.decode(request.body)["stream_options"] for request in on.transport.requests]
    assert sent == [{"include_usage": True}] * 2
    assert USAGE not in quiet.received
    assert USAGE in asking.received


async def test_a_stream_that_ends_before_any_content_falls_back_without_a_trace() -> None:
    on = stage(Answer(headers=SSE), Answer(headers=SSE, chunks=(chunk("a"), DONE)), accounts={"up": 2})
    exchange = await on.ask(Exchange(QUESTION | {"stream": True}))
    assert exchange.received == chunk("a") + DONE


async def test_an_error_in_the_first_frame_falls_back_too() -> None:
    broken = b'data: {"error":{"message":"overloaded","type":"server_error","code":500}}\n\n'
    on = stage(
        Answer(headers=SSE, chunks=(broken,)), Answer(headers=SSE, chunks=(chunk("a"), DONE)), accounts={"up": 2}
    )
    exchange = await on.ask(Exchange(QUESTION | {"stream": True}))
    assert exchange.received == chunk("a") + DONE


async def test_a_stream_that_is_cut_ends_in_an_error_of_the_clients_dialect() -> None:
    on = stage(Answer(headers=SSE, chunks=(chunk("a"), Fault("closed", "cut off"))))
    exchange = await on.ask(Exchange(QUESTION | {"stream": True}))
    assert exchange.received.startswith(chunk("a"))
    assert b'"error"' in exchange.received
    assert exchange.received.endswith(DONE)
    assert exchange.ended == 1
    settled = on.journal.records[-1]
    assert isinstance(settled, Settled)
    assert (settled.outcome, settled.usage_source) == ("cut", "estimated")


async def test_a_stream_that_lacks_only_its_last_word_is_complete() -> None:
    on = stage(Answer(headers=SSE, chunks=(chunk("a"), chunk(None, "stop"))))
    exchange = await on.ask(Exchange(QUESTION | {"stream": True}))
    assert exchange.received == chunk("a") + chunk(None, "stop") + DONE
    settled = on.journal.records[-1]
    assert isinstance(settled, Settled)
    assert settled.outcome == "ok"


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic"])
async def test_an_event_without_end_is_the_providers_fault_and_ends_the_stream(dialect: str) -> None:
    endless = b"data: " + b"x" * (17 * 1024 * 1024)
    on = stage(Answer(headers=SSE, chunks=(chunk("a"), endless)))
    exchange = await on.ask(Exchange(QUESTION | {"stream": True, "max_tokens": 9}), dialect)
    assert b'"error"' in exchange.received
    assert exchange.ended == 1
    settled = on.journal.records[-1]
    assert isinstance(settled, Settled)
    assert settled.outcome == "protocol"


async def test_an_anthropic_client_is_answered_by_a_chat_provider_in_its_own_dialect() -> None:
    on = stage(good())
    body = {"model": "up/m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    exchange = await on.ask(Exchange(body), "anthropic")
    assert msgspec.json.decode(on.transport.requests[0].body)["messages"] == [{"role": "user", "content": "hi"}]
    assert exchange.json["type"] == "message"
    assert exchange.json["content"] == [{"type": "text", "text": "hello"}]
    assert exchange.json["usage"]["input_tokens"] == 5


async def test_what_could_not_be_carried_is_told_in_a_header_and_counted() -> None:
    on = stage(good())
    marked = [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]
    body = {"model": "up/m", "max_tokens": 9, "messages": [{"role": "user", "content": marked}]}
    exchange = await on.ask(Exchange(body), "anthropic")
    assert exchange.reply_headers[b"x-omniroute-losses"].startswith(b"1; meaning=0")
    assert sum(on.counters.losses.values()) == 1


async def test_a_client_that_streams_gets_a_stream_from_a_provider_that_does_not() -> None:
    on = stage(good())
    exchange = await on.ask(Exchange(QUESTION | {"stream": True}))
    assert exchange.reply_headers[b"content-type"].startswith(b"text/event-stream")
    assert b'"content":"hello"' in exchange.received
    assert exchange.received.endswith(DONE)


async def test_a_client_that_does_not_stream_gets_one_answer_from_a_provider_that_does() -> None:
    on = stage(Answer(headers=SSE, chunks=(chunk("hel"), chunk("lo"), chunk(None, "stop"), USAGE, DONE)))
    exchange = await on.ask(Exchange(QUESTION))
    assert exchange.json["choices"][0]["message"]["content"] == "hello"


async def test_accept_decides_where_the_body_says_nothing() -> None:
    on = stage(Answer(headers=SSE, chunks=(chunk("a"), DONE)))
    await on.ask(Exchange(QUESTION, {"accept": "text/event-stream"}))
    assert msgspec.json.decode(on.transport.requests[0].body)["stream"] is True


async def test_an_error_object_with_status_200_is_told_and_not_called_empty() -> None:
    on = stage(good({"error": {"message": "quota exceeded", "type": "insufficient_quota", "code": "429"}}))
    exchange = await on.ask(Exchange(QUESTION))
    assert exchange.status >= 400
    assert "quota exceeded" in exchange.json["error"]["message"]


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [("nowhere/m", 404, "model_not_found"), ("m", 404, "model_not_found"), ("claude/m", 400, "no_credentials")],
)
async def test_a_name_that_leads_nowhere_is_refused_before_anything_is_sent(
    model: str, status: int, code: str
) -> None:
    on = stage(accounts={"up": 1})
    exchange = await on.ask(Exchange(QUESTION | {"model": model}))
    assert (exchange.status, exchange.json["error"]["code"]) == (status, code)
    assert on.journal.records == []


async def test_a_provider_route_adds_its_prefix_and_refuses_another_ones() -> None:
    on = stage(good())
    assert (await on.ask(Exchange(QUESTION | {"model": "m"}), pinned="up")).status == 200
    other = await on.ask(Exchange(QUESTION | {"model": "claude/m"}), pinned="up")
    assert (other.status, other.json["error"]["code"]) == (400, "model_provider_mismatch")


async def test_a_wrong_key_is_refused_even_where_no_key_is_needed() -> None:
    on = stage()
    exchange = await on.ask(Exchange(QUESTION, {"authorization": "Bearer sk-omni-wrong"}))
    assert (exchange.status, exchange.json["error"]["code"]) == (401, "invalid_api_key")


async def test_the_session_a_client_names_comes_back_cut_to_64_characters() -> None:
    on = stage(good(), good())
    named = await on.ask(Exchange(QUESTION, {"x-session-id": "abc"}))
    long = await on.ask(Exchange(QUESTION, {"x_session_id": "x" * 100}))
    assert named.reply_headers[b"x-omniroute-session-id"] == b"ext:abc"
    assert long.reply_headers[b"x-omniroute-session-id"] == b"ext:" + b"x" * 64


async def test_progress_events_come_between_frames_and_before_the_end() -> None:
    on = stage(Answer(headers=SSE, chunks=(chunk("a"), chunk(None, "stop"), DONE)))
    exchange = await on.ask(Exchange(QUESTION | {"stream": True}, {"x-omniroute-progress": "true"}))
    assert exchange.reply_headers[b"x-omniroute-progress"] == b"enabled"
    assert exchange.received.endswith(DONE)
    last = exchange.received.rindex(b"event: progress")
    assert b'"done":true' in exchange.received[last:]


async def test_a_beta_query_and_header_reach_an_anthropic_provider_and_nobody_else() -> None:
    headers = {"anthropic-beta": "b1", "anthropic-version": "2023-06-01"}
    body = {"model": "claude/m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    on = stage(error(400), error(400))
    await on.ask(Exchange(body, headers, b"beta=true"), "anthropic")
    await on.ask(Exchange(body | {"model": "up/m"}, headers, b"beta=true"), "anthropic")
    native, foreign = on.transport.requests
    assert native.url == "https://claude.test/v1/messages?beta=true"
    assert dict(native.headers)["anthropic-beta"] == "b1"
    assert "anthropic-beta" not in dict(foreign.headers)
    assert "?" not in foreign.url


LINES = {"content-type": "application/x-ndjson"}
LINE = (
    b'{"model":"m","created_at":"2025-01-01T00:00:00Z","message":{"role":"assistant","content":"hi"},'
    b'"done":false}\n'
)
LAST = (
    b'{"model":"m","created_at":"2025-01-01T00:00:00Z","message":{"role":"assistant","content":""},"done":true,'
    b'"done_reason":"stop","prompt_eval_count":5,"eval_count":2}\n'
)
LOCAL = {"accounts": {"up": 1, "local": 1}, "codecs": {"up": "openai_chat", "local": "ollama"}}


async def test_an_ollama_client_streams_lines_unless_it_says_otherwise() -> None:
    on = stage(Answer(headers=SSE, chunks=(chunk("hi"), chunk(None, "stop"), USAGE, DONE)), **LOCAL)
    exchange = await on.ask(Exchange(QUESTION), "ollama")
    assert exchange.reply_headers[b"content-type"] == b"application/x-ndjson"
    lines = [msgspec.json.decode(line) for line in exchange.received.splitlines()]
    assert [line["done"] for line in lines][-1] is True
    assert "".join(line["message"]["content"] for line in lines) == "hi"
    assert (lines[-1]["prompt_eval_count"], lines[-1]["eval_count"]) == (5, 2)


async def test_an_ollama_upstream_is_forwarded_line_by_line_to_its_own_kind() -> None:
    gate = Gate()
    on = stage(Answer(headers=LINES, chunks=(LINE, gate, LAST)), **LOCAL)
    exchange = Exchange(QUESTION | {"model": "local/m"})
    task = asyncio.ensure_future(on.ask(exchange, "ollama"))
    await gate.reached.wait()
    await asyncio.sleep(0)
    assert exchange.received == LINE
    gate.open()
    await task
    assert exchange.received == LINE + LAST
    assert dict(on.transport.requests[0].headers)["accept"] == "application/x-ndjson"


async def test_a_chat_client_is_answered_by_an_ollama_upstream() -> None:
    on = stage(Answer(headers=LINES, chunks=(LINE, LAST)), **LOCAL)
    exchange = await on.ask(Exchange(QUESTION | {"model": "local/m", "stream": True}))
    assert b'"content":"hi"' in exchange.received
    assert exchange.received.endswith(DONE)
    assert on.transport.requests[0].url == "https://local.test/v1/api/chat"


@pytest.mark.parametrize(("stopped", "told"), [(CLIENT_LEFT, False), (DRAINING, True)])
async def test_a_request_that_is_stopped_settles_closes_its_upstream_and_is_told_if_anybody_listens(
    stopped: object, told: bool
) -> None:
    gate = Gate()
    on = stage(Answer(headers=SSE, chunks=(chunk("a"), gate)))
    exchange = Exchange(QUESTION | {"stream": True})
    task = asyncio.ensure_future(on.ask(exchange))
    await gate.reached.wait()
    exchange.stopped = stopped
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert on.transport.replies[0].cut
    assert isinstance(on.journal.records[-1], Settled)
    assert (b'"error"' in exchange.received) is told
    assert on.counters.active == 0
