"""Each strategy on its own: what it puts first, and what it does with what it does not know."""

from collections import Counter
from itertools import pairwise

import pytest

from omniroute.ir.target import ModelFacts
from omniroute.routing.combo import STRATEGY_NAMES, ComboConfig, StrategyName
from omniroute.routing.ordering import STRATEGIES
from omniroute.routing.quota import Quota, QuotaWindow, quota_of
from omniroute.routing.standing import Standing
from omniroute.routing.strategy import Asked
from tests.support.combos import combo, order, planted

THREE = ("a/a", "b/b", "c/c")


def test_every_name_has_a_strategy() -> None:
    assert set(STRATEGIES) == set(STRATEGY_NAMES)


@pytest.mark.parametrize("strategy", STRATEGY_NAMES)
def test_a_single_target_is_the_order(strategy: StrategyName) -> None:
    assert order(planted(combo("one", "a/a", strategy=strategy))) == ["a/a"]


@pytest.mark.parametrize("strategy", STRATEGY_NAMES)
def test_nothing_left_is_an_empty_order(strategy: StrategyName) -> None:
    assert order(planted(combo("none", *THREE, strategy=strategy)), kept=frozenset()) == []


def test_priority_and_fill_first_keep_the_configured_order() -> None:
    assert order(planted(combo("p", *THREE))) == list(THREE)
    assert order(planted(combo("p", *THREE, strategy="fill-first"))) == list(THREE)


def test_weighted_shares_the_first_place_and_the_fallbacks_by_weight() -> None:
    branch = planted(combo("w", *THREE, strategy="weighted", weights=(60, 30, 10)))
    orders = [order(branch, seed=seed) for seed in range(4000)]
    first = Counter(one[0] for one in orders)
    assert abs(first["a/a"] / 4000 - 0.6) < 0.03
    assert abs(first["b/b"] / 4000 - 0.3) < 0.03
    after_a = Counter(one[1] for one in orders if one[0] == "a/a")
    assert abs(after_a["b/b"] / after_a.total() - 0.75) < 0.04


def test_weighted_without_weights_is_even_and_a_zero_among_others_comes_last() -> None:
    even = planted(combo("w", *THREE, strategy="weighted"))
    first = Counter(order(even, seed=seed)[0] for seed in range(3000))
    assert all(abs(count / 3000 - 1 / 3) < 0.04 for count in first.values())
    partly = planted(combo("w", *THREE, strategy="weighted", weights=(0, 1, 1)))
    assert {order(partly, seed=seed)[-1] for seed in range(50)} == {"a/a"}


def test_round_robin_takes_turns_and_walks_the_circle() -> None:
    branch = planted(combo("r", *THREE, strategy="round-robin"))
    assert [order(branch, turn=turn)[0] for turn in range(6)] == [*THREE, *THREE]
    assert order(branch, turn=1) == ["b/b", "c/c", "a/a"]


def test_round_robin_with_weights_is_smooth() -> None:
    branch = planted(combo("r", *THREE, strategy="round-robin", weights=(50, 10, 10)))
    turns = [order(branch, turn=turn)[0] for turn in range(7)]
    assert Counter(turns) == {"a/a": 5, "b/b": 1, "c/c": 1}
    assert "a/a,a/a,a/a" not in ",".join(turns)


def test_a_unit_that_may_not_be_used_passes_its_turn_on() -> None:
    branch = planted(combo("r", *THREE, strategy="round-robin"))
    assert order(branch, turn=1, kept=frozenset({"a/a", "c/c"})) == ["c/c", "a/a"]


@pytest.mark.parametrize("names", [THREE[:2], THREE, (*THREE, "d/d", "e/e")])
def test_strict_random_uses_everybody_once_per_cycle_and_nobody_twice_in_a_row(names: tuple[str, ...]) -> None:
    branch = planted(combo("s", *names, strategy="strict-random"))
    drawn = [order(branch, turn=turn)[0] for turn in range(len(names) * 40)]
    cycles = [drawn[start : start + len(names)] for start in range(0, len(drawn), len(names))]
    assert all(sorted(cycle) == sorted(names) for cycle in cycles)
    assert all(one != following for one, following in pairwise(drawn))
    assert len(names) == 2 or len({tuple(cycle) for cycle in cycles}) > 1


def test_random_gives_every_order() -> None:
    branch = planted(combo("x", *THREE, strategy="random"))
    assert len({tuple(order(branch, seed=seed)) for seed in range(200)}) == 6


def test_least_used_looks_at_what_is_under_way_then_at_the_rate() -> None:
    branch = planted(combo("l", *THREE, strategy="least-used"))
    standings = {
        "a/a": Standing(in_flight=2),
        "b/b": Standing(in_flight=1, rate=3.0),
        "c/c": Standing(in_flight=1, rate=0.5),
    }
    assert order(branch, standings=standings) == ["c/c", "b/b", "a/a"]


def test_cost_optimized_puts_free_first_and_the_unknown_last() -> None:
    branch = planted(combo("c", *THREE, strategy="cost-optimized"))
    assert order(branch, costs={"b/b": 0.02, "c/c": 0.0}) == ["c/c", "b/b", "a/a"]


