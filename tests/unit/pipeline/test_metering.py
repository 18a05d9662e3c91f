"""What an operator lets an account take in a minute."""

from typing import Any

import msgspec

from omniroute.traffic.buckets import minutes
from omniroute.upstream.scripted import Answer
from tests.unit.pipeline.stage import Exchange, Stage, stage
from tests.unit.pipeline.test_generate import error, good

ASKED: dict[str, Any] = {"model": "up/m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 50}


def limited(*script: object, accounts: int = 1, **limits: int) -> Stage:
    """Every account of `up` has the limits."""
    on = stage(*script, accounts={"up": accounts, "claude": 1})
    snapshot = on.live.current
    given = {
        one.id: msgspec.structs.replace(one, parameters={**one.parameters, **limits})
        for one in snapshot.connections["up"]
    }
    connections = {**snapshot.connections, "up": tuple(given.values())}
    on.live.current = msgspec.structs.replace(snapshot, connections=connections, by_id={**snapshot.by_id, **given})
    return on


async def asked(on: Stage) -> Exchange:
    return await on.ask(Exchange(ASKED))


async def test_the_next_request_is_refused_with_the_time_to_come_back() -> None:
    on = limited(good(), good(), requestsPerMinute=2)
    assert [(await asked(on)).status for _ in range(2)] == [200, 200]
    refused = await asked(on)
    assert (refused.status, refused.json["error"]["code"]) == (429, "connection_rate_limited")
    assert refused.reply_headers[b"retry-after"] == b"30"
    assert len(on.transport.requests) == 2


async def test_another_account_takes_over() -> None:
    on = limited(good(), good(), accounts=2, requestsPerMinute=1)
    for _ in range(2):
        assert (await asked(on)).status == 200
    assert (await asked(on)).status == 429


async def test_a_minute_later_there_is_room_again() -> None:
    on = limited(good(), good(), requestsPerMinute=1)
    await asked(on)
    on.clock.time += 60
    assert (await asked(on)).status == 200


async def test_tokens_that_were_set_aside_and_not_used_come_back() -> None:
    on = limited(good(), good(), good(), tokensPerMinute=100)
    for _ in range(3):
        assert (await asked(on)).status == 200


async def test_a_hundred_tokens_a_minute_let_no_more_through() -> None:
    usage = {"prompt_tokens": 30, "completion_tokens": 50, "total_tokens": 80}
    reply = good()
    assert isinstance(reply, Answer)
    body = msgspec.json.decode(reply.chunks[0]) | {"usage": usage}
    replies = [msgspec.structs.replace(reply, chunks=(msgspec.json.encode(body),)) for _ in range(5)]
    on = limited(*replies, tokensPerMinute=100)
    statuses = [(await asked(on)).status for _ in range(5)]
    assert statuses.count(200) * 80 <= 100
    assert statuses[-1] == 429


async def test_what_another_account_did_not_use_is_given_back() -> None:
    on = limited(error(500), good(), good(), accounts=2, tokensPerMinute=100)
    assert (await asked(on)).status == 200
    first = on.live.current.connections["up"][0].id
    (level,) = on.accounts.meters.levels(first, minutes((("tokens", 100),)), on.clock.monotonic())
    assert level.remaining == 100
