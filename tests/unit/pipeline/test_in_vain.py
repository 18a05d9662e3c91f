"""What failed attempts used by their providers' own report: kept on their own row, charged once, never lost."""

import asyncio
from typing import Any

import msgspec
import pytest

from omniroute.ledger.records import Attempted, Progress, Settled
from omniroute.pipeline.failures import CLIENT_LEFT
from omniroute.upstream.scripted import Answer, Fault, Gate
from tests.support.budgets import budget
from tests.unit.pipeline.stage import CHAT, Exchange, Stage
from tests.unit.pipeline.test_account_choice import JSON, good
from tests.unit.pipeline.test_budgets import COST, ask, budgeted, level, settled

SSE = {"content-type": "text/event-stream"}
EMPTY = CHAT | {
    "choices": [],
    "usage": {"prompt_tokens": 50, "completion_tokens": 4, "total_tokens": 54},
}
WASTED = 50 * 14 + 4 * 15
START = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant",'
    b'"model":"m","content":[],"usage":{"input_tokens":40,"cache_read_input_tokens":7,"output_tokens":1}}}\n\n'
)
OVERLOADED = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"no"}}\n\n'
STREAMED = (7 * 14 + 40 * 14) + 15


def whole(body: dict) -> Answer:
    return Answer(headers=JSON, chunks=(msgspec.json.encode(body),))


def attempts(on: Stage) -> list[Attempted]:
    return [record for record in on.journal.records if isinstance(record, Attempted)]


def used(record: Attempted | Settled) -> tuple[int, int, int | None]:
    return record.input_tokens, record.output_tokens, record.cost_micro_usd


async def test_an_empty_answer_keeps_its_use_and_the_request_has_the_sum() -> None:
    both = budget("both", 10**6)
    on = budgeted(
        both, script=lambda request: good() if len(on.transport.requests) > 1 else whole(EMPTY), accounts={"up": 2}
    )
    assert (await ask(on)).json["choices"][0]["message"]["content"] == "hello"
    failed, won = attempts(on)
    (record,) = settled(on)
    assert (failed.outcome, *used(failed)) == ("empty", 50, 4, WASTED)
    assert (won.outcome, *used(won)) == ("ok", 0, 0, None)
    assert used(record) == (55, 6, WASTED + COST)
    assert (record.usage_source, record.price_source) == ("reported", "test 1")
    assert level(on, both) == (WASTED + COST, 0)
    assert [sum(charge.micro_usd for charge in one.charges) for one in (failed, record)] == [WASTED, COST]


async def test_each_account_pays_for_its_own_attempt() -> None:
    first = budget("first", 10**6, scope="connection", subject="up-0")
    second = budget("second", 10**6, scope="connection", subject="up-1")
    on = budgeted(
        first,
        second,
        script=lambda request: good() if len(on.transport.requests) > 1 else whole(EMPTY),
        accounts={"up": 2},
    )
    assert (await ask(on)).status == 200
    assert (level(on, first), level(on, second)) == ((WASTED, 0), (COST, 0))


async def test_a_request_of_which_every_attempt_failed_costs_what_they_used() -> None:
    one = budget("b", 10**6)
    on = budgeted(one, script=lambda request: whole(EMPTY), accounts={"up": 2})
    assert (await ask(on)).status == 502
    (record,) = settled(on)
    assert used(record) == (100, 8, 2 * WASTED)
    assert record.usage_source == "reported"
    assert level(on, one) == (2 * WASTED, 0)


async def test_without_a_report_a_failed_attempt_used_nothing_that_anybody_knows_of() -> None:
    mute = {name: value for name, value in EMPTY.items() if name != "usage"}
    on = budgeted(budget("b", 10**6), script=lambda request: whole(mute))
    assert (await ask(on)).status == 502
    (record,) = settled(on)
    assert (record.usage_source, *used(record)) == ("none", 0, 0, None)


async def test_an_unknown_price_of_one_attempt_leaves_the_whole_unknown() -> None:
    one = budget("b", 10**6)
    on = budgeted(
        one,
        prices=None,
        script=lambda request: good() if len(on.transport.requests) > 1 else whole(EMPTY),
        accounts={"up": 2},
    )
    assert (await ask(on)).status == 200
    (record,) = settled(on)
    assert used(record) == (55, 6, None)
    spent = on.allowance.spending.till.level(one, on.clock.time)
    assert spent.guessed == spent.spent > 0


