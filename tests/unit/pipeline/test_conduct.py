"""What a combo makes of its requests: its own instructions, its tools, the target a conversation keeps to."""

import msgspec
import pytest

from omniroute.pipeline.conduct import MODEL
from omniroute.routing.combo import Agent, Combo, ComboConfig, ComboStep, ModelStep, StrategyName
from omniroute.upstream.scripted import Answer
from tests.unit.pipeline.stage import Exchange, Stage, stage
from tests.unit.pipeline.test_budgets import budget, budgeted
from tests.unit.pipeline.test_combos import error, good, message, urls

TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("read", "write")
]
TALK = [{"role": "system", "content": "client says"}, {"role": "user", "content": "hi"}]
SESSION = {"x-session-id": "s"}


def combo(*models: str, agent: Agent | None = None, strategy: StrategyName = "priority") -> Combo:
    steps = tuple(ModelStep(id=model, model=model) for model in models)
    return Combo(id="fast", name="fast", strategy=strategy, steps=steps, config=ComboConfig(agent=agent))


def sent(on: Stage, number: int = -1) -> dict:
    return msgspec.json.decode(on.transport.requests[number].body)


def asked(**more: object) -> dict:
    return {"model": "fast", "messages": TALK, **more}


async def test_the_system_message_of_the_combo_replaces_the_clients_in_its_own_dialect() -> None:
    on = stage(good(), combos=(combo("up/m", agent=Agent(system_message="Be brief.")),))
    exchange = await on.ask(Exchange(asked(temperature=0.10)))
    assert exchange.status == 200
    assert sent(on)["messages"] == [{"role": "system", "content": "Be brief."}, TALK[1]]
    assert exchange.reply_headers[b"x-omniroute-losses"] == b"2; meaning=2; quality=0; cost=0"
    trace = on.traces.find("req_1")
    assert trace is not None
    assert [(loss.how, loss.what) for loss in trace.losses] == [
        ("dropped", "system message"),
        ("added", "system message"),
    ]


async def test_the_operators_prompt_for_all_requests_stays_in_front_of_the_combos() -> None:
    on = stage(good(), combos=(combo("up/m", agent=Agent(system_message="Be brief.")),))
    on.live.current = msgspec.structs.replace(on.snapshot, prompt="Be kind.", revision=2)
    await on.ask(Exchange(asked()))
    assert sent(on)["messages"] == [{"role": "system", "content": "Be kind.\n\nBe brief."}, TALK[1]]


async def test_what_the_combo_does_not_name_keeps_its_bytes() -> None:
    body = b'{ "model":"fast","temperature": 1.50, "messages":[{"role":"user",  "content":"hi"}] ,"seed":7}'
    on = stage(good(), combos=(combo("up/m", agent=Agent(system_message="Be brief.")),))
    await on.ask(Exchange(body))
    raw = on.transport.requests[0].body
    assert b'{"role":"user",  "content":"hi"}' in raw
    assert b"1.50" in raw


async def test_the_same_holds_when_the_request_is_translated() -> None:
    agent = Agent(system_message="Be brief.", tool_filter="^read$")
    on = stage(message(), combos=(combo("claude/c", agent=agent),))
    exchange = await on.ask(
        Exchange(asked(tools=TOOLS, tool_choice={"type": "function", "function": {"name": "write"}}))
    )
    assert exchange.status == 200
    body = sent(on)
    assert msgspec.json.encode(body["system"]).count(b"Be brief.") == 1
    assert b"client says" not in on.transport.requests[0].body
    assert [tool["name"] for tool in body["tools"]] == ["read"]
    assert "tool_choice" not in body or body["tool_choice"]["type"] == "auto"


async def test_tools_that_the_filter_does_not_want_are_not_offered() -> None:
    on = stage(good(), combos=(combo("up/m", agent=Agent(tool_filter="^re")),))
    await on.ask(Exchange(asked(tools=TOOLS)))
    assert [tool["function"]["name"] for tool in sent(on)["tools"]] == ["read"]
    trace = on.traces.find("req_1")
    assert trace is not None
    assert [(loss.path, loss.how) for loss in trace.losses] == [("tools[1]", "dropped")]


