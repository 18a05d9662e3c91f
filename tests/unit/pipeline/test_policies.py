"""What policies do to requests: who is asked first, who may not be, and how long an answer may be."""

from typing import Any

import msgspec

from omniroute.routing.policy import Actions, Conditions, Policy, PolicyType
from tests.unit.pipeline.stage import Exchange, Stage, stage
from tests.unit.pipeline.test_combos import combo
from tests.unit.pipeline.test_generate import good

ALWAYS = Conditions()
ASKED: dict[str, Any] = {"model": "up/m", "messages": [{"role": "user", "content": "hi"}]}


def policed(*script: object, type: PolicyType, actions: Actions, when: Conditions = ALWAYS, **more: Any) -> Stage:
    on = stage(*script, **more)
    one = Policy(id="p", name="house rule", type=type, conditions=when, actions=actions)
    on.live.current = msgspec.structs.replace(on.live.current, policies=(one,))
    return on


def sent(on: Stage, index: int = 0) -> dict[str, Any]:
    return msgspec.json.decode(on.transport.requests[index].body)


async def test_a_blocked_model_is_refused_before_anything_is_sent() -> None:
    on = policed(type="access", actions=Actions(block_model=("up/*",)))
    exchange = await on.ask(Exchange(ASKED))
    assert (exchange.status, exchange.json["error"]["code"]) == (403, "blocked_by_policy")
    assert "'up/m' is blocked by the policy 'house rule'" in exchange.json["error"]["message"]
    assert not on.transport.requests


async def test_a_blocked_model_is_passed_over_in_a_combo() -> None:
    on = policed(
        good(), type="access", actions=Actions(block_model=("claude/c",)), combos=(combo("claude/c", "up/m"),)
    )
    exchange = await on.ask(Exchange(ASKED | {"model": "fast"}))
    assert exchange.status == 200
    assert sent(on)["model"] == "m"


async def test_a_preferred_provider_is_asked_first() -> None:
    on = policed(
        good(), type="routing", actions=Actions(prefer_provider=("up",)), combos=(combo("claude/c", "up/m"),)
    )
    await on.ask(Exchange(ASKED | {"model": "fast"}))
    assert sent(on)["model"] == "m"


async def test_a_policy_about_another_model_does_nothing() -> None:
    on = policed(
        good(), type="access", actions=Actions(block_model=("*",)), when=Conditions(model_pattern="gpt-*")
    )
    assert (await on.ask(Exchange(ASKED))).status == 200


async def test_a_limit_is_put_in_and_brought_down_but_never_up() -> None:
    on = policed(good(), good(), good(), type="budget", actions=Actions(max_tokens=100))
    for own in ({}, {"max_tokens": 500}, {"max_tokens": 50}):
        await on.ask(Exchange(ASKED | own))
    limits = [sent(on, index).get("max_tokens") or sent(on, index)["max_completion_tokens"] for index in range(3)]
    assert limits == [100, 100, 50]


async def test_an_answer_of_before_is_not_given_when_its_model_is_blocked() -> None:
    on = stage(good())
    asked = ASKED | {"temperature": 0}
    await on.ask(Exchange(asked))
    rule = Policy(id="p", name="p", type="access", actions=Actions(block_model=("up/*",)))
    on.live.current = msgspec.structs.replace(on.live.current, policies=(rule,))
    assert (await on.ask(Exchange(asked))).status == 403


async def test_a_policy_about_a_combo_is_not_left_behind_by_an_alias() -> None:
    for name in ("fast", "combo/fast", "quick", "q-1"):
        on = policed(
            type="access",
            actions=Actions(block_model=("up/*",)),
            when=Conditions(combo="fast"),
            combos=(combo("up/m"),),
            aliases={"quick": "fast", "q-*": "combo/fast"},
        )
        exchange = await on.ask(Exchange(ASKED | {"model": name}))
        assert (exchange.status, len(on.transport.requests)) == (400, 0), name
