"""A request goes on to another candidate only while the retry budgets of its combo and of what failed allow it."""

import asyncio

from omniroute.routing.combo import Combo, ModelStep
from omniroute.upstream.scripted import Answer, Fault, Gate
from tests.unit.pipeline.stage import Stage, stage
from tests.unit.pipeline.test_account_choice import JSON, chat, error, good

BOTH = Combo(
    id="both", name="both", steps=(ModelStep(id="one", model="up/m"), ModelStep(id="two", model="claude/c"))
)


def reasons(on: Stage) -> list[str]:
    trace = on.traces.find("req_1")
    assert trace is not None
    return [one.reason for one in trace.exclusions]


async def test_with_an_empty_budget_the_first_error_is_told_at_once_and_the_explanation_says_why() -> None:
    on = stage(error(500), good(), combos=(BOTH,))
    while on.pulse.retries.spend("both", "elsewhere", 1.0, on.clock.time) is None:
        pass
    exchange = await on.ask(chat(model="both"))
    assert exchange.status == 500
    assert len(on.transport.requests) == 1
    assert reasons(on) == ["not tried: the retry budget of combo 'both' is used up"]


async def test_a_provider_that_fails_is_not_asked_more_often_than_its_budget_allows() -> None:
    on = stage(lambda request: Fault("closed"), accounts={"up": 2, "claude": 1})
    for _ in range(30):
        assert (await on.ask(chat())).status == 502
    assert len(on.transport.requests) == 30 + 10 + 6, "the first ones, ten of ten seconds, and a fifth of thirty"
    assert on.pulse.retries.refused == 14


async def test_a_burst_of_rate_limits_at_one_account_is_no_outage() -> None:
    gate = Gate()
    limited = Answer(status=429, headers=JSON, chunks=(b"{}",), before=gate)
    on = stage(*[limited] * 40, *(good() for _ in range(40)), accounts={"up": 2, "claude": 1})
    asked = [asyncio.ensure_future(on.ask(chat())) for _ in range(40)]
    await gate.reached.wait()
    gate.open()
    assert [exchange.status for exchange in await asyncio.gather(*asked)] == [200] * 40
    assert on.pulse.retries.refused == 0
