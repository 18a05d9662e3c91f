"""One deadline over everything that a request waits for: places, accounts, attempts, and the answer itself."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.access.grant import LOCAL_GRANT
from omniroute.pipeline.deadline import HEADER, NEVER, limit_s, share_s
from omniroute.routing.combo import Combo, ModelStep
from omniroute.surfaces.simple import reading
from omniroute.upstream.scripted import Answer, Gate
from tests.support.virtual_time import virtually
from tests.unit.pipeline.relay_stage import RelayStage
from tests.unit.pipeline.stage import Exchange, Stage, stage
from tests.unit.pipeline.test_account_choice import asked_claude, chat, error, good
from tests.unit.pipeline.test_account_places import narrow

JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream"}
FIRST = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"hel"}}]}\n\n'
BOTH = Combo(
    id="both",
    name="both",
    steps=(ModelStep(id="one", model="up/m"), ModelStep(id="two", model="up/n")),
)


def within(milliseconds: object, exchange: Exchange) -> Exchange:
    exchange.headers[HEADER] = str(milliseconds)
    return exchange


async def cut_short(on: Stage, exchange: Exchange, dialect: str = "openai_chat") -> Exchange:
    with pytest.raises(asyncio.CancelledError):
        await asyncio.ensure_future(on.ask(exchange, dialect))
    return exchange


def nothing_is_held(on: Stage) -> bool:
    places = [on.accounts.line.gate.permits.held(one) for one in on.snapshot.by_id]
    asked = on.candidates.of(on.live.current, "up/m", None, LOCAL_GRANT)
    busy = [on.pulse.standing(one.target, 1000.0).in_flight for one in asked]
    return not any(places) and not any(busy) and on.counters.active == 0


@pytest.mark.parametrize(
    ("dialect", "asked", "said"),
    [("openai_chat", chat, b'"code":"deadline_exceeded"'), ("anthropic", asked_claude, b'"type":"error"')],
)
def test_a_deadline_that_ends_before_the_answer_is_a_504_of_the_callers_dialect(dialect, asked, said) -> None:
    on = stage(Answer(before=Gate()))
    exchange = virtually(cut_short(on, within(50, asked()), dialect))
    assert exchange.status == 504
    assert said in exchange.received
    assert b"deadline of 50 ms" in exchange.received
    assert (on.journal.records[-1].outcome, on.journal.records[-1].status) == ("timeout", 504)
    assert nothing_is_held(on)
    assert not on.resting.view, "a hasty client says nothing about the account"
    trace = on.traces.find("req_1")
    assert trace is not None
    assert trace.tried == ()
    assert trace.winner is None
    assert trace.interrupted is not None
    assert trace.interrupted.target.model == trace.model.partition("/")[2]


def test_a_deadline_that_ends_in_the_middle_of_a_stream_is_an_error_in_it() -> None:
    on = stage(Answer(headers=EVENTS, chunks=(FIRST, Gate())))
    body = {"model": "up/m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    exchange = virtually(cut_short(on, within(50, Exchange(body))))
    assert exchange.status == 200
    assert exchange.received.startswith(FIRST)
    assert b"deadline_exceeded" in exchange.received[len(FIRST) :]
    assert exchange.received.endswith(b"data: [DONE]\n\n")
    assert exchange.ended == 1
    assert on.transport.replies[0].cut
    assert nothing_is_held(on)


def test_a_deadline_ends_the_wait_for_a_place() -> None:
    async def main() -> Exchange:
        gate = Gate()
        on = narrow(good(gate), good())
        first = asyncio.ensure_future(on.ask(chat("first")))
        await gate.reached.wait()
        second = await cut_short(on, within(5000, chat("second")))
        assert on.accounts.line.waiting("up-0") == 0
        gate.open()
        assert (await first).status == 200
        assert nothing_is_held(on)
        return second

    assert virtually(main()).status == 504


def test_who_shares_an_answer_leaves_it_at_its_own_deadline() -> None:
    async def main() -> None:
        gate = Gate()
        on = stage(good(gate))
        hasty = asyncio.ensure_future(on.ask(within(50, chat(idempotency_key="k"))))
        patient = asyncio.ensure_future(on.ask(chat(idempotency_key="k")))
        await asyncio.wait({hasty})
        assert hasty.cancelled()
        gate.open()
        assert (await patient).status == 200
        assert len(on.transport.requests) == 1
        assert nothing_is_held(on)

    virtually(main())


@pytest.mark.parametrize("value", ["", "0", "-1", "1.5", "soon", "1e3", "86400001", "9" * 400, "\u0661"])
def test_a_deadline_that_is_no_number_of_milliseconds_is_refused(value: str) -> None:
    on = stage()
    exchange = virtually(on.ask(within(value, chat())))
    assert (exchange.status, exchange.json["error"]["code"]) == (400, "invalid_timeout")
    assert "X-OmniRoute-Timeout-Ms" in exchange.json["error"]["message"]
    assert not on.transport.requests


def test_a_simple_operation_has_the_same_deadline() -> None:
    async def main() -> None:
        on = RelayStage(Answer(before=Gate()))
        exchange = within(50, Exchange({"model": "up/m", "input": "hi"}))
        with pytest.raises(asyncio.CancelledError):
            await asyncio.ensure_future(on.relay(exchange, "embeddings", reading(), None))
        assert (exchange.status, exchange.json["error"]["code"]) == (504, "deadline_exceeded")
        assert on.journal.records[-1].outcome == "timeout"

    virtually(main())


def test_a_silent_target_of_a_combo_leaves_time_for_the_next() -> None:
    on = stage(Answer(before=Gate()), good(), combos=(BOTH,))
    exchange = virtually(on.ask(within(90_000, chat(model="both"))))
    assert exchange.status == 200
    trace = on.traces.find("req_1")
    assert [(one.failure.code, one.candidate.target.model) for one in trace.tried] == [("target_timeout", "m")]
    assert "within 45 s" in trace.tried[0].failure.message


def test_nothing_is_begun_in_the_last_second() -> None:
    def slow(request: object) -> Answer:
        on.clock.time += 9.5
        return error(500)

    on = stage(slow, combos=(BOTH,))
    exchange = virtually(on.ask(within(10_000, chat(model="both"))))
    assert exchange.status == 500
    assert len(on.transport.requests) == 1
    trace = on.traces.find("req_1")
    assert [one.reason for one in trace.exclusions] == ["not tried: too little of the request's deadline was left"]


def test_only_what_is_no_stream_has_the_usual_deadline() -> None:
    assert limit_s({}, stream=False, usual_s=600) == 600
    assert limit_s({}, stream=True, usual_s=600) == NEVER
    assert limit_s({}, stream=False, usual_s=0) == NEVER
    assert limit_s({HEADER: "1500"}, stream=True, usual_s=600) == 1.5


@given(st.floats(0.1, 90_000), st.integers(1, 30))
def test_a_share_leaves_something_for_the_others_and_the_last_one_gets_the_rest(left: float, targets: int) -> None:
    share = share_s(left, targets)
    if share is None:
        assert targets == 1 or left <= 30
    else:
        assert 30 <= share < left
        assert share >= left / targets
