"""Accounts that take only so many requests at a time: passed over when full, waited for when all are."""

import asyncio

import msgspec

from omniroute.routing.bounds import Limits, Queue
from omniroute.routing.combo import Combo, ModelStep
from omniroute.upstream.scripted import Answer, Fault, Gate
from tests.unit.pipeline.stage import Exchange, Stage, stage
from tests.unit.pipeline.test_account_choice import chat, error, good, message, used


def narrow(
    *script: object, accounts: int = 1, places: int = 1, waiting: int = 20, patience_s: float = 30.0
) -> Stage:
    """A provider whose accounts take `places` requests at a time."""
    steps = (ModelStep(id="one", model="up/m"), ModelStep(id="two", model="claude/c"))
    on = stage(
        *script, accounts={"up": accounts, "claude": 1}, combos=(Combo(id="both", name="both", steps=steps),)
    )
    limited = tuple(msgspec.structs.replace(one, max_concurrent=places) for one in on.snapshot.connections["up"])
    connections = {**on.snapshot.connections, "up": limited}
    by_id = {one.id: one for several in connections.values() for one in several}
    limits = Limits(queue=Queue(length=waiting, max_wait_s=patience_s))
    on.live.current = msgspec.structs.replace(on.snapshot, connections=connections, by_id=by_id, limits=limits)
    return on


async def begun(on: Stage, gate: Gate, text: str = "first", model: str = "up/m") -> "asyncio.Task[Exchange]":
    """A request that is under way."""
    task = asyncio.ensure_future(on.ask(chat(text, model=model)))
    await gate.reached.wait()
    return task


async def queued(on: Stage, count: int) -> None:
    """So many requests are in the line; whatever can run has run until then."""
    for _ in range(100):
        if on.accounts.line.waiting("up-0") == count:
            return
        await asyncio.sleep(0)
    raise AssertionError(f"{on.accounts.line.waiting('up-0')} are in the line instead of {count}")


async def test_a_full_account_is_passed_over() -> None:
    gate = Gate()
    on = narrow(good(gate), good(), accounts=2)
    first = await begun(on, gate)
    second = await on.ask(chat("second"))
    assert (second.status, used(on)) == (200, [0, 1])
    trace = on.traces.find("req_1")
    assert trace is not None
    assert [one.reason for one in trace.exclusions] == ["busy: all of its 1 places are taken"]
    assert b"x-omniroute-attempts" not in second.reply_headers
    gate.open()
    assert (await first).status == 200
    assert [on.accounts.line.gate.permits.held(f"up-{number}") for number in range(2)] == [0, 0]


async def test_a_combo_goes_on_to_its_next_model() -> None:
    gate = Gate()
    on = narrow(good(gate), message())
    first = await begun(on, gate)
    second = await on.ask(chat("second", model="both"))
    assert (second.status, second.reply_headers[b"x-omniroute-provider"]) == (200, b"claude")
    gate.open()
    await first


def filling(on: Stage) -> Stage:
    """The combo fills its first model before the second one is asked."""
    combos = {"both": msgspec.structs.replace(on.live.current.combos["both"], strategy="fill-first")}
    on.live.current = msgspec.structs.replace(on.live.current, combos=combos)
    return on


async def test_fill_first_waits_for_its_first_model() -> None:
    gate = Gate()
    on = filling(narrow(good(gate), good()))
    first = await begun(on, gate)
    second = asyncio.ensure_future(on.ask(chat("second", model="both")))
    await queued(on, 1)
    gate.open()
    assert [(await one).status for one in (first, second)] == [200, 200]
    assert (await second).reply_headers[b"x-omniroute-provider"] == b"up"
    assert len(on.transport.requests) == 2


async def test_fill_first_goes_on_when_the_wait_is_too_long_and_after_a_failure() -> None:
    gate = Gate()
    on = filling(narrow(good(gate), message(), error(500), message(), patience_s=0.0))
    first = await begun(on, gate)
    second = await on.ask(chat("second", model="both"))
    assert (second.status, second.reply_headers[b"x-omniroute-provider"]) == (200, b"claude")
    gate.open()
    await first
    third = await on.ask(chat("third", model="both"))
    assert (third.status, third.reply_headers[b"x-omniroute-provider"]) == (200, b"claude")


