"""Where the defects and the test list of the routing specification, sections 20 and 21, are tests.

A defect that is gone from here, or whose test is gone, is a promise that nobody keeps any more. A name that ends
in `_` is the beginning of one.
"""

import pytest

from tests.unit.regressions.test_cases import functions

NAMED = "tests/unit/pipeline/test_reference_defects.py"
RESTING = "tests/unit/traffic/test_resting.py"
CLASSIFY = "tests/unit/routing/test_classify.py"
BUDGETS = "tests/unit/pipeline/test_budgets.py"
BUDGETS_API = "tests/unit/management/test_budgets_api.py"
COMBOS = "tests/unit/pipeline/test_combos.py"
BREAKERS = "tests/unit/pipeline/test_breakers.py"
STRATEGIES = "tests/unit/routing/strategies/test_strategies.py"
STRATEGY_LAWS = "tests/property/test_strategy_laws.py"
ROUTING_LAWS = "tests/property/test_routing_laws.py"
TREES = "tests/unit/routing/test_combo.py"
COMBO_FAULTS = "tests/fault/test_combo_faults.py"
CUTS = "tests/fault/test_cut_anywhere.py"
FAULTS = "tests/golden/test_faults.py"
LEAVING = "tests/fault/test_leaving.py"
ACCOUNTS = "tests/unit/pipeline/test_account_choice.py"
RESTS = "tests/unit/pipeline/test_rests.py"
LADDER = "tests/unit/routing/test_ladder.py"
HINTS = "tests/unit/routing/test_hints.py"
HEALTH = "tests/unit/routing/test_health.py"
BUCKETS = "tests/unit/traffic/test_buckets.py"
BUDGET_LAWS = "tests/property/test_budget_laws.py"
SCHEDULE = "tests/unit/access/test_schedule.py"
TAGS = "tests/unit/pipeline/test_tags.py"
AGAIN = "tests/unit/pipeline/test_again.py"
SIM = "tests/sim/test_outages.py"

DEFECTS: dict[int, tuple[tuple[str, str], ...]] = {
    1: ((NAMED, "test_1_"), (BREAKERS, "test_defect_1_")),
    2: ((NAMED, "test_2_"), (RESTING, "test_defect_2_")),
    3: ((NAMED, "test_3_"), (RESTS, "test_defect_3_")),
    4: ((NAMED, "test_4_"),),
    5: ((NAMED, "test_5_"),),
    6: ((NAMED, "test_6_"),),
    7: ((NAMED, "test_7_"),),
    8: ((NAMED, "test_8_"), (BREAKERS, "test_defect_8_")),
    9: ((NAMED, "test_9_"),),
    10: ((NAMED, "test_10_"), (HINTS, "test_a_hint_in_headers_is_read")),
    11: ((NAMED, "test_11_"),),
    12: ((NAMED, "test_12_"),),
    13: ((NAMED, "test_13_"),),
    14: (
        (BUDGETS_API, "test_the_explicit_shape_makes_a_budget_for_each_limit_and_all_of_them_hold"),
        (BUDGETS, "test_a_thousand_requests_at_once_never_spend_more_than_a_hard_budget_has"),
    ),
    15: ((NAMED, "test_15_"), (COMBOS, "test_a_key_for_other_models_gets_nothing_through_a_combo")),
    16: ((CLASSIFY, "test_defect_16_"), (RESTING, "test_defect_16_")),
    17: ((CLASSIFY, "test_defect_17_"),),
    18: ((RESTING, "test_defect_18_"),),
    19: ((LADDER, "test_defect_19_"),),
    20: ((NAMED, "test_20_"),),
    21: ((NAMED, "test_21_"), (CLASSIFY, "test_defect_21_")),
    22: ((NAMED, "test_22_"),),
}