async def test_a_fallback_gets_the_same_request() -> None:
    on = stage(error(500), message(), combos=(combo("up/m", "claude/c", agent=Agent(system_message="Be brief.")),))
    await on.ask(Exchange(asked()))
    assert all(b"Be brief." in request.body for request in on.transport.requests)
    assert not any(b"client says" in request.body for request in on.transport.requests)


async def test_a_combo_inside_has_no_say() -> None:
    inner = msgspec.structs.replace(
        combo("up/m", agent=Agent(system_message="Be brief.")), name="inner", id="inner"
    )
    outer = Combo(id="outer", name="outer", steps=(ComboStep(id="inner", combo="inner"),))
    on = stage(good(), combos=(outer, inner))
    await on.ask(Exchange(asked() | {"model": "outer"}))
    assert sent(on)["messages"] == TALK


async def test_a_conversation_keeps_to_the_target_that_answered_and_is_told_which() -> None:
    agent = Agent(keeps_target=True)
    on = stage(error(500), message(), message(), combos=(combo("up/m", "claude/c", agent=agent),))
    first = await on.ask(Exchange(asked(), SESSION))
    assert first.reply_headers[MODEL] == b"claude/c"
    await on.ask(Exchange(asked(), SESSION))
    assert urls(on) == ["up", "claude", "claude"]
    trace = on.traces.find("req_1")
    assert trace is not None
    assert trace.chosen is not None
    assert trace.chosen.conduct == "the conversation keeps to the target that answered it before"


async def test_another_conversation_and_another_key_choose_for_themselves() -> None:
    on = stage(good(), good(), combos=(combo("up/m", "claude/c", agent=Agent(keeps_target=True)),))
    await on.ask(Exchange(asked(), SESSION))
    await on.ask(Exchange(asked(), {"x-session-id": "other"}))
    assert urls(on) == ["up", "up"]


async def test_a_kept_target_that_fails_is_not_replaced_behind_the_conversations_back() -> None:
    on = stage(good(), error(500), message(), combos=(combo("up/m", "claude/c", agent=Agent(keeps_target=True)),))
    await on.ask(Exchange(asked(), SESSION))
    assert (await on.ask(Exchange(asked(), SESSION))).status >= 500
    assert urls(on) == ["up", "up"]
    third = await on.ask(Exchange(asked(), SESSION))
    assert (third.status, urls(on)[-1]) == (200, "claude"), "the failure has set it free"


async def test_a_kept_target_is_forgotten_after_half_an_hour() -> None:
    agent = Agent(keeps_target=True)
    on = stage(error(500), message(), good(), combos=(combo("up/m", "claude/c", agent=agent),))
    await on.ask(Exchange(asked(), SESSION))
    on.clock.time += 30 * 60 + 1
    await on.ask(Exchange(asked(), SESSION))
    assert urls(on) == ["up", "claude", "up"]


async def test_the_old_tag_is_taken_out_of_the_conversation() -> None:
    told = {"role": "assistant", "content": "yes\n<omniModel>a/b</omniModel>"}
    for model, answer in (("up/m", good()), ("claude/c", message())):
        on = stage(answer, combos=(combo(model, agent=Agent(keeps_target=True)),))
        await on.ask(Exchange({"model": "fast", "messages": [TALK[1], told, TALK[1]]}))
        assert b"omniModel" not in on.transport.requests[0].body
        assert b'"yes"' in on.transport.requests[0].body


@pytest.mark.parametrize("agent", [None, Agent(tool_filter="read")])
async def test_a_request_in_which_nothing_is_to_be_changed_is_not_touched(agent: Agent | None) -> None:
    body = b'{"model": "fast", "messages":  [{"role":"user","content":"hi"}]}'
    on = stage(good(), combos=(combo("up/m", agent=agent),))
    exchange = await on.ask(Exchange(body))
    assert b"x-omniroute-losses" not in exchange.reply_headers
    assert sent(on)["messages"] == [TALK[1]]


# Handing over


CHEAP = "up/small"


def limited(remaining: int, reset: str = "3h", text: str = "hello") -> Answer:
    body = msgspec.json.decode(good().chunks[0])
    body["choices"][0]["message"]["content"] = text
    told = {"x-ratelimit-limit-tokens": "100", "x-ratelimit-remaining-tokens": str(remaining)}
    headers = {"content-type": "application/json", "x-ratelimit-reset-tokens": reset, **told}
    return Answer(headers=headers, chunks=(msgspec.json.encode(body),))


