"""A stream that says nothing in time is left for the next one, unseen; and whose timeouts hold for an attempt."""

import asyncio

import msgspec
import pytest

from omniroute.accounts.connection import Connection, Secret
from omniroute.ir.timeouts import Timeouts
from omniroute.pipeline.deadline import HEADER
from omniroute.routing.combo import Combo, ComboConfig, ModelStep
from omniroute.upstream.scripted import Answer, Gate
from omniroute.upstream.transport import Deadlines
from tests.support.virtual_time import VirtualClock, virtually
from tests.unit.pipeline.stage import CHAT, Exchange, Stage, provider, stage

EVENTS = {"content-type": "text/event-stream"}
ROLE = b'data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
FIRST = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"hel"}}]}\n\n'
LAST = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
PING = b": processing\n\n"
CLAUDE_PING = b'event: ping\ndata: {"type": "ping"}\n\n'
SPOKEN = Answer(headers=EVENTS, chunks=(ROLE, FIRST, LAST))
BOTH = Combo(
    id="both",
    name="both",
    steps=(ModelStep(id="one", model="up/m"), ModelStep(id="two", model="up/n")),
)


def silent(*pieces: bytes | Gate) -> Answer:
    return Answer(headers=EVENTS, chunks=(*pieces, Gate()))