@pytest.mark.parametrize(
    "end", [(OVERLOADED,), (Fault("closed", "cut off"),), ()], ids=["error event", "cut", "early end"]
)
@pytest.mark.parametrize("dialect", ["anthropic", "openai_chat"], ids=["as it is", "translated"])
async def test_a_stream_that_fails_before_its_content_was_billed_for_what_it_read(dialect: str, end: Any) -> None:
    one = budget("b", 10**6)
    on = budgeted(one, script=lambda request: Answer(headers=SSE, chunks=(START, *end)))
    exchange = await ask(on, model="claude/m", dialect=dialect, stream=True)
    assert exchange.status >= 500
    (failed,) = attempts(on)
    assert (*used(failed), failed.cache_read_tokens) == (40, 1, STREAMED, 7)
    (record,) = settled(on)
    assert (*used(record), record.cache_read_tokens) == (40, 1, STREAMED, 7)
    assert level(on, one) == (STREAMED, 0)


async def test_a_client_that_leaves_before_the_content_pays_for_what_was_read() -> None:
    one, gate = budget("b", 10**6), Gate()
    on = budgeted(one, script=lambda request: Answer(headers=SSE, chunks=(START, gate)))
    body = {"model": "claude/m", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    exchange = Exchange(body)
    asking = asyncio.ensure_future(on.ask(exchange, "anthropic"))
    await gate.reached.wait()
    exchange.stopped = CLIENT_LEFT
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    (record,) = settled(on)
    assert (record.outcome, *used(record)) == ("cancelled", 40, 1, STREAMED)
    assert level(on, one) == (STREAMED, 0)


async def test_the_mark_of_a_stream_counts_earlier_attempts() -> None:
    gate = Gate()
    text = {"index": 0, "delta": {"content": "four"}, "finish_reason": None}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [text]}
    frame = b"data: " + msgspec.json.encode(chunk) + b"\n\n"
    barren = Answer(headers=SSE, chunks=(b"data: " + msgspec.json.encode(EMPTY) + b"\n\n",))
    one = budget("b", 10**6)
    on = budgeted(
        one,
        script=lambda request: (
            Answer(headers=SSE, chunks=(frame, gate)) if len(on.transport.requests) > 1 else barren
        ),
        accounts={"up": 2},
    )
    asking = asyncio.ensure_future(ask(on, stream=True))
    await gate.reached.wait()
    on.clock.time += 1
    on.generate._deliver._marks.look()
    (mark,) = [record for record in on.journal.records if isinstance(record, Progress)]
    assert mark.output_tokens >= 4
    assert mark.cost_micro_usd == level(on, one)[0] > WASTED
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_counts_nothing_is_estimated_by_its_words_however_short_it_is(stream: bool) -> None:
    text = "word " * 40
    said = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    answer = whole(CHAT | {"choices": [{"index": 0, **said}], "usage": None})
    if stream:
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": "stop"}
        chunk = CHAT | {"object": "chat.completion.chunk", "choices": [choice], "usage": None}
        frames = b"data: " + msgspec.json.encode(chunk) + b"\n\ndata: [DONE]\n\n"
        answer = Answer(headers=SSE, chunks=(frames,))
    on = budgeted(budget("b", 10**6), script=lambda request: answer)
    assert (await ask(on, stream=stream)).status == 200
    (record,) = settled(on)
    assert record.usage_source == "estimated"
    assert 45 <= record.output_tokens <= 55
    assert record.cost_micro_usd is not None


async def test_the_words_in_which_the_gateway_tells_of_a_cut_are_not_the_models() -> None:
    choice = {"index": 0, "delta": {"content": "word " * 40}, "finish_reason": None}
    chunk = CHAT | {"object": "chat.completion.chunk", "choices": [choice], "usage": None}
    frame = b"data: " + msgspec.json.encode(chunk) + b"\n\n"
    on = budgeted(
        budget("b", 10**6),
        script=lambda request: Answer(headers=SSE, chunks=(frame, Fault("closed", "cut off"))),
    )
    assert b"error" in (await ask(on, stream=True)).received
    (record,) = settled(on)
    assert (record.outcome, record.usage_source) == ("cut", "estimated")
    assert 45 <= record.output_tokens <= 55


@pytest.mark.parametrize("claimed", [2**62, 2**70, 1e300])
async def test_numbers_beyond_all_measure_neither_stop_the_answer_nor_the_ledger(claimed: float) -> None:
    usage = {"prompt_tokens": claimed, "completion_tokens": claimed, "total_tokens": 0}
    one = budget("b", 10**15)
    on = budgeted(one, script=lambda request: whole(CHAT | {"usage": usage}))
    assert (await ask(on)).status == 200
    (record,) = settled(on)
    assert record.input_tokens <= 10**9
    assert record.cost_micro_usd == level(on, one)[0] <= 10**12
    msgspec.msgpack.encode(record)