LIST: dict[str, tuple[tuple[str, str], ...]] = {
    "a": (
        (STRATEGIES, "test_a_single_target_is_the_order"),
        (STRATEGIES, "test_nothing_left_is_an_empty_order"),
        (STRATEGIES, "test_weighted_without_weights_"),
        (STRATEGIES, "test_cost_optimized_puts_free_first_and_the_unknown_last"),
        (TREES, "test_a_circle_that_was_stored_all_the_same_is_cut"),
        (TREES, "test_four_levels_are_too_deep_and_three_are_not"),
        (STRATEGY_LAWS, "test_"),
    ),
    "b": (
        (COMBO_FAULTS, "test_a_combo_goes_on_after_it_and_tells_it_only_when_nobody_is_left"),
        (LEAVING, "test_who_leaves_before_anything_was_answered"),
        (ROUTING_LAWS, "test_a_request_makes_no_more_attempts_than_its_cap_and_none_in_secret"),
        (
            "tests/fault/test_patience.py",
            "test_a_deadline_before_the_first_event_is_a_504_and_closes_the_upstream",
        ),
    ),
    "c": (
        (CUTS, "test_a_long_stream_cut_after_any_event_ends_once_and_leaves_nothing_behind"),
        (COMBO_FAULTS, "test_a_target_that_says_nothing_is_left_after_its_time_wherever_it_stands"),
        (FAULTS, "test_a_provider_that_falls_silent_is_not_waited_for"),
        (LEAVING, "test_who_leaves_after_any_event_of_a_stream"),
    ),
    "d": (
        ("tests/unit/routing/selection/test_orders.py", "test_every_account_comes_exactly_once_"),
        (ACCOUNTS, "test_round_robin_changes_the_account_after_three_requests"),
        (RESTS, "test_a_rest_that_ends_too_late_is_not_waited_for"),
        (RESTING, "test_what_somebody_must_see_to_is_overwritten_by_no_cooldown"),
        (LADDER, "test_a_success_halves_and_ten_minutes_without_failure_forgive_one"),
    ),
    "e": ((LADDER, "test_the_numbers_of_each_profile"), (HINTS, "test_a_hint_in_a_body_is_read")),
    "f": (
        (BREAKERS, "test_one_of_fifty_requests_at_once_is_the_probe"),
        (BREAKERS, "test_when_most_of_a_combo_is_failing_nobody_is_left_out"),
        (HEALTH, "test_a_bad_probe_opens_it_for_twice_as_long_up_to_five_minutes"),
        (
            "tests/unit/traffic/test_keeping.py",
            "test_an_open_breaker_outlives_a_restart_and_a_closed_one_is_forgotten",
        ),
    ),
    "g": (
        (BUCKETS, "test_no_more_is_let_through_than_the_limit_and_what_comes_back_in_the_time"),
        (NAMED, "test_12_"),
        (LEAVING, "test_who_leaves_the_line_for_a_place"),
    ),
    "h": (
        (RESTING, "test_defect_18_a_hundred_refusals_at_once_are_one"),
        ("tests/unit/accounts/test_tokens.py", "test_everybody_who_waits_shares_one_question"),
    ),
    "i": (
        (BUDGETS, "test_a_thousand_requests_at_once_never_spend_more_than_a_hard_budget_has"),
        (BUDGET_LAWS, "test_every_moment_lies_in_exactly_one_window_and_the_next_begins_where_it_ends"),
    ),
    "j": (
        (COMBOS, "test_a_key_for_some_models_gets_only_those_through_a_combo"),
        (COMBOS, "test_a_key_that_may_use_an_alias_may_use_what_it_stands_for"),
        (SCHEDULE, "test_nine_is_nine_on_the_wall_before_and_after_the_clocks_change"),
        (TAGS, "test_with_strict_tags_the_request_goes_nowhere_instead"),
    ),
    "k": (
        (AGAIN, "test_the_explanation_has_the_order_that_was_used"),
        ("tests/unit/management/test_canaries.py", "test_no_secret_ever_comes_out"),
        (
            "tests/unit/pipeline/test_withheld.py",
            "test_neither_client_nor_log_nor_trace_nor_block_has_the_credential",
        ),
    ),
    "l": (
        (SIM, "test_a_provider_that_fails_is_hardly_asked"),
        (SIM, "test_a_provider_that_is_well_again_is_used_after_little_more_time_than_it_was_ill"),
        (SIM, "test_the_slowest_hundredth_waits_no_longer_than_the_others_take"),
    ),
}


def test_every_defect_and_every_line_has_an_entry() -> None:
    assert sorted(DEFECTS) == list(range(1, 23))
    assert sorted(LIST) == list("abcdefghijkl")


@pytest.mark.parametrize("defect", sorted(DEFECTS))
def test_a_defect_has_its_test(defect: int) -> None:
    assert missing(DEFECTS[defect]) == []


@pytest.mark.parametrize("line", sorted(LIST))
def test_a_line_of_the_list_has_its_tests(line: str) -> None:
    assert missing(LIST[line]) == []


def missing(named: tuple[tuple[str, str], ...]) -> list[str]:
    return [
        f"{path}::{name}"
        for path, name in named
        if not any(one == name or (name.endswith("_") and one.startswith(name)) for one in functions(path))
    ]