def test_p2c_prefers_the_quicker_the_idler_and_the_sounder() -> None:
    branch = planted(combo("p", *THREE, strategy="p2c"))
    standings = {
        "a/a": Standing(first_event_s=0.2, in_flight=0, errors=0.0),
        "b/b": Standing(first_event_s=0.2, in_flight=9, errors=0.0),
        "c/c": Standing(first_event_s=0.2, in_flight=0, health="open"),
    }
    first = Counter(order(branch, seed=seed, standings=standings)[0] for seed in range(600))
    assert first["a/a"] > first["b/b"] > first["c/c"] == 0


def test_lkgp_begins_with_the_last_good_target_also_inside_a_nested_combo() -> None:
    branch = planted(combo("l", "a/a", "inner", strategy="lkgp"), combo("inner", "b/b", "c/c"))
    assert order(branch) == ["a/a", "inner>b/b", "inner>c/c"]
    assert order(branch, last_good={"l": "inner>c/c"}) == ["inner>b/b", "inner>c/c", "a/a"]


def test_context_optimized_takes_the_largest_or_the_smallest_that_fits() -> None:
    facts = {
        "a/a": ModelFacts(context_tokens=8_000),
        "b/b": ModelFacts(context_tokens=1_000_000),
        "c/c": ModelFacts(context_tokens=128_000),
    }
    largest = planted(combo("c", *THREE, strategy="context-optimized"), facts=facts)
    assert order(largest) == ["b/b", "c/c", "a/a"]
    fit = planted(
        combo("c", *THREE, strategy="context-optimized", config=ComboConfig(context_mode="fit")), facts=facts
    )
    assert order(fit, asked=Asked(input_tokens=50_000)) == ["c/c", "b/b", "a/a"]


def test_context_optimized_without_any_window_keeps_the_order() -> None:
    assert order(planted(combo("c", *THREE, strategy="context-optimized"))) == list(THREE)


def week(remaining: float, resets_in_days: float) -> Quota:
    return quota_of([QuotaWindow("weekly", remaining, resets_in_days * 86400, length_s=7 * 86400.0)])


def test_reset_aware_spends_what_is_about_to_expire_and_leaves_the_empty_to_the_end() -> None:
    branch = planted(combo("q", *THREE, strategy="reset-aware"))
    quotas = {"a/a": week(0.0, 1), "b/b": week(0.6, 6), "c/c": week(0.6, 0.5)}
    assert order(branch, quotas=quotas) == ["c/c", "b/b", "a/a"]


def test_reset_aware_lets_equals_take_turns() -> None:
    branch = planted(combo("q", *THREE, strategy="reset-aware"))
    assert [order(branch, turn=turn)[0] for turn in range(3)] == list(THREE)


def test_auto_prefers_the_healthy_cheap_and_quick() -> None:
    branch = planted(combo("auto", *THREE, strategy="auto", config=ComboConfig(exploration=0.0)))
    standings = {
        "a/a": Standing(wait_log=0.6, errors=0.0),
        "b/b": Standing(wait_log=-0.3, errors=0.0),
        "c/c": Standing(wait_log=-0.3, errors=0.9, health="open"),
    }
    costs = {"a/a": 0.5, "b/b": 0.01, "c/c": 0.01}
    assert order(branch, standings=standings, costs=costs)[0] == "b/b"


def test_the_quality_pack_prefers_the_model_for_the_task_and_the_saver_the_cheap_one() -> None:
    names = ("a/opus-4", "b/tiny")
    standings = {
        "a/opus-4": Standing(wait_log=0.3),
        "b/tiny": Standing(wait_log=0.0),
    }
    costs = {"a/opus-4": 0.5, "b/tiny": 0.001}
    asked = Asked(task="coding")
    for pack, best in (("quality-first", "a/opus-4"), ("cost-saver", "b/tiny")):
        config = ComboConfig(mode_pack=pack, exploration=0.0)
        branch = planted(combo("auto", *names, strategy="auto", config=config))
        assert order(branch, standings=standings, costs=costs, asked=asked)[0] == best


def test_auto_explores_seldom_and_never_with_a_pinned_conversation() -> None:
    branch = planted(combo("auto", *THREE, strategy="auto"))
    costs = {"a/a": 0.01, "b/b": 1.0, "c/c": 1.0}
    first = Counter(order(branch, seed=seed, costs=costs)[0] for seed in range(4000))
    assert 0.01 < (first["b/b"] + first["c/c"]) / 4000 < 0.05
    pinned = {order(branch, seed=seed, costs=costs, asked=Asked(pinned=True))[0] for seed in range(300)}
    assert pinned == {"a/a"}


def test_a_budget_cap_puts_the_cheapest_before_what_costs_more() -> None:
    config = ComboConfig(mode_pack="quality-first", exploration=0.0, budget_cap_usd=0.1)
    branch = planted(combo("auto", "a/opus-4", "b/tiny", strategy="auto", config=config))
    costs = {"a/opus-4": 0.5, "b/tiny": 0.001}
    assert order(branch, costs=costs, asked=Asked(task="coding")) == ["b/tiny", "a/opus-4"]
