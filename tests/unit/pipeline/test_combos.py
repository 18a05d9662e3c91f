"""A combo asked like a model: its strategy decides, failures fall through, and what happened is remembered."""

import msgspec
import pytest

from omniroute.access.grant import LOCAL_GRANT, Grant
from omniroute.catalog.lookup import Tables, catalog
from omniroute.catalog.models import Model, ModelTable
from omniroute.dialects.registry import DIALECTS
from omniroute.errors import GatewayError
from omniroute.ir.target import ModelFacts
from omniroute.ledger.cost import Rate, Sheet
from omniroute.ledger.records import Settled
from omniroute.pipeline.candidates import Candidates
from omniroute.pipeline.choose import Choose, Chosen
from omniroute.pipeline.draws import Draws
from omniroute.pipeline.trace import Traces
from omniroute.pipeline.visit import Visit
from omniroute.routing.combo import Combo, ComboConfig, ComboStep, ModelStep, StrategyName
from omniroute.routing.ordering import ordered
from omniroute.routing.resilience import DEFAULT
from omniroute.routing.strategy import Asked
from omniroute.routing.tree import plant
from omniroute.upstream.scripted import Answer
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
QUESTION = {"model": "fast", "messages": [{"role": "user", "content": "hi"}]}


def good() -> Answer:
    return Answer(headers=JSON, chunks=(msgspec.json.encode(CHAT),))


def message() -> Answer:
    return Answer(headers=JSON, chunks=(msgspec.json.encode(MESSAGE),))


def error(status: int) -> Answer:
    return Answer(status=status, headers=JSON, chunks=(b'{"error":{"message":"no luck","type":"x","code":null}}',))


def combo(
    *models: str, strategy: StrategyName = "priority", name: str = "fast", config: ComboConfig | None = None
) -> Combo:
    steps = tuple(
        ModelStep(id=model, model=model) if "/" in model else ComboStep(id=model, combo=model) for model in models
    )
    return Combo(id=name, name=name, strategy=strategy, steps=steps, config=config or ComboConfig())


def urls(on: Stage) -> list[str]:
    return [request.url.partition(".test")[0].removeprefix("https://") for request in on.transport.requests]


def settled(on: Stage) -> Settled:
    return next(record for record in reversed(on.journal.records) if isinstance(record, Settled))


async def test_the_first_model_of_a_combo_answers() -> None:
    on = stage(good(), combos=(combo("up/m", "claude/c"),))
    exchange = await on.ask(Exchange(QUESTION))
    assert (exchange.status, urls(on)) == (200, ["up"])
    assert (settled(on).provider, settled(on).model) == ("up", "m")


async def test_a_failure_falls_through_to_the_next_model_in_its_own_dialect() -> None:
    on = stage(error(500), message(), combos=(combo("up/m", "claude/c"),))
    exchange = await on.ask(Exchange(QUESTION))
    assert (exchange.status, urls(on)) == (200, ["up", "claude"])
    assert exchange.json["choices"][0]["message"]["content"] == "Hello"
    assert exchange.reply_headers[b"x-omniroute-attempts"] == b"2"


async def test_every_account_of_a_model_is_tried_before_the_next_model() -> None:
    on = stage(
        error(429), error(429), message(), accounts={"up": 2, "claude": 1}, combos=(combo("up/m", "claude/c"),)
    )
    exchange = await on.ask(Exchange(QUESTION))
    assert (exchange.status, urls(on)) == (200, ["up", "up", "claude"])


async def test_round_robin_takes_turns_over_requests() -> None:
    on = stage(good(), message(), good(), combos=(combo("up/m", "claude/c", strategy="round-robin"),))
    for _ in range(3):
        await on.ask(Exchange(QUESTION))
    assert urls(on) == ["up", "claude", "up"]


