"""Requests that come while all accounts rest: turned away with a time, or kept waiting until one may be tried."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from omniroute.routing.combo import Combo, ModelStep
from omniroute.routing.resilience import DEFAULT, Resilience, Waiting
from omniroute.traffic.resting import Resting
from omniroute.upstream.scripted import Answer, Fault, Gate
from tests.unit.pipeline.stage import Clock, Exchange, Stage, stage
from tests.unit.pipeline.test_account_choice import chat, good, message

JSON = {"content-type": "application/json"}
PATIENT = msgspec.structs.replace(DEFAULT, waiting=Waiting(enabled=True))


def refusal(status: int = 429, *, after_s: float | None = None, says: str = "slow down", **more: object) -> Answer:
    headers = JSON if after_s is None else {**JSON, "retry-after": str(after_s)}
    body = msgspec.json.encode({"error": {"message": says, "type": "x", "code": None}})
    return Answer(status=status, headers=headers, chunks=(body,), **more)


class Waits(Resting):
    """Waiting moves the clock on and takes no time, unless something else is to happen meanwhile."""

    clock: Clock

    def __init__(self, rules: Resilience) -> None:
        super().__init__(rules=lambda: rules)
        self.waited: list[float] = []
        self.meanwhile: Callable[[], object] | None = None

    async def change(self, providers: object, within_s: float) -> None:
        self.waited.append(within_s)
        if self.meanwhile is not None:
            self.meanwhile()
        else:
            self.clock.time += within_s


def patient(*script: object, rules: Resilience = PATIENT, **more: object) -> tuple[Stage, Waits]:
    waits = Waits(rules)
    on = stage(*script, resting=waits, **more)
    waits.clock = on.clock
    return on, waits


async def test_a_request_waits_until_its_only_account_may_be_tried_again() -> None:
    on, waits = patient(refusal(after_s=7), good(), accounts={"up": 1})
    answer = await on.ask(chat("first"))
    assert (answer.status, waits.waited) == (200, [7.0])
    assert answer.reply_headers[b"x-omniroute-attempts"] == b"2"


async def test_who_comes_while_all_rest_waits_too() -> None:
    on, waits = patient(refusal(after_s=7), good(), accounts={"up": 1}, rules=DEFAULT)
    assert (await on.ask(chat("first"))).status == 429
    waits.rules = lambda: PATIENT
    assert ((await on.ask(chat("second"))).status, waits.waited) == (200, [7.0])


async def test_without_the_setting_nobody_waits_and_the_answer_says_when_to_come_back() -> None:
    on, waits = patient(refusal(after_s=7), accounts={"up": 1}, rules=DEFAULT)
    first, second = await on.ask(chat("first")), await on.ask(chat("second"))
    assert [one.reply_headers[b"retry-after"] for one in (first, second)] == [b"7", b"8"]
    assert (waits.waited, len(on.transport.requests)) == ([], 1)


async def test_a_refusal_without_a_time_is_told_with_the_end_of_the_rest_that_it_led_to() -> None:
    on, _ = patient(refusal(), accounts={"up": 1}, rules=DEFAULT)
    assert (await on.ask(chat("first"))).reply_headers[b"retry-after"] == b"3"


async def test_defect_3_a_combo_whose_accounts_all_rest_says_when_the_first_comes_back() -> None:
    steps = (ModelStep(id="one", model="up/m"), ModelStep(id="two", model="claude/c"))
    both = Combo(id="both", name="both", steps=steps)
    on, _ = patient(refusal(after_s=60), refusal(after_s=20), combos=(both,), rules=DEFAULT)
    for _ in range(2):
        answer = await on.ask(chat("x", model="both"))
        assert (answer.status, answer.reply_headers[b"retry-after"]) in ((429, b"20"), (429, b"21"))
    assert len(on.transport.requests) == 2


async def test_a_rest_that_ends_too_late_is_not_waited_for() -> None:
    on, waits = patient(refusal(after_s=31), accounts={"up": 1})
    answer = await on.ask(chat("first"))
    assert (answer.status, answer.reply_headers[b"retry-after"], waits.waited) == (429, b"31", [])


async def test_a_request_waits_only_so_often() -> None:
    on, waits = patient(*[refusal(after_s=2)] * 4, accounts={"up": 1})
    assert (await on.ask(chat("first"))).status == 429
    assert (waits.waited, len(on.transport.requests)) == ([2.0, 2.0, 2.0], 4)


async def test_waiting_ends_where_the_deadline_of_the_request_does() -> None:
    on, waits = patient(refusal(after_s=7), accounts={"up": 1})
    body = {"model": "up/m", "messages": [{"role": "user", "content": "hi"}]}
    answer = await on.ask(Exchange(body, {"x-omniroute-timeout-ms": "5000"}))
    assert (answer.status, waits.waited) == (429, [])


@pytest.mark.parametrize(
    "failure",
    [
        refusal(says="You have used today's free quota", after_s=10),
        refusal(401),
        refusal(402),
        refusal(404),
        refusal(500),
        Fault("connect"),
    ],
)
async def test_only_limits_are_waited_for(failure: Answer | Fault) -> None:
    on, waits = patient(failure, accounts={"up": 1})
    assert (await on.ask(chat("first"))).status >= 400
    assert waits.waited == []


async def test_the_account_that_comes_back_first_is_the_one_that_is_asked() -> None:
    on, waits = patient(refusal(after_s=9), refusal(after_s=4), good(), accounts={"up": 2})
    assert (await on.ask(chat("first"))).status == 200
    keys = [dict(request.headers)["authorization"] for request in on.transport.requests]
    assert (keys[-1], waits.waited) == ("Bearer sk-up-1", [4.0])


async def test_who_waits_goes_on_when_the_block_is_lifted() -> None:
    on, waits = patient(refusal(after_s=20), good(), accounts={"up": 1})
    waits.meanwhile = lambda: waits.lift(lambda scope, block: True)
    assert ((await on.ask(chat("first"))).status, on.clock.time) == (200, 1000.0)


async def test_a_client_that_leaves_waits_no_longer() -> None:
    on = stage(refusal(after_s=20), good(), accounts={"up": 1}, resting=Resting(rules=lambda: PATIENT))
    task = asyncio.ensure_future(on.ask(chat("first")))
    for _ in range(100):
        if on.resting.awaited:
            break
        await asyncio.sleep(0)
    assert on.resting.awaited == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (on.resting.awaited, len(on.transport.requests)) == (0, 1)


async def settle(on: Stage, count: int) -> None:
    """Until `count` requests wait."""
    for _ in range(1000):
        if on.resting.awaited == count:
            return
        await asyncio.sleep(0)
    raise AssertionError(f"{on.resting.awaited} wait instead of {count}")


@pytest.mark.parametrize("rules", [DEFAULT, PATIENT])
async def test_when_a_rest_ends_one_of_a_hundred_goes_first(rules: Resilience) -> None:
    gate = Gate()
    probe = Answer(headers=JSON, chunks=good().chunks, before=gate)
    on = stage(refusal(after_s=60), probe, *[good()] * 99, accounts={"up": 1})
    assert (await on.ask(chat("first"))).status == 429
    on.resting.rules = lambda: rules
    on.clock.time += 60
    tasks = [asyncio.ensure_future(on.ask(chat(str(number)))) for number in range(100)]
    await gate.reached.wait()
    await settle(on, 99)
    assert len(on.transport.requests) == 2
    gate.open()
    assert [(await one).status for one in tasks] == [200] * 100


async def test_when_the_first_is_refused_again_the_others_are_not_sent() -> None:
    gate = Gate()
    on = stage(refusal(after_s=60), refusal(after_s=90, before=gate), accounts={"up": 1})
    await on.ask(chat("first"))
    on.clock.time += 60
    tasks = [asyncio.ensure_future(on.ask(chat(str(number)))) for number in range(50)]
    await gate.reached.wait()
    await settle(on, 49)
    gate.open()
    answers = [await one for one in tasks]
    assert {one.status for one in answers} == {429}
    assert {one.reply_headers[b"retry-after"] for one in answers} <= {b"90", b"91"}
    assert len(on.transport.requests) == 2


async def test_while_one_account_is_tried_the_others_are_used() -> None:
    gate = Gate()
    probe = Answer(headers=JSON, chunks=good().chunks, before=gate)
    on = stage(refusal(after_s=60), good(), probe, *[good()] * 9, accounts={"up": 2})
    await on.ask(chat("first"))
    on.clock.time += 60
    first = asyncio.ensure_future(on.ask(chat("x")))
    await gate.reached.wait()
    for number in range(9):
        assert (await on.ask(chat(str(number)))).status == 200
    keys = [dict(request.headers)["authorization"] for request in on.transport.requests]
    assert keys[2:] == ["Bearer sk-up-0", *["Bearer sk-up-1"] * 9]
    gate.open()
    await first


async def test_an_account_that_only_somebody_can_cure_is_not_asked_and_says_what_to_do() -> None:
    on = stage(refusal(401, says="wrong key"), accounts={"up": 1})
    assert (await on.ask(chat("first"))).status == 401
    second = await on.ask(chat("second"))
    assert (second.status, second.json["error"]["code"]) == (401, "account_unusable")
    assert len(on.transport.requests) == 1
    assert "wrong key" in second.json["error"]["message"]
    assert "omniroute blocks" in second.json["error"]["message"]


async def test_a_model_that_is_missing_at_one_account_is_had_from_another() -> None:
    on = stage(refusal(404, says="no such model"), good(), good(), accounts={"up": 2})
    for text in ("first", "second"):
        assert (await on.ask(chat(text))).status == 200
    keys = [dict(request.headers)["authorization"] for request in on.transport.requests]
    assert keys == ["Bearer sk-up-0", "Bearer sk-up-1", "Bearer sk-up-1"]


async def test_a_prompt_that_is_too_long_goes_to_another_model_and_not_to_another_account() -> None:
    steps = (ModelStep(id="one", model="up/m"), ModelStep(id="two", model="claude/c"))
    both = Combo(id="both", name="both", steps=steps)
    long = refusal(400, says="prompt is too long: 210000 tokens > 200000 maximum")
    on = stage(long, message(), combos=(both,), accounts={"up": 3, "claude": 1})
    assert (await on.ask(chat("x", model="both"))).status == 200
    assert len(on.transport.requests) == 2
    assert not on.resting.view


@pytest.mark.parametrize("whose", ["row", "tag", "node", "connection"])
async def test_where_limits_are_counted_by_model_the_other_models_of_the_account_go_on(whose: str) -> None:
    on = stage(refusal(after_s=60), good(), accounts={"up": 1})
    row, (one,) = on.snapshot.providers["up"], on.snapshot.connections["up"]
    marks = {"row": {"quirks": ("limits_per_model",)}, "tag": {"tags": ("aggregator",)}, "node": {"node": True}}
    row = msgspec.structs.replace(row, **marks.get(whose, {}))
    if whose == "connection":
        one = msgspec.structs.replace(one, parameters={"passthroughModels": True})
    on.live.current = msgspec.structs.replace(
        on.snapshot,
        providers={**on.snapshot.providers, "up": row},
        connections={**on.snapshot.connections, "up": (one,)},
        by_id={**on.snapshot.by_id, one.id: one},
    )
    assert [(await on.ask(chat(model=f"up/{model}"))).status for model in ("m", "n", "m")] == [429, 200, 429]
    assert len(on.transport.requests) == 2
