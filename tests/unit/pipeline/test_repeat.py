"""Requests that are sent again under the same name: answered once, paid for once."""

import asyncio

import pytest

from omniroute.errors import GatewayError
from omniroute.upstream.scripted import Answer, Gate
from tests.unit.pipeline.stage import Exchange, stage
from tests.unit.pipeline.test_cached import ASKED, KEYS, STREAM, by, cache, keyed, leave, settled, streamed
from tests.unit.pipeline.test_generate import QUESTION, error, good

KEY = {"idempotency-key": "k-1"}


def again(exchange: Exchange) -> bool:
    return exchange.reply_headers.get(b"x-omniroute-idempotent") == b"true"


@pytest.mark.parametrize("headers", [KEY, {"x-request-id": "r-1"}])
async def test_the_second_sending_gets_the_very_bytes_of_the_first(headers: dict[str, str]) -> None:
    on = stage(good())
    first, second = [await on.ask(Exchange(QUESTION, headers)) for _ in range(2)]
    assert (again(first), again(second)) == (False, True)
    assert (second.status, second.received) == (200, first.received)
    assert len(on.transport.requests) == 1
    assert [one.usage_source for one in settled(on)] == ["reported", "cache"]
    assert on.window.active == 1


async def test_after_the_window_it_is_a_new_request() -> None:
    on = stage(good(), good())
    await on.ask(Exchange(QUESTION, KEY))
    on.clock.time += 5.1
    assert not again(await on.ask(Exchange(QUESTION, KEY)))
    assert len(on.transport.requests) == 2


async def test_the_key_wins_over_the_request_id() -> None:
    on = stage(good())
    await on.ask(Exchange(QUESTION, KEY | {"x-request-id": "1"}))
    assert again(await on.ask(Exchange(QUESTION, KEY | {"x-request-id": "2"})))


@pytest.mark.parametrize("name", ["idempotency-key", "x-request-id"])
async def test_another_body_is_another_request_whatever_its_name(name: str) -> None:
    on = stage(good(), good())
    for content in ("one", "two"):
        body = QUESTION | {"messages": [{"role": "user", "content": content}]}
        assert not again(await on.ask(Exchange(body, {name: "same"})))


async def test_another_client_with_the_same_key_is_another_request() -> None:
    on = keyed(good(), good())
    for key in KEYS:
        assert not again(await on.ask(Exchange(QUESTION, KEY | by(key))))


async def test_what_failed_may_be_tried_again_at_once() -> None:
    on = stage(error(400), good())
    assert (await on.ask(Exchange(QUESTION, KEY))).status == 400
    second = await on.ask(Exchange(QUESTION, KEY))
    assert (second.status, again(second)) == (200, False)


async def test_a_sending_meets_the_first_one_under_way_as_a_stream_too() -> None:
    gate = Gate()
    on = stage(streamed(gate))
    body = QUESTION | {"stream": True}
    leading = asyncio.ensure_future(on.ask(Exchange(body, KEY)))
    await gate.reached.wait()
    joining = asyncio.ensure_future(on.ask(Exchange(body, KEY)))
    gate.open()
    first, second = await asyncio.gather(leading, joining)
    third = await on.ask(Exchange(body, KEY))
    assert first.received == second.received == third.received
    assert [again(one) for one in (first, second, third)] == [False, True, True]
    assert len(on.transport.requests) == 1


async def test_a_client_that_left_and_sends_again_is_served_anew() -> None:
    gate = Gate()
    on = stage(streamed(gate), streamed())
    body = QUESTION | {"stream": True}
    exchange = Exchange(body, KEY)
    task = asyncio.ensure_future(on.ask(exchange))
    await gate.reached.wait()
    await leave(task, exchange)
    assert on.transport.replies[0].cut
    second = await on.ask(Exchange(body, KEY))
    assert (second.status, again(second)) == (200, False)
    assert [one.outcome for one in settled(on)] == ["cancelled", "ok"]


async def test_no_cache_does_not_undo_it() -> None:
    on = stage(good())
    headers = KEY | {"x-omniroute-no-cache": "true"}
    await on.ask(Exchange(ASKED, headers))
    assert again(await on.ask(Exchange(ASKED, headers)))


async def test_a_repeated_request_may_be_a_hit_and_a_hit_may_be_repeated() -> None:
    on = stage(good())
    await on.ask(Exchange(ASKED))
    first, second = [await on.ask(Exchange(ASKED, KEY)) for _ in range(2)]
    assert (cache(first), again(first)) == (b"HIT", False)
    assert again(second)
    assert first.received == second.received
    assert len(on.transport.requests) == 1


async def test_repeats_and_the_same_question_of_others_are_one_call() -> None:
    gate = Gate()
    on = stage(streamed(gate))
    headers = ({}, KEY, KEY, {"x-request-id": "r"})
    exchanges = [Exchange(STREAM, one) for one in headers]
    tasks = [asyncio.ensure_future(on.ask(exchange)) for exchange in exchanges]
    await gate.reached.wait()
    await leave(tasks[0], exchanges[0])
    gate.open()
    await asyncio.gather(*tasks[1:])
    assert len({exchange.received for exchange in exchanges[1:]}) == 1
    assert len(on.transport.requests) == 1
    assert on.counters.active == 0


async def test_names_are_not_remembered_for_ever() -> None:
    on = stage(lambda request: good())
    for number in range(20):
        await on.ask(Exchange(QUESTION, {"idempotency-key": str(number)}))
        on.clock.time += 1
    assert on.window.active == 4
    on.window.clear()
    assert on.window.active == 0


async def test_a_hit_that_cannot_be_written_down_is_refused_and_not_given_away() -> None:
    on = stage(good())
    await on.ask(Exchange(ASKED))

    def full(record: object) -> None:
        raise GatewayError(503, "the disk is full", code="ledger_full")

    on.journal.append = full  # type: ignore[method-assign]  # a journal whose disk is full
    for headers in ({}, KEY):
        refused = await on.ask(Exchange(ASKED, headers))
        assert (refused.status, refused.ended) == (503, 1)
        assert "disk is full" in refused.json["error"]["message"]


async def test_a_bug_is_told_to_everybody_once_and_raised_for_the_log() -> None:
    def broken(request: object) -> Answer:
        raise LookupError("a bug")

    on = stage(broken)
    exchanges = [Exchange(QUESTION, KEY) for _ in range(3)]
    ends = await asyncio.gather(*(on.ask(exchange) for exchange in exchanges), return_exceptions=True)
    assert [(exchange.status, exchange.ended) for exchange in exchanges] == [(500, 1)] * 3
    assert sum(isinstance(end, LookupError) for end in ends) == 1
    assert on.counters.active == 0
