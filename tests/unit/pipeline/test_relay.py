"""The life of a request of one question and one answer: what goes up, what comes back, what is written down."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from omniroute.dialects.simple.base import Answer as Told
from omniroute.dialects.simple.base import Conversation, Fetch, Question, Send, Wait
from omniroute.ir.failure import Failure
from omniroute.ledger.records import Attempted, Opened, Settled
from omniroute.surfaces.simple import reading
from omniroute.upstream.scripted import Answer, Fault, Gate
from tests.unit.pipeline.relay_stage import UP, RelayStage
from tests.unit.pipeline.stage import Exchange

JSON = {"content-type": "application/json"}
QUESTION = {"model": "up/small", "input": "hi"}
VECTORS = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1]}],
    "model": "small-2026",
    "usage": {"prompt_tokens": 3, "total_tokens": 3},
}


def good(body: object = VECTORS, **headers: str) -> Answer:
    return Answer(headers=JSON | headers, chunks=(msgspec.json.encode(body),))


def error(status: int, message: str = "no luck", **headers: str) -> Answer:
    return Answer(
        status=status, headers=JSON | headers, chunks=(msgspec.json.encode({"error": {"message": message}}),)
    )


def settled(on: RelayStage) -> Settled:
    records = [record for record in on.journal.records if isinstance(record, Settled)]
    assert len(records) == 1
    return records[0]


async def test_a_question_goes_up_with_the_credential_and_its_answer_names_the_public_model() -> None:
    on = RelayStage(good(**{"x-ratelimit-remaining-requests": "9", "set-cookie": "a=b"}))
    exchange = await on.ask(b'{"model": "up/small", "input": "hi", "user": "u", "odd": [1e2]}')
    request = on.transport.requests[0]
    assert (request.method, request.url) == ("POST", "https://up.test/v1/embeddings")
    assert request.body == b'{"model":"small","input":"hi","user":"u","odd":[1e2]}'
    assert dict(request.headers)["authorization"] == "Bearer sk-0"
    assert request.proxy == "http://proxy.test"
    assert exchange.json == VECTORS | {"model": "up/small"}
    assert exchange.reply_headers[b"x-omniroute-provider"] == b"up"
    assert exchange.reply_headers[b"x-ratelimit-remaining-requests"] == b"9"
    assert b"server-timing" in exchange.reply_headers
    assert b"set-cookie" not in exchange.reply_headers


async def test_the_ledger_knows_the_operation_and_the_use() -> None:
    on = RelayStage(good())
    await on.ask(QUESTION)
    opened, end = on.journal.records
    assert isinstance(opened, Opened)
    assert (opened.operation, opened.model) == ("embeddings", "up/small")
    assert isinstance(end, Settled)
    assert (end.outcome, end.provider, end.model, end.input_tokens) == ("ok", "up", "small", 3)
    assert end.usage_source == "reported"


async def test_use_that_nobody_reports_is_estimated_and_marked_so() -> None:
    on = RelayStage(good({"data": VECTORS["data"]}))
    exchange = await on.ask({"model": "up/small", "input": "x" * 400})
    assert exchange.json["usage"] == {"prompt_tokens": 0, "total_tokens": 0}
    assert settled(on).usage_source == "estimated"
    assert 100 <= settled(on).input_tokens <= 120
    assert settled(on).output_tokens == 0


@pytest.mark.parametrize("status", [401, 429, 503])
async def test_another_account_answers_when_the_first_one_cannot(status: int) -> None:
    on = RelayStage(error(status), good(), accounts=2)
    exchange = await on.ask(QUESTION)
    assert exchange.status == 200
    assert [dict(request.headers)["authorization"] for request in on.transport.requests] == [
        "Bearer sk-0",
        "Bearer sk-1",
    ]
    assert exchange.reply_headers[b"x-omniroute-attempts"] == b"2"
    assert [r.outcome == "ok" for r in on.journal.records if isinstance(r, Attempted)] == [False, True]


async def test_an_account_that_is_limited_rests_for_every_operation() -> None:
    on = RelayStage(error(429, **{"retry-after": "7"}), good(), accounts=2)
    await on.ask(QUESTION)
    on.transport.add(good({"results": []}))
    await on.ask({"model": "up/small", "input": "hi"}, "moderations")
    assert dict(on.transport.requests[-1].headers)["authorization"] == "Bearer sk-1"


async def test_a_wait_that_is_said_in_words_or_in_an_answer_reaches_the_caller() -> None:
    words = b'{"error":{"message":"Rate limit reached, try again in 20s"}}'
    refused = Answer(status=429, headers={"content-type": "application/json"}, chunks=(words,))
    exchange = await RelayStage(refused).ask(QUESTION)
    assert (exchange.status, exchange.reply_headers[b"retry-after"]) == (429, b"20")
    exchange = await RelayStage(good({"error": {"message": "slow down, retry in 9s", "code": 429}})).ask(QUESTION)
    assert (exchange.status, exchange.reply_headers[b"retry-after"]) == (429, b"9")


async def test_a_question_that_cannot_be_asked_is_refused_before_anything_is_sent() -> None:
    on = RelayStage()
    exchange = await on.ask({"model": "up/small", "input": []})
    assert (exchange.status, exchange.json["error"]["type"]) == (400, "invalid_request_error")
    assert "input" in exchange.json["error"]["message"]
    assert on.transport.requests == []
    assert settled(on).outcome == "invalid_request"


async def test_a_provider_without_the_operation_is_named() -> None:
    exchange = await RelayStage().ask(QUESTION, "images")
    assert exchange.status == 400
    assert exchange.json["error"]["code"] == "unsupported_operation"
    assert "'up' does not serve images" in exchange.json["error"]["message"]


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), ({"input": "x"}, 400), ({"model": "nobody/x", "input": "x"}, 404)]
)
async def test_what_is_not_admitted_leaves_no_record(body: object, status: int) -> None:
    on = RelayStage()
    exchange = await on.ask(body)
    assert exchange.status == status
    assert "message" in exchange.json["error"]
    assert on.journal.records == []


async def test_the_route_of_a_provider_adds_its_prefix() -> None:
    on = RelayStage(good())
    exchange = await on.ask({"model": "small", "input": "hi"}, pinned="upper")
    assert exchange.json["model"] == "up/small"
    assert msgspec.json.decode(on.transport.requests[0].body)["model"] == "small"


async def test_an_operation_may_live_at_an_address_of_its_own() -> None:
    on = RelayStage(good({"results": [], "meta": {"billed_units": {"search_units": 1}}}))
    await on.ask({"model": "up/r", "query": "q", "documents": ["a"]}, "rerank")
    assert on.transport.requests[0].url == "https://rank.up.test/v2/rank"


class Scripted:
    """A codec whose conversation is the function that it is given."""

    name = "embeddings"

    def __init__(self, ask: Callable[[Question], Conversation]) -> None:
        self.ask = ask

    def check(self, question: Question) -> None:
        """Everything is fine."""


async def test_a_conversation_is_held_step_by_step() -> None:
    seen: list[object] = []

    def ask(question: Question) -> Conversation:
        seen.append((yield Send(path="/jobs", body=b"{}", query="a=1")))
        seen.append((yield Wait(2.5)))
        seen.append((yield Send(method="GET", path="/jobs/1")))
        seen.append((yield Fetch("https://files.test/x")))
        return Told(body=b"done", content_type="text/plain")

    on = RelayStage(good({"id": 1}), good({"ready": True}), good("file"), codecs={"embeddings": Scripted(ask)})
    exchange = await on.ask(QUESTION)
    assert (exchange.received, exchange.reply_headers[b"content-type"]) == (b"done", b"text/plain")
    post, get, fetch = on.transport.requests
    assert (post.method, post.url) == ("POST", "https://up.test/v1/jobs?a=1")
    assert (get.method, get.body, "content-type" in dict(get.headers)) == ("GET", b"", False)
    assert "authorization" in dict(get.headers)
    assert (fetch.url, fetch.private, "authorization" in dict(fetch.headers)) == (
        "https://files.test/x",
        False,
        False,
    )
    assert on.waited == [2.5]
    assert [got.elapsed_s for got in seen] == [0, 2.5, 2.5, 2.5]


async def test_a_local_provider_may_point_to_files_on_itself_and_to_nothing_else_nearby() -> None:
    def ask(question: Question) -> Conversation:
        yield Fetch("http://localhost:9/files/1")
        yield Fetch("http://localhost:10/files/1")
        return Told(body=b"{}")

    local = msgspec.structs.replace(UP, base_url="http://localhost:9/v1", local=True)
    on = RelayStage(good(), good(), row=local, codecs={"embeddings": Scripted(ask)})
    await on.ask(QUESTION)
    assert [(request.private, request.proxy) for request in on.transport.requests] == [
        (True, None),
        (False, "http://proxy.test"),
    ]


async def test_a_conversation_that_fails_on_its_way_is_held_again_with_the_next_account() -> None:
    def ask(question: Question) -> Conversation:
        got = yield Send(path="/a")
        return Told(body=got.body) if got.status == 200 else Failure(kind="server", status=502, message="no")

    on = RelayStage(Fault("timeout"), error(500), good(), accounts=3, codecs={"embeddings": Scripted(ask)})
    exchange = await on.ask(QUESTION)
    assert exchange.status == 200
    assert len(on.transport.requests) == 3


async def test_a_client_that_leaves_ends_the_waiting() -> None:
    ended: list[bool] = []
    gate = Gate()

    def ask(question: Question) -> Conversation:
        try:
            yield Send(path="/a")
        finally:
            ended.append(True)
        return Told(body=b"{}")

    on = RelayStage(Answer(before=gate), codecs={"embeddings": Scripted(ask)})
    task = asyncio.ensure_future(on.ask(QUESTION))
    await gate.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]
    assert (settled(on).outcome, settled(on).status) == ("cancelled", 499)


SSE = {"content-type": "text/event-stream"}
PIECE = b'data: {"id":"c","object":"text_completion","choices":[{"text":"a","index":0,"finish_reason":null}]}\n\n'
LAST = (
    b'data: {"id":"c","object":"text_completion","choices":[],'
    b'"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}\n\n'
)
DONE = b"data: [DONE]\n\n"
STREAM = {"model": "up/old", "prompt": "Once", "stream": True}


async def test_a_stream_is_passed_on_piece_by_piece_and_settled_before_its_end() -> None:
    gate = Gate()
    on = RelayStage(Answer(headers=SSE, chunks=(PIECE, gate, LAST, DONE)))
    task = asyncio.ensure_future(on.ask(STREAM, "completions"))
    await gate.reached.wait()
    assert not any(isinstance(record, Settled) for record in on.journal.records)
    gate.open()
    exchange = await task
    assert exchange.received == PIECE + LAST + DONE
    assert exchange.reply_headers[b"content-type"].startswith(b"text/event-stream")
    assert (settled(on).input_tokens, settled(on).output_tokens, settled(on).outcome) == (5, 2, "ok")


async def test_a_stream_that_is_cut_ends_in_an_error_event() -> None:
    for ending in (Fault("closed"), b""):
        on = RelayStage(Answer(headers=SSE, chunks=(PIECE, PIECE[:20], ending)))
        exchange = await on.ask(STREAM, "completions")
        assert exchange.received.startswith(PIECE)
        assert b'"error"' in exchange.received
        assert exchange.received.endswith(DONE)
        assert exchange.ended == 1
        assert settled(on).outcome == "cut"


async def test_a_stream_that_begins_with_an_error_is_tried_elsewhere() -> None:
    bad = b'data: {"error":{"message":"overloaded"}}\n\n'
    on = RelayStage(
        Answer(headers=SSE, chunks=(bad,)), Answer(headers=SSE), Answer(headers=SSE, chunks=(DONE,)), accounts=3
    )
    exchange = await on.ask(STREAM, "completions")
    assert exchange.received == DONE
    assert len(on.transport.requests) == 3


async def test_sound_is_passed_on_as_it_is() -> None:
    on = RelayStage(Answer(headers={"content-type": "audio/mpeg"}, chunks=(b"ID3", b"\0\1\2")))
    exchange = await on.ask({"model": "up/tts", "input": "x" * 400, "voice": "v"}, "speech")
    assert (exchange.received, exchange.reply_headers[b"content-type"]) == (b"ID3\0\1\2", b"audio/mpeg")
    assert exchange.ended == 1
    assert (settled(on).usage_source, settled(on).output_tokens) == ("estimated", 0)


async def test_sound_that_is_cut_has_no_end() -> None:
    on = RelayStage(Answer(headers={"content-type": "audio/mpeg"}, chunks=(b"ID3", Fault("closed"))))
    exchange = await on.ask({"model": "up/tts", "input": "x", "voice": "v"}, "speech")
    assert (exchange.received, exchange.ended) == (b"ID3", 0)
    assert settled(on).outcome == "cut"


async def test_a_refused_stream_has_its_own_status() -> None:
    on = RelayStage(error(400, "bad voice"))
    exchange = await on.ask({"model": "up/tts", "input": "x", "voice": "v"}, "speech")
    assert (exchange.status, exchange.json["error"]["message"]) == (400, "bad voice")


async def test_a_client_that_was_kept_waiting_in_a_stream_hears_of_anything_else_in_band() -> None:
    gate = Gate()
    on = RelayStage(Answer(headers=JSON, chunks=(gate, b'{"choices":[]}')))
    exchange = Exchange(STREAM)
    task = asyncio.ensure_future(on.relay(exchange, "completions", reading()))
    await gate.reached.wait()
    await exchange.begin(200, [])
    gate.open()
    await task
    assert b"did not answer with a stream of events" in exchange.received
    assert exchange.ended == 1
    assert settled(on).outcome == "protocol"


async def test_a_whole_answer_to_a_streaming_client_is_passed_on_whole() -> None:
    body = b'{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}}'
    exchange = await RelayStage(Answer(headers=JSON, chunks=(body,))).ask(STREAM, "completions")
    assert (exchange.received, exchange.reply_headers[b"content-type"]) == (body, b"application/json")


async def test_an_error_that_the_provider_sends_in_the_stream_is_told_once() -> None:
    bad = b'data: {"error":{"message":"overloaded"}}\n\n'
    on = RelayStage(Answer(headers=SSE, chunks=(PIECE, bad)))
    exchange = await on.ask(STREAM, "completions")
    assert exchange.received == PIECE + bad
    assert settled(on).outcome == "server"


async def test_a_client_that_leaves_in_the_middle_cuts_the_provider_and_is_written_down() -> None:
    gate = Gate()
    on = RelayStage(Answer(headers={"content-type": "audio/mpeg"}, chunks=(b"ID3", gate, b"more")))
    task = asyncio.ensure_future(on.ask({"model": "up/tts", "input": "x", "voice": "v"}, "speech"))
    await gate.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert on.transport.replies[0].cut
    assert (settled(on).outcome, settled(on).usage_source) == ("cancelled", "estimated")


async def test_nothing_is_said_about_a_bug_in_the_middle_of_sound() -> None:
    class Slipping(Exchange):
        async def write(self, chunk: bytes) -> None:
            await super().write(chunk)
            raise ZeroDivisionError

    on = RelayStage(Answer(headers={"content-type": "audio/mpeg"}, chunks=(b"ID3", b"more")))
    exchange = Slipping({"model": "up/tts", "input": "x", "voice": "v"})
    with pytest.raises(ZeroDivisionError):
        await on.relay(exchange, "speech", reading())
    assert (exchange.received, exchange.ended) == (b"ID3", 0)
    assert settled(on).outcome == "server"
