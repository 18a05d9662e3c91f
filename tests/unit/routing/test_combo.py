"""What makes a combo wrong, and what its names mean."""

import msgspec

from omniroute.routing.combo import ComboConfig, Tier, faults, strategy_named
from omniroute.routing.tree import leaves, plant
from tests.support.combos import combo, planted, target


def test_a_sound_combo_has_no_faults() -> None:
    inner = combo("inner", "a/x")
    assert faults(combo("outer", "inner", "b/y"), {"inner": inner}) == ()


def test_a_combo_without_models_says_what_to_add() -> None:
    assert faults(combo("empty"), {}) == ("combo 'empty' has no models: add at least one",)


def test_a_circle_is_named_step_by_step() -> None:
    first, second = combo("first", "second"), combo("second", "first")
    (fault,) = faults(first, {"second": second})
    assert fault == "combos refer to each other in a circle: first -> second -> first"


def test_a_combo_that_names_itself_is_a_circle() -> None:
    assert "circle: self -> self" in faults(combo("self", "self"), {})[0]


def test_four_levels_are_too_deep_and_three_are_not() -> None:
    third = combo("c", "a/x")
    second = combo("b", "c")
    assert faults(combo("a", "b"), {"b": second, "c": third}) == ()
    (fault,) = faults(combo("top", "a"), {"a": combo("a", "b"), "b": second, "c": third})
    assert "nests 4 deep; at most 3" in fault


def test_what_lies_above_counts_too_and_circles_elsewhere_do_not() -> None:
    others = {one.name: one for one in (combo("a", "b"), combo("b", "c"), combo("d", "a/x"))}
    (fault,) = faults(combo("c", "d"), others)
    assert fault == "combo 'a' nests 4 deep; at most 3 are allowed"
    round_and_round = {one.name: one for one in (combo("y", "z", "c"), combo("z", "y"))}
    assert faults(combo("c", "a/x"), round_and_round) == ()


def test_a_reference_to_nothing_is_named() -> None:
    assert "'gone', which does not exist" in faults(combo("one", "gone"), {})[0]


def test_a_tier_must_name_a_step_and_a_tier() -> None:
    config = ComboConfig(default_tier="x", tiers={"best": Tier(step_id="nope", fallback="none")})
    found = faults(combo("tiers", "a/x", config=config), {})
    assert len(found) == 3


def test_strategies_are_known_by_any_case_and_by_their_old_names() -> None:
    assert strategy_named(" Round-Robin ") == "round-robin"
    assert strategy_named("usage") == "least-used"
    assert strategy_named("context") == "context-optimized"
    assert strategy_named("nonsense") is None


def test_flattening_lends_the_steps_and_executing_keeps_the_unit() -> None:
    inner = combo("inner", "a/x", "a/y", strategy="random")
    kept = planted(combo("outer", "inner", "b/z"), inner)
    flat = planted(combo("outer", "inner", "b/z", config=ComboConfig(nested="flatten")), inner)
    assert [unit.key for unit in kept.units] == ["inner", "b/z"]
    assert [unit.key for unit in flat.units] == ["inner>a/x", "inner>a/y", "b/z"]


def test_a_circle_that_was_stored_all_the_same_is_cut() -> None:
    first, second = combo("first", "second", "a/x"), combo("second", "first", "b/y")
    assert [leaf.key for leaf in leaves(planted(first, second))] == ["second>b/y", "a/x"]


def test_a_step_that_leads_nowhere_is_lost_with_its_reason() -> None:
    asleep = msgspec.structs.replace(combo("asleep", "a/x"), active=False)
    loop = combo("loop", "outer", "a/y")
    outer = combo("outer", "a/x", "asleep", "gone", "loop", "a/none")
    known = {one.name: one for one in (outer, asleep, loop)}
    branch = plant(outer, known, lambda name: None if name == "a/none" else target(name))
    assert [leaf.key for leaf in leaves(branch)] == ["a/x", "loop>a/y"]
    assert dict(branch.lost) == {
        "asleep": "the combo 'asleep' is switched off",
        "gone": "the combo 'gone' is not there any more",
        "loop>outer": "the combo 'outer' would begin anew within itself",
        "a/none": "'a/none' means no model that serves this kind of request",
    }


def test_tiers_put_their_ladder_first() -> None:
    config = ComboConfig(
        default_tier="best",
        tiers={"cheap": Tier(step_id="c/c"), "best": Tier(step_id="b/b", fallback="cheap")},
    )
    branch = planted(combo("tiers", "a/a", "b/b", "c/c", config=config))
    assert [unit.key for unit in branch.units] == ["b/b", "c/c", "a/a"]
