"""Breakers in the life of requests: one probe at a time, no success before the end, panic instead of nobody."""

import asyncio

import msgspec

from omniroute.ir.failure import Failure
from omniroute.ir.target import Target
from omniroute.routing.combo import Combo, ModelStep
from omniroute.routing.resilience import DEFAULT
from omniroute.upstream.scripted import Answer, Fault, Gate
from tests.unit.pipeline.stage import Exchange, Stage, stage
from tests.unit.pipeline.test_account_choice import chat, error, good, message

SSE = {"content-type": "text/event-stream"}
CHUNK = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[%s]}\n\n'
TEXT = CHUNK % b'{"index":0,"delta":{"role":"assistant","content":"hi"},"finish_reason":null}'
END = CHUNK % b'{"index":0,"delta":{},"finish_reason":"stop"}'
BOTH = Combo(
    id="both", name="both", steps=(ModelStep(id="one", model="up/m"), ModelStep(id="two", model="claude/c"))
)
UP = Target(provider="up", model="m", dialect="openai_chat")
BROKEN = Failure(kind="server", status=500, message="broken")


def streamed(model: str = "up/m", **headers: str) -> Exchange:
    return Exchange({"model": model, "stream": True, "messages": [{"role": "user", "content": "hi"}]}, headers)


def dying() -> Answer:
    """A stream that begins well and breaks off."""
    return Answer(headers=SSE, chunks=(TEXT, Fault("closed", "gone")))


def opened(on: Stage) -> None:
    """The breaker of `up/m` opens now."""
    now = on.clock.monotonic()
    for _ in range(DEFAULT.apikey.breaker_failures):
        on.pulse.began(UP, now)
        on.pulse.failed(UP, BROKEN, now)
    assert on.pulse.failing(UP, now)


def urls(on: Stage) -> list[str]:
    return [request.url.partition(".test")[0].removeprefix("https://") for request in on.transport.requests]


async def test_defect_1_failures_that_came_as_answers_never_count_as_success() -> None:
    empty = Answer(
        headers={"content-type": "application/json"}, chunks=(b'{"error":{"message":"broken","code":500}}',)
    )
    failures = DEFAULT.apikey.breaker_failures
    on = stage(*[empty, message()] * failures, message(), combos=(BOTH,))
    for _ in range(failures):
        assert (await on.ask(chat(model="both"))).status == 200
        on.resting.view.clear()  # type: ignore[attr-defined]  # the account is well; it is the provider that is not
    assert on.pulse.failing(UP, on.clock.monotonic())


async def test_streams_that_begin_well_and_always_break_off_open_the_breaker() -> None:
    failures = DEFAULT.apikey.breaker_failures
    on = stage(*[dying()] * failures)
    for _ in range(failures):
        exchange = await on.ask(streamed())
        assert exchange.status == 200
    assert on.pulse.failing(UP, on.clock.monotonic())


async def test_a_stream_that_breaks_off_loosens_its_conversation_from_the_account() -> None:
    on = stage(dying(), Answer(headers=SSE, chunks=(TEXT, END, b"data: [DONE]\n\n")), accounts={"up": 2})
    rows = {"up": msgspec.structs.replace(on.snapshot.providers["up"], quirks=("caches_prompts",))}
    on.live.current = msgspec.structs.replace(on.snapshot, providers={**on.snapshot.providers, **rows})
    await on.ask(streamed(**{"x-session-id": "s"}))
    assert len(on.accounts.bindings) == 0
    await on.ask(streamed(**{"x-session-id": "s"}))
    assert len(on.accounts.bindings) == 1


async def test_one_of_fifty_requests_at_once_is_the_probe() -> None:
    gate = Gate()
    probe = Answer(headers={"content-type": "application/json"}, chunks=good().chunks, before=gate)
    on = stage(probe, *[message()] * 49, combos=(BOTH,))
    opened(on)
    on.clock.time += 400
    tasks = [asyncio.ensure_future(on.ask(chat(str(number), model="both"))) for number in range(50)]
    await gate.reached.wait()
    for _ in range(200):
        await asyncio.sleep(0)
    gate.open()
    assert [(await one).status for one in tasks] == [200] * 50
    assert (urls(on).count("up"), urls(on).count("claude")) == (1, 49)


async def test_when_most_of_a_combo_is_failing_nobody_is_left_out() -> None:
    on = stage(error(500), message(), combos=(BOTH,))
    opened(on)
    claude = Target(provider="claude", model="c", dialect="anthropic")
    for _ in range(DEFAULT.apikey.breaker_failures):
        on.pulse.began(claude, on.clock.monotonic())
        on.pulse.failed(claude, BROKEN, on.clock.monotonic())
    assert (await on.ask(chat(model="both"))).status == 200
    assert urls(on) == ["up", "claude"]


async def test_defect_8_how_quick_a_target_is_does_not_count_the_failures_before_it() -> None:
    on = stage(error(500), message(), combos=(BOTH,))
    await on.ask(chat(model="both"))
    claude = Target(provider="claude", model="c", dialect="anthropic")
    assert on.pulse.standing(claude, on.clock.monotonic()).first_event_s == 0.0
    assert on.pulse.standing(UP, on.clock.monotonic()).first_event_s is None
