"""Tags of a request go to accounts that carry them."""

import msgspec
import pytest

from omniroute.routing.combo import ModelStep
from omniroute.routing.selection.rules import Selection
from tests.unit.pipeline.stage import Exchange, Stage, stage
from tests.unit.pipeline.test_combos import QUESTION, combo, good, message, urls


def tagged(on: Stage, *, strict: bool = False, **tags: object) -> Stage:
    """The first account of each provider that is named has these tags."""
    snapshot = on.snapshot
    connections = {
        name: (
            msgspec.structs.replace(ones[0], parameters={"tags": tags[name]} if name in tags else {}),
            *ones[1:],
        )
        for name, ones in snapshot.connections.items()
    }
    on.live.current = msgspec.structs.replace(
        snapshot, connections=connections, selection=Selection(strict_tags=strict), revision=2
    )
    return on


def asking(tags: object, **more: object) -> dict:
    return {**QUESTION, "metadata": {"tags": tags, **more}}


async def test_only_targets_with_an_account_that_carries_the_tag_are_tried() -> None:
    on = tagged(stage(message(), combos=(combo("up/m", "claude/c"),)), claude=["EU-only", "cheap"])
    assert (await on.ask(Exchange(asking("eu-only")))).status == 200
    assert urls(on) == ["claude"]
    trace = on.traces.find("req_1")
    assert trace is not None
    assert trace.chosen is not None
    assert trace.chosen.unusable == (("up/m", "no account for it carries the tag 'eu-only'"),)


async def test_of_several_accounts_only_those_that_carry_it_are_used() -> None:
    on = tagged(stage(good(), good(), combos=(combo("up/m"),), accounts={"up": 3}), up="eu, us")
    assert (await on.ask(Exchange(asking(["eu"])))).status == 200
    trace = on.traces.find("req_1")
    assert trace is not None
    assert trace.chosen is not None
    assert [one.account.id for one in trace.chosen.candidates] == ["up-0"]


async def test_a_step_may_carry_the_tag_for_all_of_its_accounts() -> None:
    own = combo("up/m", "claude/c")
    steps = (own.steps[0], ModelStep(id="claude/c", model="claude/c", tags=(" EU",)))
    on = tagged(stage(message(), combos=(msgspec.structs.replace(own, steps=steps),)))
    await on.ask(Exchange(asking(["eu"])))
    assert urls(on) == ["claude"]


@pytest.mark.parametrize(("mode", "first"), [("any", "up"), ("all", "claude")])
async def test_one_tag_is_enough_unless_all_are_wanted(mode: str, first: str) -> None:
    on = stage(good() if first == "up" else message(), combos=(combo("up/m", "claude/c"),))
    tagged(on, up=["eu"], claude=["eu", "gdpr"])
    await on.ask(Exchange(asking(["eu", "gdpr"], tag_match_mode=mode)))
    assert urls(on) == [first]


async def test_a_tag_that_nobody_carries_counts_for_nothing() -> None:
    on = tagged(stage(good(), combos=(combo("up/m", "claude/c"),)), claude=["us"])
    assert (await on.ask(Exchange(asking(["eu"])))).status == 200
    assert urls(on) == ["up"]


@pytest.mark.parametrize("model", ["fast", "up/m"])
async def test_with_strict_tags_the_request_goes_nowhere_instead(model: str) -> None:
    on = tagged(stage(combos=(combo("up/m", "claude/c"),)), strict=True, claude=["us"])
    exchange = await on.ask(Exchange({**asking(["eu"]), "model": model}))
    assert exchange.status == 503
    assert exchange.json["error"]["code"] == "no_matching_connection"
    assert "the tag 'eu'" in exchange.json["error"]["message"]
    assert urls(on) == []


@pytest.mark.parametrize(
    "metadata",
    [
        {"tags": [1, None, "eu"]},
        {"tags": ["eu"], "tag_match_mode": 5},
        {"tags": " EU , "},
        {"tags": ["eu", {"a": 1}]},
    ],
)
async def test_a_tag_is_a_rule_in_whatever_company_it_comes(metadata: dict) -> None:
    on = tagged(stage(message(), combos=(combo("up/m", "claude/c"),)), strict=True, claude=["eu"])
    assert (await on.ask(Exchange({**QUESTION, "metadata": metadata}))).status == 200
    assert urls(on) == ["claude"]
