"""A provider with several accounts: whose turn it is, and who stays with whom."""

import asyncio

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.access.grant import Grant
from omniroute.access.keys import mint
from omniroute.routing.combo import Combo, ModelStep
from omniroute.routing.selection import orders
from omniroute.routing.selection.reasons import because
from omniroute.routing.selection.rules import ACCOUNT_STRATEGIES, AccountStrategy, OwnRule, Rule, Selection
from omniroute.routing.strategy import Asked
from omniroute.upstream.scripted import Answer, Gate
from tests.unit.pipeline.stage import CHAT, Exchange, Stage, stage

JSON = {"content-type": "application/json"}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "c",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 2},
}


def good(gate: Gate | None = None, **headers: str) -> Answer:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(headers={**JSON, **told}, chunks=(msgspec.json.encode(CHAT),), before=gate)


def message() -> Answer:
    return Answer(headers=JSON, chunks=(msgspec.json.encode(MESSAGE),))


def error(status: int) -> Answer:
    return Answer(status=status, headers=JSON, chunks=(b'{"error":{"message":"no luck","type":"x","code":null}}',))


def chat(text: str = "hi", model: str = "up/m", **headers: str) -> Exchange:
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    return Exchange(body, {name.replace("_", "-"): value for name, value in headers.items()})


def asked_claude(text: str = "hi", **headers: str) -> Exchange:
    body = {"model": "claude/c", "max_tokens": 9, "messages": [{"role": "user", "content": text}]}
    return Exchange(body, {name.replace("_", "-"): value for name, value in headers.items()})


def several(*script: object, usual: Rule | None = None, providers: dict[str, OwnRule] | None = None) -> Stage:
    """Three accounts at each provider."""
    on = stage(*script, accounts={"up": 3, "claude": 3})
    choose(on, usual, providers)
    return on


def choose(on: Stage, usual: Rule | None = None, providers: dict[str, OwnRule] | None = None) -> None:
    selection = Selection(usual=usual or Rule(), providers=providers or {})
    on.live.current = msgspec.structs.replace(on.live.current, selection=selection)


def used(on: Stage) -> list[int]:
    """The numbers of the accounts, in the order in which they were asked."""
    texts = [value for request in on.transport.requests for _, value in request.headers if "sk-" in value]
    return [int(text.rpartition("-")[2]) for text in texts]


async def test_the_first_account_is_filled_first_unless_something_else_is_set() -> None:
    on = several(lambda request: good())
    for number in range(4):
        await on.ask(chat(str(number)))
    assert used(on) == [0, 0, 0, 0]


async def test_round_robin_changes_the_account_after_three_requests() -> None:
    on = several(lambda request: good(), usual=Rule(strategy="round-robin"))
    for number in range(10):
        await on.ask(chat(str(number)))
    assert used(on) == [0, 0, 0, 1, 1, 1, 2, 2, 2, 0]


async def test_round_robin_leaves_an_account_that_failed_at_once() -> None:
    on = several(error(500), lambda request: good(), usual=Rule(strategy="round-robin"))
    for number in range(3):
        await on.ask(chat(str(number)))
    assert used(on) == [0, 1, 1, 1]


async def test_a_provider_may_have_a_strategy_of_its_own() -> None:
    on = several(
        lambda request: good() if "up" in request.url else message(),
        providers={"up": OwnRule(strategy="round-robin", sticky=1)},
    )
    for number in range(3):
        await on.ask(chat(str(number)))
    for number in range(2):
        await on.ask(asked_claude(str(number)), "anthropic")
    assert used(on) == [0, 1, 2, 0, 0]


@pytest.mark.parametrize("strategy", ["p2c", "least-used"])
async def test_who_is_busy_is_passed_by(strategy: AccountStrategy) -> None:
    gate = Gate()
    on = stage(good(gate), lambda request: good(), accounts={"up": 2})
    choose(on, Rule(strategy=strategy))
    first = asyncio.ensure_future(on.ask(chat("1")))
    await gate.reached.wait()
    await on.ask(chat("2"))
    await on.ask(chat("3"))
    gate.open()
    await first
    one, two, three = used(on)
    assert two == three != one


