"""Where the numbered cases of the data-plane specification, section 11, are tests, and pains of the field report.

A case that is gone from here, or whose test is gone, is a promise that nobody keeps any more.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
REQUESTS = "tests/unit/regressions/test_requests.py"
STREAMS = "tests/unit/regressions/test_streams.py"
SYMPTOMS = "tests/unit/test_regressions.py"
FAULTS = "tests/golden/test_faults.py"
ROUNDS = "tests/golden/test_rounds.py"
GEMINI = "tests/unit/dialects/gemini"
CACHED = "tests/unit/pipeline/test_cached.py"
REPEAT = "tests/unit/pipeline/test_repeat.py"
NAMES = "tests/unit/routing/test_names.py"
NUMBERED = (*range(1, 37), *range(40, 71), *range(80, 85), *range(90, 97))

CASES: dict[int, tuple[tuple[str, str], ...]] = {
    **{number: ((REQUESTS, f"test_t{number}_"),) for number in (*range(1, 14), 16, 17, *range(19, 35))},
    **{
        number: ((STREAMS, f"test_t{number}_"),) for number in (41, 42, 43, 44, 46, 48, 49, 50, 54, 65, 67, 68, 69)
    },
    14: ((f"{GEMINI}/test_request.py", "test_t14_"),),
    15: ((f"{GEMINI}/test_request.py", "test_t15_"),),
    18: (("tests/e2e/test_responses.py", "test_a_responses_body_on_the_chat_path_is_answered_as_chat"),),
    30: ((REQUESTS, "test_t30_"), (ROUNDS, "test_t30_")),
    35: ((f"{GEMINI}/test_request.py", "test_t35_"),),
    36: ((f"{GEMINI}/test_request.py", "test_t36_"),),
    40: ((SYMPTOMS, "test_716_"),),
    45: (
        (
            "tests/unit/dialects/quirks/test_think_tags.py",
            "test_think_tags_cut_by_chunk_borders_become_reasoning",
        ),
    ),
    47: ((SYMPTOMS, "test_1017_"),),
    51: ((FAULTS, "test_an_answer_that_never_begins_is_an_error_of_the_clients_own"),),
    52: ((FAULTS, "test_a_provider_that_falls_silent_is_not_waited_for"),),
    53: ((FAULTS, "test_a_stream_that_breaks_off_ends_in_an_error"),),
    55: ((f"{GEMINI}/test_response.py", "test_t55_"),),
    56: ((f"{GEMINI}/test_response.py", "test_t56_"),),
    57: ((CACHED, "test_an_answer_is_kept_for_every_dialect_and_as_a_real_stream"),),
    58: ((f"{GEMINI}/test_stream.py", "test_t58_"),),
    59: (("tests/unit/dialects/ollama/test_cross.py", "test_t59_"),),
    60: ((FAULTS, "test_a_stream_that_breaks_off_ends_in_an_error"),),
    61: (
        ("tests/fault/test_sockets.py", "test_a_client_that_leaves_a_stream_closes_its_upstream"),
        ("tests/unit/telemetry/test_log.py", "test_a_closed_stderr_is_survived_in_silence"),
    ),
    62: (
        (
            "tests/unit/dialects/openai_chat/test_response.py",
            "test_a_stream_where_an_object_was_asked_for_is_put_together",
        ),
        (SYMPTOMS, "test_866_"),
    ),
    63: ((ROUNDS, "test_t63_"),),
    64: (
        (
            "tests/unit/dialects/openai_responses/test_stream.py",
            "test_lifecycle_events_repeat_settings_but_neither_instructions_nor_tools",
        ),
    ),
    66: ((SYMPTOMS, "test_605_"),),
    70: (("tests/unit/dialects/test_revisions.py", "test_the_old_tag_is_taken_out_of_answers_alone"),),
    80: ((CACHED, "test_the_second_of_two_same_requests_is_answered_from_the_first"),),
    81: (
        (CACHED, "test_without_an_explicit_zero_nothing_is_kept_or_decoded"),
        (CACHED, "test_who_wants_no_cache_neither_reads_nor_writes"),
        (CACHED, "test_only_what_the_model_ended_by_itself_is_kept"),
        (CACHED, "test_other_keys_never_get_the_answer"),
    ),
    82: ((CACHED, "test_the_same_question_in_any_dialect_is_the_same_request"),),
    83: (
        (REPEAT, "test_the_second_sending_gets_the_very_bytes_of_the_first"),
        (REPEAT, "test_after_the_window_it_is_a_new_request"),
        (REPEAT, "test_the_key_wins_over_the_request_id"),
        (REPEAT, "test_another_client_with_the_same_key_is_another_request"),
        (REPEAT, "test_a_sending_meets_the_first_one_under_way_as_a_stream_too"),
    ),
    84: (
        (
            "tests/unit/pipeline/test_generate.py",
            "test_the_session_a_client_names_comes_back_cut_to_64_characters",
        ),
        (
            "tests/unit/pipeline/test_account_choice.py",
            "test_a_conversation_stays_with_its_account_where_prompts_are_cached",
        ),
    ),
    90: ((NAMES, "test_a_claude_model_is_never_sent_to_openai"),),
    91: (
        (
            "tests/unit/pipeline/test_combos.py",
            "test_an_alias_stands_for_a_model_or_a_combo_and_the_narrowest_pattern_wins",
        ),
    ),
    92: (("tests/unit/pipeline/test_combos.py", "test_t92_"),),
    93: (
        (NAMES, "test_another_providers_prefix_on_a_provider_route_is_a_mismatch"),
        (NAMES, "test_a_provider_route_adds_the_missing_prefix"),
    ),
    94: (("tests/unit/dialects/test_envelope.py", "test_a_body_that_cannot_be_used_says_why"),),
    95: (("tests/unit/pipeline/test_long_context.py", "test_t95_"),),
    96: (("tests/unit/server/test_dispatch_paths.py", "test_aliases"),),
}

PAINS: dict[int, tuple[str, ...]] = {
    1: ("1072", "716", "686", "3980", "4714", "4959", "9568", "618", "605", "bf_3511", "bf_3441", "pk_1275"),
    2: ("bf_6342", "cloudflare_502", "724", "uncommonroute_19"),
    3: ("cpa_1407", "35"),
    10: ("8331", "1017", "2215", "13746", "ll_36091", "opencrabs_1636"),
    16: ("ll_17201", "ll_36091", "708", "517"),
}
"""Of the field report, section 2: issues whose symptom a test can show. Of 2, what needs a second request (#927,
#2024, #2504, #3688, #8979) is `test_a_seal_comes_back_to_its_maker_through_a_client_that_cannot_carry_it`."""


def functions(path: str) -> list[str]:
    tree = ast.parse((ROOT / path).read_text())
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_every_case_has_an_entry() -> None:
    assert sorted(CASES) == sorted(NUMBERED)


@pytest.mark.parametrize("number", sorted(CASES))
def test_a_case_has_its_test(number: int) -> None:
    for path, name in CASES[number]:
        assert any(one.startswith(name) for one in functions(path)), f"T{number}: {path} has no {name}"


def test_a_signature_that_a_client_cannot_carry_is_looked_for_in_a_second_round() -> None:
    assert "test_a_seal_comes_back_to_its_maker_through_a_client_that_cannot_carry_it" in functions(ROUNDS)


@pytest.mark.parametrize("pain", sorted(PAINS))
def test_a_pain_has_tests_named_by_its_symptoms(pain: int) -> None:
    named = [*functions(SYMPTOMS), *functions(STREAMS)]
    missing = [issue for issue in PAINS[pain] if not any(one.startswith(f"test_{issue}_") for one in named)]
    assert not missing