async def test_the_last_good_model_is_asked_first_until_it_fails() -> None:
    on = stage(
        error(500), message(), message(), error(500), good(), combos=(combo("up/m", "claude/c", strategy="lkgp"),)
    )
    await on.ask(Exchange(QUESTION))
    on.clock.time += 60.0
    await on.ask(Exchange(QUESTION))
    assert urls(on) == ["up", "claude", "claude"]
    await on.ask(Exchange(QUESTION))
    assert urls(on)[3:] == ["claude", "up"]


async def test_a_nested_combo_is_one_unit_with_its_own_strategy() -> None:
    on = stage(
        error(500), message(), combos=(combo("inner", name="fast"), combo("up/m", "claude/c", name="inner"))
    )
    exchange = await on.ask(Exchange(QUESTION))
    assert (exchange.status, urls(on)) == (200, ["up", "claude"])


async def test_a_combo_may_say_how_often_is_tried() -> None:
    on = stage(error(500), combos=(combo("up/m", "claude/c", config=ComboConfig(max_attempts=1)),))
    exchange = await on.ask(Exchange(QUESTION))
    assert (exchange.status, urls(on)) == (500, ["up"])


async def test_a_combo_without_anything_usable_says_why_for_each() -> None:
    on = stage(combos=(combo("up/m", "claude/c"),), accounts={"up": 0, "claude": 0})
    exchange = await on.ask(Exchange(QUESTION))
    assert exchange.status == 400
    assert (
        "no model of the combo 'fast' can be used: up/m: no active connection" in exchange.json["error"]["message"]
    )


async def test_an_inactive_combo_is_no_model() -> None:
    resting = msgspec.structs.replace(combo("up/m"), active=False)
    exchange = await stage(combos=(resting,)).ask(Exchange(QUESTION))
    assert exchange.status == 404


async def test_a_target_that_keeps_failing_is_left_out_until_its_time_is_over() -> None:
    failures = DEFAULT.apikey.breaker_failures
    on = stage(*[error(500), message()] * failures, message(), combos=(combo("up/m", "claude/c"),))
    for _ in range(failures):
        await on.ask(Exchange(QUESTION))
        on.resting.view.clear()  # type: ignore[attr-defined]  # the account is well; it is the provider that is not
    assert urls(on) == ["up", "claude"] * failures
    await on.ask(Exchange(QUESTION))
    assert urls(on)[2 * failures :] == ["claude"]


async def test_nothing_is_under_way_when_all_is_over() -> None:
    on = stage(error(500), message(), combos=(combo("up/m", "claude/c"),))
    await on.ask(Exchange(QUESTION))
    rehearsed, _ = on.choose.rehearse(on.snapshot, on.snapshot.combos["fast"], LOCAL_GRANT, Asked())
    assert rehearsed.moment is not None
    assert [standing.in_flight for standing in rehearsed.moment.standings.values()] == [0, 0]


def chosen(on: Stage, grant: Grant) -> Chosen:
    return on.choose.of(on.snapshot, "fast", None, grant, Asked)


def providers(*models: str) -> list[str]:
    grant = Grant(key_id="k", name="k", models=models)
    found = chosen(stage(combos=(combo("up/m", "claude/c"),)), grant)
    return [candidate.target.provider for candidate in found.candidates]


def test_a_key_that_may_use_the_combo_by_name_may_use_what_is_in_it() -> None:
    assert providers("fast") == ["up", "claude"]


def test_a_key_for_some_models_gets_only_those_through_a_combo() -> None:
    assert providers("claude/*") == ["claude"]


def test_a_key_for_other_models_gets_nothing_through_a_combo() -> None:
    with pytest.raises(GatewayError, match="model 'up/m' is not allowed"):
        providers("other/*")


def test_a_pinned_connection_is_the_only_account_of_its_step() -> None:
    step = ModelStep(id="one", model="up/m", connection_id="up-1")
    pinned = msgspec.structs.replace(combo("up/m"), steps=(step,))
    found = chosen(stage(accounts={"up": 3}, combos=(pinned,)), Grant(key_id="k", name="k"))
    assert [candidate.account.id for candidate in found.candidates] == ["up-1"]