async def test_p2c_turns_away_from_an_account_that_fails() -> None:
    on = stage(error(500), lambda request: good(), accounts={"up": 2})
    choose(on, Rule(strategy="p2c"))
    await on.ask(chat("1"))
    on.clock.time += 11.0  # its rest is over, its failure is not forgotten
    await on.ask(chat("2"))
    failed, took_over, later = used(on)
    assert took_over == later != failed


async def test_quota_aware_goes_where_most_is_left() -> None:
    spent = {"x_ratelimit_limit_requests": "100", "x_ratelimit_remaining_requests": "5"}
    on = several(good(**spent), lambda request: good(), usual=Rule(strategy="quota-aware"))
    await on.ask(chat("1"))
    await on.ask(chat("2"))
    on.clock.time += 61.0
    await on.ask(chat("3"))
    assert used(on) == [0, 1, 0]


async def test_a_limit_is_learned_from_a_refusal_too() -> None:
    refusal = Answer(
        status=429,
        headers={
            **JSON,
            "x-ratelimit-limit-requests": "10",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "40s",
        },
        chunks=(b'{"error":{"message":"slow down","type":"x","code":null}}',),
    )
    on = several(refusal, good())
    await on.ask(chat())
    assert on.accounts.learned.share_left("up-0", on.clock.time) == 0.0
    assert on.accounts.learned.share_left("up-0", on.clock.time + 40.0) == 1.0


async def test_the_accounts_of_each_target_of_a_combo_are_chosen_the_same_way() -> None:
    steps = (ModelStep(id="one", model="up/m"), ModelStep(id="two", model="claude/c"))
    on = stage(
        lambda request: good(), accounts={"up": 3, "claude": 1}, combos=(Combo(id="f", name="f", steps=steps),)
    )
    choose(on, Rule(strategy="round-robin", sticky=1))
    for number in range(4):
        await on.ask(chat(str(number), model="f"))
    assert used(on) == [0, 1, 2, 0]


@given(strategy=st.sampled_from(ACCOUNT_STRATEGIES), combo=st.booleans(), requests=st.integers(0, 6))
def test_a_choice_follows_from_its_moment_alone(strategy: AccountStrategy, combo: bool, requests: int) -> None:
    steps = (ModelStep(id="one", model="up/m"), ModelStep(id="two", model="claude/c"))
    on = stage(accounts={"up": 4, "claude": 3}, combos=(Combo(id="f", name="f", steps=steps),))
    choose(on, Rule(strategy=strategy))
    grant = Grant(key_id="k", name="k")
    for _ in range(requests):
        candidate = on.choose.of(on.live.current, "up/m", None, grant, Asked).candidates[0]
        seat = on.accounts.seat(candidate.account, on.clock.time)
        assert seat is not None
        seat.leave()
    chosen = on.choose.of(on.live.current, "f" if combo else "up/m", None, grant, Asked)
    if chosen.moment is None:
        assert strategy == "fill-first"
        return
    used = tuple(chosen.candidates)
    for key, draw in chosen.moment.draws.items():
        own = tuple(candidate for placed, candidate in chosen.placed() if placed == key)
        configured = on.candidates.at(on.live.current, own[0].target)
        assert orders.ordered(configured, draw) == own
    assert tuple(candidate for _, candidate in chosen.placed()) == used


def test_where_there_is_one_account_nothing_is_weighed_or_remembered() -> None:
    on = stage(accounts={"up": 1})
    choose(on, Rule(strategy="p2c", affinity="on"))

    def never() -> str:
        raise AssertionError("nobody needs to know the conversation")

    chosen = on.choose.of(on.live.current, "up/m", None, Grant(key_id="k", name="k"), Asked, conversation=never)
    assert chosen.moment is None
    assert on.accounts.seat(chosen.candidates[0].account, on.clock.time) is None


