"""Whose bodies are kept, and that they are what client and gateway said to each other."""

import msgspec
import pytest

from omniroute.access.grant import Grant
from omniroute.access.keys import mint
from omniroute.snapshot.logging import Logging
from omniroute.upstream.scripted import Answer, Fault
from tests.unit.pipeline.relay_stage import RelayStage
from tests.unit.pipeline.stage import CHAT, Exchange, Stage, stage

KEY = mint(bytes(32)).text
ASKED = {"model": "up/m", "messages": [{"role": "user", "content": "hi"}]}
GOOD = Answer(chunks=(msgspec.json.encode(CHAT),))
BAD = Answer(status=400, chunks=(b'{"error":{"message":"no"}}',))
STREAM = Answer(
    headers={"content-type": "text/event-stream"},
    chunks=(
        b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":'
        b'{"role":"assistant","content":"hel"},"finish_reason":null}]}\n\n',
        b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":'
        b'{"content":"lo"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
    ),
)


def listening(staged: Stage, **rules: object) -> Stage:
    """With these settings of the log in force."""
    logging = Logging(**rules)  # type: ignore[arg-type]
    grants = staged.live.current.grants.values()
    captured = logging if logging.captures(grants) else None
    staged.live.current = msgspec.structs.replace(staged.live.current, logging=logging, captured=captured)
    return staged


async def kept(staged: Stage, exchange: Exchange) -> list[str]:
    await staged.ask(exchange)
    return [one.response.kept().text or "" for one in staged.captures.said]


async def test_nothing_is_kept_unless_somebody_wants_it():
    assert await kept(listening(stage(GOOD)), Exchange(ASKED)) == []


async def test_a_reply_is_kept_as_the_client_got_it():
    staged = listening(stage(GOOD), bodies="all")
    exchange = Exchange(ASKED, {"user-agent": "curl"}, query=b"a=b")
    assert await kept(staged, exchange) == [exchange.received.decode()]
    (said,) = staged.captures.said
    assert said.request.kept().text == msgspec.json.encode(ASKED).decode()
    assert (said.request_id, said.status, said.path) == ("req_1", 200, "/v1/x?a=b")
    assert said.request_headers["user-agent"] == "curl"
    assert dict(said.response_headers) == exchange.reply_headers


async def test_a_stream_is_kept_as_it_was_sent():
    exchange = Exchange({**ASKED, "stream": True})
    assert await kept(listening(stage(STREAM), bodies="all"), exchange) == [exchange.received.decode()]
    assert exchange.received.endswith(b"data: [DONE]\n\n")


async def test_errors_alone_are_kept_where_errors_are_wanted():
    assert await kept(listening(stage(GOOD), bodies="errors"), Exchange(ASKED)) == []
    failed = Exchange(ASKED)
    assert await kept(listening(stage(BAD), bodies="errors"), failed) == [failed.received.decode()]
    assert failed.status == 400


async def test_a_stream_that_breaks_is_an_error():
    broken = Answer(headers=STREAM.headers, chunks=(STREAM.chunks[0], Fault("closed", "gone")))
    exchange = Exchange({**ASKED, "stream": True})
    (text,) = await kept(listening(stage(broken), bodies="errors"), exchange)
    assert text == exchange.received.decode()
    assert '"error"' in text


@pytest.mark.parametrize(
    ("usual", "own", "no_log", "expected"),
    [("off", "all", False, 1), ("all", "off", False, 0), ("all", None, True, 0), ("off", "all", True, 0)],
)
async def test_a_key_has_its_own_way_and_a_key_that_is_not_logged_never_is(usual, own, no_log, expected):
    grant = Grant(key_id="k1", name="k", bodies=own, log_bodies=not no_log)
    staged = listening(stage(GOOD, grants={KEY: grant}), bodies=usual)
    exchange = Exchange(ASKED, {"authorization": f"Bearer {KEY}"})
    assert len(await kept(staged, exchange)) == expected
    assert exchange.status == 200
    assert all(said.secrets == (KEY,) for said in staged.captures.said)


async def test_an_answer_from_the_cache_is_kept_for_each_who_got_it():
    staged = listening(stage(GOOD), bodies="all")
    asked = {**ASKED, "temperature": 0}
    first, second = await staged.ask(Exchange(asked)), await staged.ask(Exchange(asked))
    assert [one.response.kept().text for one in staged.captures.said] == [
        first.received.decode(),
        second.received.decode(),
    ]


async def test_requests_of_one_question_are_kept_too():
    vectors = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "m"}
    staged = RelayStage(Answer(chunks=(msgspec.json.encode(vectors),)))
    logging = Logging(bodies="all")
    staged.live.current = msgspec.structs.replace(staged.live.current, captured=logging)
    exchange = await staged.ask({"model": "up/m", "input": "hi"})
    (said,) = staged.captures.said
    assert said.response.kept().text == exchange.received.decode()
    assert '"input":"hi"' in (said.request.kept().text or "")
