"""When a provider says when to come back, the account rests until then and the caller is told."""

import msgspec
import pytest

from omniroute.upstream.scripted import Answer
from tests.support.upstream.hints import reset_hints
from tests.unit.pipeline.stage import Exchange, stage

NOW = 1_790_000_000.0
QUESTION = {"model": "up/m", "messages": [{"role": "user", "content": "hi"}]}
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("kind", reset_hints(NOW, 42))
async def test_every_kind_of_hint_reaches_the_caller_and_the_account_rests(kind: str) -> None:
    fault = reset_hints(NOW, 42)[kind].fault
    headers = JSON | {name.lower(): value for name, value in fault.headers}
    body = fault.body or msgspec.json.encode({"error": {"message": fault.message}})
    on = stage(Answer(status=429, headers=headers, chunks=(body,)))
    on.clock.time = NOW
    first = await on.ask(Exchange(QUESTION))
    assert (first.status, first.reply_headers[b"retry-after"]) == (429, b"42")
    second = await on.ask(Exchange(QUESTION))
    assert (second.status, second.json["error"]["code"]) == (429, "model_cooldown")
    assert len(on.transport.requests) == 1


async def test_a_hint_inside_an_answer_that_claimed_success_counts_as_well() -> None:
    said = {"error": {"message": "Rate limit reached, try again in 9s", "code": 429}}
    on = stage(Answer(headers=JSON, chunks=(msgspec.json.encode(said),)))
    exchange = await on.ask(Exchange(QUESTION))
    assert (exchange.status, exchange.reply_headers[b"retry-after"]) == (429, b"9")


async def test_a_refused_body_is_not_read_as_a_rate_limit() -> None:
    headers = JSON | {"x-ratelimit-reset-requests": "30s", "retry-after": "30"}
    on = stage(Answer(status=400, headers=headers, chunks=(b'{"error":{"message":"no"}}',)))
    exchange = await on.ask(Exchange(QUESTION))
    assert exchange.status == 400
    assert b"retry-after" not in exchange.reply_headers