TURNS = Rule(strategy="round-robin", sticky=1)


async def test_a_conversation_stays_with_its_account_where_prompts_are_cached() -> None:
    on = several(lambda request: message(), usual=TURNS)
    for session in ("a", "b", "a", "b", "c", "a"):
        await on.ask(asked_claude(session, x_claude_code_session_id=f"s-{session}"), "anthropic")
    assert used(on) == [0, 1, 0, 1, 2, 0]


async def test_without_a_session_the_first_words_are_the_conversation() -> None:
    on = several(lambda request: message(), usual=TURNS)
    for text in ("hi", "ho", "hi", "ho"):
        await on.ask(asked_claude(text), "anthropic")
    assert used(on) == [0, 1, 0, 1]


async def test_where_prompts_are_not_cached_it_does_not() -> None:
    on = several(lambda request: good(), usual=TURNS)
    for _ in range(3):
        await on.ask(chat())
    assert used(on) == [0, 1, 2]


@pytest.mark.parametrize(("affinity", "accounts"), [("on", [0, 0, 0]), ("off", [0, 1, 2])])
async def test_the_setting_decides_otherwise(affinity: str, accounts: list[int]) -> None:
    on = several(lambda request: good(), usual=msgspec.structs.replace(TURNS, affinity=affinity))
    for _ in range(3):
        await on.ask(chat())
    assert used(on) == accounts


async def test_two_keys_never_share_a_conversation() -> None:
    keys = [mint(bytes([number]) * 32).text for number in (1, 2)]
    grants = {key: Grant(key_id=key[-4:], name="k") for key in keys}
    on = stage(lambda request: message(), accounts={"claude": 3}, grants=grants)
    choose(on, TURNS)
    for key in (*keys, *keys):
        await on.ask(asked_claude(x_session_id="same", authorization=f"Bearer {key}"), "anthropic")
    assert used(on) == [0, 1, 0, 1]


async def test_a_conversation_that_was_silent_for_five_minutes_is_free() -> None:
    on = several(lambda request: message(), usual=TURNS)
    for pause in (0.0, 299.0, 299.0, 301.0):
        on.clock.time += pause
        await on.ask(asked_claude(), "anthropic")
    assert used(on) == [0, 0, 0, 1]


async def test_an_account_that_fails_loses_the_conversation_to_the_one_that_answers() -> None:
    on = several(message(), error(500), lambda request: message())
    for pause in (0.0, 0.0, 60.0):
        on.clock.time += pause
        await on.ask(asked_claude(), "anthropic")
    assert used(on) == [0, 0, 1, 1]


async def test_a_conversation_leaves_an_account_that_is_nearly_used_up() -> None:
    nearly = Answer(
        headers={
            **JSON,
            "anthropic-ratelimit-requests-limit": "100",
            "anthropic-ratelimit-requests-remaining": "3",
        },
        chunks=(msgspec.json.encode(MESSAGE),),
    )
    on = several(nearly, lambda request: message(), usual=TURNS)
    for _ in range(2):
        await on.ask(asked_claude(), "anthropic")
    assert used(on) == [0, 1]


async def test_the_trace_says_that_the_conversation_decided_and_no_header_does() -> None:
    on = several(lambda request: message(), usual=TURNS)
    for _ in range(2):
        exchange = await on.ask(asked_claude(x_claude_code_session_id="s-1"), "anthropic")
    trace = on.traces.find("req_1")
    assert trace is not None
    assert trace.chosen is not None
    assert trace.chosen.moment is not None
    draw = trace.chosen.moment.draws["claude/c"]
    assert because(draw, "claude-0") == "account claude-0: the conversation is with it"
    assert because(draw, "claude-1").startswith("account claude-1: round-robin")
    assert not any(b"session" in name for name in exchange.reply_headers)