async def settle(on: Stage) -> None:
    """Lets the summary be written that is under way."""
    await on.conduct.quiet()


async def test_a_conversation_is_handed_over_with_a_summary_when_its_account_runs_out() -> None:
    on = stage(
        limited(10),
        limited(9, text='{"summary": "They greeted.", "keyDecisions": ["be kind"]}'),
        good(),
        good(),
        combos=(combo("up/m", strategy="context-relay"),),
        accounts={"up": 2, "claude": 1},
    )
    await on.ask(Exchange(asked(), SESSION))
    await settle(on)
    summary = sent(on, 1)
    assert summary["model"] == "m"
    assert "user: hi" in summary["messages"][1]["content"]
    second = await on.ask(Exchange(asked(), SESSION))
    told = sent(on, 2)["messages"]
    assert told[0]["role"] == "system"
    assert told[0]["content"].endswith("What happened: They greeted.\nDecisions: be kind")
    assert told[1:] == TALK
    assert second.reply_headers[b"x-omniroute-losses"].startswith(b"1; meaning=1")
    await on.ask(Exchange(asked(), SESSION))
    assert sent(on, 3)["messages"] == TALK, "told once"
    keys = [dict(request.headers)["authorization"][-1] for request in on.transport.requests]
    assert keys == ["0", "0", "1", "1"], "and it stays where it is now"


async def test_the_summary_is_written_by_the_model_that_the_combo_names() -> None:
    config = ComboConfig(handoff=msgspec.convert({"model": "claude/c"}, type(ComboConfig().handoff)))
    own = msgspec.structs.replace(combo("up/m", strategy="context-relay"), config=config)
    on = stage(limited(10), message(), combos=(own,), accounts={"up": 2, "claude": 1})
    await on.ask(Exchange(asked(), SESSION))
    await settle(on)
    assert urls(on) == ["up", "claude"]


@pytest.mark.parametrize("answer", [limited(50), limited(10, reset="30s"), good()])
async def test_nothing_is_handed_over_while_there_is_enough(answer: Answer) -> None:
    on = stage(answer, combos=(combo("up/m", strategy="context-relay"),), accounts={"up": 2, "claude": 1})
    await on.ask(Exchange(asked(), SESSION))
    await settle(on)
    assert len(on.transport.requests) == 1


async def test_a_summary_that_cannot_be_had_leaves_everything_as_it_is() -> None:
    on = stage(
        limited(10),
        error(400),
        good(),
        combos=(combo("up/m", strategy="context-relay"),),
        accounts={"up": 1, "claude": 1},
    )
    await on.ask(Exchange(asked(), SESSION))
    await settle(on)
    await on.ask(Exchange(asked(), SESSION))
    assert sent(on)["messages"] == TALK
    assert "no summary" in [event for event, _ in on.log.lines]


async def test_without_anybody_else_the_conversation_stays_and_is_told_nothing() -> None:
    on = stage(limited(10), limited(9), good(), combos=(combo("up/m", strategy="context-relay"),))
    await on.ask(Exchange(asked(), SESSION))
    await settle(on)
    await on.ask(Exchange(asked(), SESSION))
    assert sent(on)["messages"] == TALK


@pytest.mark.parametrize("agent", [None, Agent(system_message="Be cheap.")])
async def test_a_request_that_a_budget_sends_to_another_combo_is_that_combos(agent: Agent | None) -> None:
    fast = combo("up/m", agent=Agent(system_message="Be brief.", keeps_target=True))
    cheap = msgspec.structs.replace(combo("up/small", agent=agent), name="cheap", id="cheap")
    spent = budget("b", 1, action="downgrade", downgrade_to="cheap")
    on = budgeted(spent, script=lambda request: good(), combos=(fast, cheap))
    exchange = await on.ask(Exchange(asked(), SESSION))
    assert (exchange.status, sent(on)["model"]) == (200, "small")
    told = TALK[0] if agent is None else {"role": "system", "content": "Be cheap."}
    assert sent(on)["messages"] == [told, TALK[1]]
    assert MODEL not in exchange.reply_headers