async def test_when_all_are_full_a_request_waits_for_a_place() -> None:
    gate = Gate()
    on = narrow(good(gate), good())
    first = await begun(on, gate)
    second = asyncio.ensure_future(on.ask(chat("second")))
    await queued(on, 1)
    assert len(on.transport.requests) == 1
    gate.open()
    assert [(await one).status for one in (first, second)] == [200, 200]
    assert on.accounts.line.gate.permits.held("up-0") == 0


async def test_a_place_is_held_until_the_end_of_the_stream() -> None:
    gate = Gate()
    chunk = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[%s]}\n\n'
    text = chunk % b'{"index":0,"delta":{"role":"assistant","content":"hi"},"finish_reason":null}'
    end = chunk % b'{"index":0,"delta":{},"finish_reason":"stop"}'
    stream = Answer(headers={"content-type": "text/event-stream"}, chunks=(text, gate, end, b"data: [DONE]\n\n"))
    on = narrow(stream, good())
    body = {"model": "up/m", "stream": True, "messages": [{"role": "user", "content": "first"}]}
    first = asyncio.ensure_future(on.ask(Exchange(body)))
    await gate.reached.wait()
    assert on.accounts.line.gate.permits.held("up-0") == 1
    second = asyncio.ensure_future(on.ask(chat("second")))
    await queued(on, 1)
    gate.open()
    assert (await first).received.endswith(b"data: [DONE]\n\n")
    assert (await second).status == 200
    assert on.accounts.line.gate.permits.held("up-0") == 0


async def test_a_line_that_is_full_is_a_429_with_a_time_to_come_back_in_the_callers_dialect() -> None:
    gate = Gate()
    on = narrow(good(gate), waiting=0)
    first = await begun(on, gate)
    body = {"model": "up/m", "max_tokens": 9, "messages": [{"role": "user", "content": "second"}]}
    second = await on.ask(Exchange(body), "anthropic")
    assert (second.status, second.reply_headers[b"retry-after"]) == (429, b"5")
    assert second.json["error"]["type"] == "rate_limit_error"
    assert "the line is full" in second.json["error"]["message"]
    gate.open()
    await first


async def test_a_wait_that_is_too_long_is_a_429() -> None:
    gate = Gate()
    on = narrow(good(gate), patience_s=0.0)
    first = await begun(on, gate)
    second = await on.ask(chat("second"))
    assert (second.status, second.json["error"]["code"]) == (429, "SEMAPHORE_TIMEOUT")
    gate.open()
    await first


async def test_a_client_that_leaves_the_line_or_its_stream_leaves_no_place_taken() -> None:
    gate = Gate()
    on = narrow(good(gate), good())
    first = await begun(on, gate)
    second = asyncio.ensure_future(on.ask(chat("second")))
    await queued(on, 1)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert on.accounts.line.waiting("up-0") == 0
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert on.accounts.line.gate.permits.held("up-0") == 0
    assert (await on.ask(chat("third"))).status == 200


async def test_who_waited_for_an_account_that_was_told_to_rest_meanwhile_is_told_so() -> None:
    gate = Gate()
    limit = Answer(
        status=429,
        headers={"content-type": "application/json", "retry-after": "70"},
        chunks=(b'{"error":{"message":"slow down","type":"x","code":null}}',),
        before=gate,
    )
    on = narrow(limit)
    first = await begun(on, gate)
    second = asyncio.ensure_future(on.ask(chat("second")))
    await queued(on, 1)
    gate.open()
    assert (await first).status == 429
    assert ((await second).status, len(on.transport.requests)) == (429, 1)
    assert (await second).reply_headers[b"retry-after"] in (b"70", b"71")
    assert on.accounts.line.gate.permits.held("up-0") == 0


async def test_whatever_comes_of_many_requests_no_place_is_lost() -> None:
    outcomes = (good(), error(500), Fault("connect"), error(400), Fault("timeout"), good())
    served = iter(range(1000))
    on = narrow(lambda request: outcomes[next(served) % len(outcomes)], accounts=3, places=2)
    tasks = [asyncio.ensure_future(on.ask(chat(str(number)))) for number in range(40)]
    for number in range(0, 40, 7):
        tasks[number].cancel()
        await asyncio.sleep(0)
        on.resting.view.clear()  # type: ignore[attr-defined]  # the accounts stay in use
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [on.accounts.line.gate.permits.held(f"up-{number}") for number in range(3)] == [0, 0, 0]
    assert [on.accounts.standing(f"up-{number}", 0.0).in_flight for number in range(3)] == [0, 0, 0]