def test_the_same_moment_gives_the_same_order_again() -> None:
    on = stage(accounts={"up": 2, "claude": 2}, combos=(combo("up/m", "claude/c", "up/n", strategy="random"),))
    found = chosen(on, Grant(key_id="k", name="k"))
    assert found.moment is not None
    assert found.combo is not None
    branch = plant(found.combo, on.snapshot.combos, lambda name: on.candidates.target(on.snapshot, name))
    keys = list(dict.fromkeys(key for key, _ in found.placed()))
    again = ordered(branch, frozenset(keys), found.moment)
    assert [leaf.key for leaf in again] == keys


async def test_a_trace_tells_what_was_tried_what_answered_and_what_was_lost() -> None:
    on = stage(error(429), message(), combos=(combo("up/m", "claude/c"),))
    await on.ask(Exchange(QUESTION | {"logit_bias": {"50256": -100}}))
    trace = on.traces.find("req_1")
    assert trace is not None
    assert [(one.candidate.target.provider, one.failure.status, one.rest_s) for one in trace.tried] == [
        ("up", 429, 3.0)
    ]
    assert trace.winner is not None
    assert trace.winner.target.provider == "claude"
    assert "logit_bias" in {loss.what for loss in trace.losses} | {loss.path for loss in trace.losses}


async def test_an_account_that_rests_is_an_exclusion_of_the_trace() -> None:
    on = stage(error(429), good(), good(), accounts={"up": 2})
    await on.ask(Exchange(QUESTION | {"model": "up/m"}))
    await on.ask(Exchange(QUESTION | {"model": "up/m"}))
    trace = on.traces.find("req_1")
    assert trace is not None
    assert [one.candidate.account.id for one in trace.exclusions] == ["up-0"]
    assert trace.exclusions[0].reason.startswith("resting for 3 s after rate_limit")


def test_traces_are_bounded() -> None:
    traces = Traces(kept=2)
    for number in range(4):
        visit = Visit(
            exchange=Exchange(QUESTION),
            dialect=DIALECTS["openai_chat"],
            grant=LOCAL_GRANT,
            model="m",
            asked=0,
            stream=False,
        )
        visit.exchange.request_id = f"req_{number}"
        traces.keep(visit, None, 0.0)
    assert [traces.find(f"req_{number}") is not None for number in range(4)] == [False, False, True, True]


@pytest.mark.parametrize(
    ("asked", "went_to"),
    [("smart", "up"), ("gpt-4o-mini", "claude"), ("gpt-4o", "up"), ("fast", "up"), ("claude/c", "claude")],
)
async def test_an_alias_stands_for_a_model_or_a_combo_and_the_narrowest_pattern_wins(
    asked: str, went_to: str
) -> None:
    aliases = {"smart": "up/m", "gpt-*": "claude/c", "gpt-4o": "fast"}
    on = stage(message() if went_to == "claude" else good(), combos=(combo("up/m"),), aliases=aliases)
    exchange = await on.ask(Exchange(QUESTION | {"model": asked}))
    assert (exchange.status, urls(on)) == (200, [went_to])


@pytest.mark.parametrize(
    ("asked", "went_to"), [("fast", "up"), ("combo/fast", "claude"), ("combo/slow", "claude"), ("combo/x", None)]
)
async def test_t92_a_combo_is_found_by_its_name_first_and_then_behind_a_prefix(
    asked: str, went_to: str | None
) -> None:
    made = (combo("up/m"), combo("claude/c", name="combo/fast"), combo("claude/c", name="slow"))
    on = stage(message() if went_to == "claude" else good(), combos=made)
    exchange = await on.ask(Exchange(QUESTION | {"model": asked}))
    assert (exchange.status, urls(on)) == ((200, [went_to]) if went_to else (404, []))


async def test_a_step_may_be_an_alias_and_a_model_of_that_name_goes_first() -> None:
    made = (combo("my/smart", "claude/c"), combo("up/m", name="narrow"))
    on = stage(good(), good(), combos=made, aliases={"my/smart": "up/m", "up/*": "claude/c"})
    for name in ("fast", "narrow"):
        assert (await on.ask(Exchange(QUESTION | {"model": name}))).status == 200
    assert urls(on) == ["up", "up"]