def streamed(model: str = "up/m", **headers: str) -> Exchange:
    body = {"model": model, "stream": True, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    return Exchange(body, headers)


def asked(on: Stage, exchange: Exchange, dialect: str = "openai_chat") -> tuple[Exchange, float]:
    """What came of it, and how long it took."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await on.ask(exchange, dialect)
        return loop.time() - began

    took = virtually(main())
    return exchange, took


@pytest.mark.parametrize("said", [(), (ROLE,), (PING,), (ROLE, PING)])
@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic"])
def test_a_stream_that_says_nothing_is_a_504_after_thirty_seconds_and_marks_nobody(dialect, said) -> None:
    on = stage(silent(*said))
    exchange, took = asked(on, streamed(), dialect)
    assert took == 30
    assert b"said nothing in it within 30 s" in exchange.received
    assert exchange.ended == 1
    assert not on.resting.view
    target = on.traces.find("req_1").tried[0].candidate.target
    standing = on.pulse.standing(target, 1000.0)
    assert (standing.in_flight, standing.health, standing.errors) == (0, "closed", pytest.approx(0.1))
    assert on.transport.replies[0].cut


def test_before_headers_are_sent_it_is_a_504_with_a_code_of_its_own() -> None:
    connection = Connection(
        id="q-0", provider="quick", name="q", secret=Secret("sk"), parameters={"timeouts": {"firstEventMs": 9000}}
    )
    on = stage(silent(ROLE), more=((provider("quick"), connection),))
    exchange, took = asked(on, streamed("quick/m"))
    assert (exchange.status, took) == (504, 9)
    assert exchange.json["error"]["code"] == "STREAM_READINESS_TIMEOUT"


def test_many_of_them_open_no_breaker() -> None:
    on = stage(*[silent(ROLE)] * 20)

    async def main() -> None:
        for _ in range(20):
            await on.ask(streamed())

    virtually(main())
    target = on.traces.find("req_1").tried[0].candidate.target
    assert on.pulse.standing(target, on.clock.time).health == "closed"
    assert not on.resting.view


def test_a_stream_that_ends_before_it_said_anything_opens_none_either() -> None:
    on = stage(*[Answer(headers=EVENTS, chunks=(ROLE,))] * 20)

    async def main() -> None:
        for _ in range(20):
            exchange = await on.ask(streamed())
            assert (exchange.status, exchange.json["error"]["code"]) == (502, "STREAM_EARLY_EOF")

    virtually(main())
    target = on.traces.find("req_1").tried[0].candidate.target
    assert on.pulse.standing(target, on.clock.time).health == "closed"
    assert not on.resting.view


def test_the_next_target_answers_in_its_place_and_the_client_is_kept_company() -> None:
    on = stage(silent(ROLE, PING), SPOKEN, combos=(BOTH,))
    exchange, took = asked(on, streamed("both"))
    assert (exchange.status, took) == (200, 30)
    assert exchange.received == b": keepalive\n\n" + ROLE + FIRST + LAST
    trace = on.traces.find("req_1")
    assert [(one.failure.code, one.candidate.target.model) for one in trace.tried] == [
        ("STREAM_READINESS_TIMEOUT", "m")
    ]


def test_an_error_that_comes_first_is_what_it_is() -> None:
    broken = b'data: {"error":{"message":"overloaded","type":"server_error","code":503}}\n\n'
    on = stage(Answer(headers=EVENTS, chunks=(PING, ROLE, broken)), SPOKEN, combos=(BOTH,))
    exchange, took = asked(on, streamed("both"))
    assert (exchange.status, took) == (200, 0)
    assert exchange.received == ROLE + FIRST + LAST


def late(seconds: float) -> tuple[Gate, "asyncio.Task[None]"]:
    """A gate that opens in so many seconds."""
    gate = Gate()

    async def open_it() -> None:
        await gate.reached.wait()
        await asyncio.sleep(seconds)
        gate.open()

    return gate, asyncio.ensure_future(open_it())


@pytest.mark.parametrize("seconds", [0.5, 29.9])
def test_a_first_event_just_in_time_is_in_time(seconds: float) -> None:
    async def main() -> Exchange:
        gate, opening = late(seconds)
        on = stage(Answer(headers=EVENTS, chunks=(ROLE, gate, FIRST, LAST)))
        exchange = await on.ask(streamed())
        await opening
        return exchange

    exchange = virtually(main())
    assert exchange.status == 200
    assert exchange.received.endswith(FIRST + LAST)


@pytest.mark.parametrize(
    ("dialect", "model", "sign"), [("openai_chat", "up/m", PING), ("anthropic", "claude/m", CLAUDE_PING)]
)
def test_a_stream_of_nothing_but_signs_of_life_ends_in_an_error_after_five_minutes(dialect, model, sign) -> None:
    start: tuple[bytes, ...] = (ROLE, FIRST)
    if dialect == "anthropic":
        start = (
            b'event: message_start\ndata: {"type":"message_start","message":{"id":"m",'
            b'"usage":{"input_tokens":1}}}\n\n',
            b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
            b'"content_block":{"type":"text","text":""}}\n\n',
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
            b'"delta":{"type":"text_delta","text":"hel"}}\n\n',
        )

    async def main() -> tuple[Exchange, float]:
        gates = [late(20) for _ in range(40)]
        chunks = [piece for gate, _ in gates for piece in (gate, sign)]
        on = stage(Answer(headers=EVENTS, chunks=(*start, *chunks)))
        exchange = await on.ask(streamed(model), dialect)
        for _, opening in gates:
            opening.cancel()
        failure = on.traces.find("req_1").failure
        assert (failure.kind, failure.message) == (
            "timeout",
            "the scripted provider said nothing in its stream for 300 s",
        )
        return exchange, asyncio.get_running_loop().time() - 1000

    exchange, took = virtually(main())
    assert exchange.status == 200
    assert 300 <= took <= 300 + 2 * 75
    assert b'"error"' in exchange.received
    assert exchange.ended == 1


def test_a_provider_of_another_dialect_is_watched_the_same_way() -> None:
    on = stage(silent(ROLE, FIRST))
    exchange, took = asked(on, streamed(), "anthropic")
    assert 300 <= took <= 450
    assert b"event: error" in exchange.received


def test_a_stream_that_goes_on_for_hours_is_no_trouble() -> None:
    async def main() -> Exchange:
        gates = [late(200) for _ in range(100)]
        chunks = [piece for gate, _ in gates for piece in (gate, FIRST)]
        on = stage(Answer(headers=EVENTS, chunks=(ROLE, FIRST, *chunks, LAST)))
        return await on.ask(streamed())

    exchange = virtually(main())
    assert exchange.received == ROLE + FIRST * 101 + LAST


def deadlines(on: Stage) -> Deadlines:
    return on.transport.requests[-1].deadlines


def test_settings_provider_account_combo_and_client_are_asked_in_turn() -> None:
    row = msgspec.structs.replace(provider("own"), timeouts=Timeouts(connect_s=1, write_s=1, idle_s=1, total_s=1))
    account = Connection(
        id="own-0",
        provider="own",
        name="own",
        secret=Secret("sk"),
        parameters={"timeouts": {"writeMs": 2000, "idleMs": 2000, "totalMs": 2000}},
    )
    combo = Combo(
        id="c",
        name="c",
        steps=(ModelStep(id="one", model="own/m"),),
        config=ComboConfig(timeouts=Timeouts(idle_s=3, total_s=3)),
    )
    json = Answer(headers={"content-type": "application/json"}, chunks=(msgspec.json.encode(CHAT),))
    on = stage(lambda _: json, more=((row, account),), combos=(combo,))

    async def of(model: str, *, stream: bool, **headers: str) -> Deadlines:
        await on.ask(streamed(model, **headers) if stream else Exchange({"model": model, "messages": []}, headers))
        return deadlines(on)

    async def main() -> None:
        usual = Deadlines(connect_s=10, write_s=30, first_byte_s=60, idle_s=120, total_s=0)
        assert await of("up/m", stream=True) == usual
        own = Deadlines(connect_s=1, write_s=2, first_byte_s=60, idle_s=2, total_s=0)
        assert await of("own/m", stream=True) == own
        assert await of("c", stream=True) == msgspec.structs.replace(own, idle_s=3)
        assert (await of("own/m", stream=False)).total_s == 2
        assert (await of("c", stream=False)).total_s == 3
        assert (await of("c", stream=False, **{HEADER: "900000"})).total_s == 0

    virtually(main())


def test_a_target_whose_first_events_come_late_is_waited_for_longer() -> None:
    on = stage(silent(ROLE))
    target = on.candidates.target(on.snapshot, "up/m")
    assert target is not None
    for _ in range(8):
        on.pulse.waits.note(target, 25.0, 1000.0, stream=True)
    exchange, took = asked(on, streamed())
    assert took == 75
    assert deadlines(on).first_byte_s == 75
    assert exchange.received.startswith(b": keepalive")


def timed(on: Stage, model: str, seconds: float) -> None:
    """What the target usually takes to answer as a whole."""
    target = on.candidates.target(on.snapshot, model)
    assert target is not None
    for _ in range(8):
        on.pulse.waits.note(target, seconds, on.clock.time, stream=False)


def whole(model: str, milliseconds: int) -> Exchange:
    exchange = Exchange({"model": model, "messages": [{"role": "user", "content": "hi"}]})
    exchange.headers[HEADER] = str(milliseconds)
    return exchange


def test_who_usually_takes_longer_than_there_is_time_is_not_asked_and_the_trace_says_so() -> None:
    json = Answer(headers={"content-type": "application/json"}, chunks=(msgspec.json.encode(CHAT),))
    on = stage(json, combos=(BOTH,))
    timed(on, "up/m", 12.0)
    exchange = virtually(on.ask(whole("both", 8000)))
    assert exchange.status == 200
    trace = on.traces.find("req_1")
    assert trace.winner.target.model == "n"
    assert [(one.candidate.target.model, one.reason) for one in trace.exclusions] == [
        (
            "m",
            "not tried: up/m usually takes 12.0 s to begin its answer, and 8.0 s of the request's deadline are"
            " left; give it more time with the header X-OmniRoute-Timeout-Ms, or choose a faster model",
        )
    ]


def test_when_nobody_can_do_it_in_time_nobody_is_asked() -> None:
    on = stage()
    timed(on, "up/m", 12.0)
    exchange = virtually(on.ask(whole("up/m", 8000)))
    assert (exchange.status, exchange.json["error"]["code"]) == (504, "too_little_time")
    assert not on.transport.requests
    assert not on.resting.view


def test_what_has_failed_already_is_the_better_answer() -> None:
    error = Answer(
        status=500, headers={"content-type": "application/json"}, chunks=(b'{"error":{"message":"no"}}',)
    )
    on = stage(error, combos=(BOTH,))
    timed(on, "up/n", 12.0)
    exchange = virtually(on.ask(whole("both", 8000)))
    assert exchange.status == 500
    assert [one.candidate.target.model for one in on.traces.find("req_1").exclusions] == ["n"]


def test_how_long_an_answer_took_is_learnt_from_answers() -> None:
    async def main() -> Stage:
        gates = [late(20)[0] for _ in range(8)]
        on = stage(*(Answer(headers=EVENTS, chunks=(ROLE, gate, FIRST, LAST)) for gate in gates))
        on.clock.monotonic = VirtualClock().monotonic  # type: ignore[method-assign]  # time passes in this one
        for _ in range(8):
            await on.ask(streamed())
        return on

    async def learnt() -> tuple[float | None, float]:
        on = await main()
        target = on.candidates.target(on.snapshot, "up/m")
        assert target is not None
        return on.pulse.waits.median_s(target, on.clock.monotonic(), stream=True), on.pulse.waits.late_s(target)

    assert virtually(learnt()) == (20.0, 60.0)
