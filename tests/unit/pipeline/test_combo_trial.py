"""Trying a combo out really asks every step, and what became of requests to combos is counted."""

import msgspec

from omniroute.dialects.registry import DIALECTS
from omniroute.ledger.records import Opened
from omniroute.pipeline.combo_trial import KEY_ID, ComboTrial
from omniroute.routing.combo import Agent, ComboConfig
from omniroute.traffic.combo_metrics import ComboMetrics, StepAttempt
from omniroute.upstream.scripted import Gate
from omniroute.upstream.transport import UpstreamRequest
from tests.support.combos import target
from tests.unit.pipeline.stage import Exchange, Stage, stage
from tests.unit.pipeline.test_combos import QUESTION, combo, error, good, message, urls


class Numbers:
    """Ids that differ, as those of requests do."""

    def __init__(self) -> None:
        self.number = 0

    def request_id(self) -> str:
        self.number += 1
        return f"req_{self.number}"

    def token(self) -> str:
        return "t0ken"


def trial(on: Stage, limit_s: float = 20.0) -> ComboTrial:
    return ComboTrial(
        on.live,  # type: ignore[arg-type]  # the part of it that is looked at
        on.choose,
        on.generate.inner,
        on.traces,
        DIALECTS["openai_chat"],
        clock=on.clock,
        ids=Numbers(),
        limit_s=limit_s,
    )


async def test_every_step_is_asked_on_its_own_with_its_own_credentials() -> None:
    def answer(request: UpstreamRequest) -> object:
        return message() if "claude" in request.url else good()

    on = stage(answer, combos=(combo("up/m", "claude/c"),))
    first, second = await trial(on)("fast")
    assert [(one.status, one.good, one.text, one.connection_id) for one in (first, second)] == [
        (200, True, "hello", "up-0"),
        (200, True, "Hello", "claude-0"),
    ]
    shown = {request.url.split(".test")[0]: dict(request.headers) for request in on.transport.requests}
    assert shown["https://up"]["authorization"] == "Bearer sk-up-0"
    assert "authorization" not in shown["https://claude"]
    assert shown["https://claude"]["x-api-key"] == "sk-claude-0"
    assert all(msgspec.json.decode(request.body)["max_tokens"] == 16 for request in on.transport.requests)


async def test_its_rows_are_told_from_users_and_it_leaves_the_combo_alone() -> None:
    on = stage(good(), combos=(combo("up/m", config=ComboConfig(agent=Agent(system_message="x"))),))
    await trial(on)("fast")
    opened = next(record for record in on.journal.records if isinstance(record, Opened))
    assert (opened.key_id, opened.client_request_id) == (KEY_ID, "test of the combo fast")
    assert b"system" not in on.transport.requests[0].body
    assert on.pulse.combos.every() == {}
    assert on.pulse.turns == {}
    assert on.pulse.last_good == {}


async def test_a_step_that_fails_says_how_and_one_that_cannot_be_asked_says_why() -> None:
    on = stage(error(401), combos=(combo("up/m", "claude/c"),), accounts={"up": 1})
    failed, unasked = await trial(on)("fast")
    assert (failed.status, failed.error, failed.good) == (401, "auth_invalid", False)
    assert failed.message is not None
    assert unasked.target is None
    assert "no active connection" in (unasked.message or "")


async def test_a_resting_account_is_asked_all_the_same_and_wakes() -> None:
    on = stage(error(500), good(), good(), combos=(combo("up/m"),))
    await on.ask(Exchange(QUESTION))
    (step,) = await trial(on)("fast")
    assert step.good
    assert (await on.ask(Exchange(QUESTION))).status == 200


async def test_a_step_that_hangs_is_given_up() -> None:
    on = stage(msgspec.structs.replace(good(), before=Gate()), combos=(combo("up/m"),))
    (step,) = await trial(on, limit_s=0.01)("fast")
    assert (step.status, step.error) == (504, "timeout")
    assert on.counters.active == 0


async def test_requests_and_attempts_are_counted_apart() -> None:
    on = stage(error(500), message(), good(), combos=(combo("up/m", "claude/c"),))
    await on.ask(Exchange(QUESTION))
    on.clock.time += 600
    await on.ask(Exchange(QUESTION))
    tally = on.pulse.combos.every()["fast"]
    assert (tally.requests, tally.successes, tally.failures, tally.fallbacks) == (2, 2, 0, 1)
    up, claude = tally.steps["up/m"], tally.steps["claude/c"]
    assert (up.requests, up.successes, up.failures, up.last_status) == (2, 1, 1, 200)
    assert (claude.requests, claude.successes, claude.failures) == (1, 1, 0)
    assert tally.last_used_at == on.clock.time
    assert urls(on) == ["up", "claude", "up"]


async def test_a_request_that_nobody_answers_is_a_failure() -> None:
    on = stage(error(500), error(500), combos=(combo("up/m", "claude/c"),))
    await on.ask(Exchange(QUESTION))
    tally = on.pulse.combos.every()["fast"]
    assert (tally.requests, tally.successes, tally.failures) == (1, 0, 1)
    assert {key: step.failures for key, step in tally.steps.items()} == {"up/m": 1, "claude/c": 1}


def test_a_client_that_left_is_no_failure_and_counting_is_bounded() -> None:
    metrics = ComboMetrics()
    metrics.ended("c", (), good=False, left=True, waited_s=1.0, at=1.0)
    tally = metrics.every()["c"]
    assert (tally.requests, tally.successes, tally.failures, tally.waited_s) == (1, 0, 0, 0.0)
    for number in range(1_500):
        attempt = StepAttempt(key=f"k{number}", target=target("a/b"), status=200, took_s=0.1)
        metrics.ended("c", (attempt,), good=True, left=False, waited_s=0.1, at=float(number))
        metrics.ended(f"c{number}", (), good=True, left=False, waited_s=0.1, at=float(number))
    assert len(metrics.every()) == 1_000
    assert len(metrics.every()["c"].steps) == 1_000
    metrics.forget("c")
    assert "c" not in metrics.every()
    metrics.forget()
    assert metrics.every() == {}