async def test_a_step_that_means_nothing_any_more_is_left_out_with_a_reason() -> None:
    on = stage(good(), combos=(combo("gone/m", "up/m"),))
    assert (await on.ask(Exchange(QUESTION))).status == 200
    trace = on.traces.find("req_1")
    assert trace is not None
    assert trace.chosen is not None
    assert trace.chosen.unusable == (("gone/m", "'gone/m' means no model that serves this kind of request"),)


async def test_a_combo_that_is_switched_off_says_so() -> None:
    on = stage(combos=(msgspec.structs.replace(combo("up/m"), active=False),), aliases={"quick": "fast"})
    for name in ("fast", "combo/fast", "quick"):
        exchange = await on.ask(Exchange(QUESTION | {"model": name}))
        assert (exchange.status, exchange.json["error"]["code"]) == (404, "model_not_found")
        assert exchange.json["error"]["message"] == "the combo 'fast' is switched off"


def test_a_key_that_may_use_an_alias_may_use_what_it_stands_for() -> None:
    on = stage(aliases={"smart": "up/m"})
    grant = Grant(key_id="k", name="k", models=("smart",))
    assert on.choose.of(on.snapshot, "smart", None, grant, Asked).candidates
    with pytest.raises(GatewayError, match="not allowed"):
        on.choose.of(on.snapshot, "up/m", None, grant, Asked)


async def test_the_operators_own_names_are_suggested_for_a_misspelt_one() -> None:
    sleeping = msgspec.structs.replace(combo("up/m", name="slowest"), active=False)
    on = stage(combos=(combo("up/m"), sleeping), aliases={"clever": "up/m", "clever-*": "up/m"})
    exchange = await on.ask(Exchange(QUESTION | {"model": "fastt"}))
    assert exchange.status == 404
    assert exchange.json["error"]["message"] == "no model 'fastt'; did you mean fast?"
    exchange = await on.ask(Exchange(QUESTION | {"model": "clevr"}))
    assert exchange.json["error"]["message"] == "no model 'clevr'; did you mean clever?"
    exchange = await on.ask(Exchange(QUESTION | {"model": "slowes"}))
    assert "slowest" not in exchange.json["error"]["message"]


def test_the_cheapest_is_what_the_ledger_would_bill_least() -> None:
    rates = {"up": Rate(500_000), "claude": Rate(20_000)}
    on = stage(combos=(combo("up/m", "claude/c", strategy="cost-optimized"),))
    choose = Choose(
        on.candidates,
        on.pulse,
        Draws(on.accounts, on.clock.monotonic),
        sheet=lambda target: Sheet(source="own", input=rates[target.provider], output=rates[target.provider]),
        seeds=lambda: 1,
        now=on.clock.monotonic,
    )
    found = choose.of(on.snapshot, "fast", None, Grant(key_id="k", name="k"), Asked)
    assert [candidate.target.provider for candidate in found.candidates] == ["claude", "up"]


def test_a_combo_learns_what_becomes_known_about_its_models() -> None:
    known: list[ModelTable] = [ModelTable({}, {})]
    on = stage(combos=(combo("up/m", "claude/c"),))
    choose = Choose(
        Candidates(catalog(on.snapshot.providers.values(), Tables()), lambda: known[0]),
        on.pulse,
        Draws(on.accounts, on.clock.monotonic),
        sheet=lambda target: None,
        seeds=lambda: 1,
        now=on.clock.monotonic,
    )

    def chosen_for_tools() -> list[str]:
        found = choose.of(on.snapshot, "fast", None, LOCAL_GRANT, lambda: Asked(tools=True))
        return [candidate.target.provider for candidate in found.candidates]

    assert chosen_for_tools() == ["up", "claude"]
    without_tools = Model(id="m", name="m", operation="chat", facts=ModelFacts(tools=False))
    known[0] = ModelTable({"up": {"m": without_tools}}, {})
    assert chosen_for_tools() == ["claude"]
