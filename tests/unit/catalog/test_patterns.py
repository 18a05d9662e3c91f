"""The laws of globs over model names."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.catalog.patterns import matches, most_specific, specificity

_PATTERNS = st.text(alphabet="ab/*?.A[](^$\\n\n", max_size=12)
_TEXTS = st.text(alphabet="ab/.A[](^$\\n\n*?", max_size=12)


def _regex(pattern: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern)


@given(_PATTERNS, _TEXTS)
def test_a_pattern_matches_exactly_what_the_plain_reading_of_its_wildcards_says(pattern: str, text: str) -> None:
    assert matches(pattern, text, case_sensitive=True) == bool(re.fullmatch(_regex(pattern), text, re.DOTALL))


@given(_PATTERNS, _TEXTS)
def test_case_is_ignored_unless_it_is_asked_for(pattern: str, text: str) -> None:
    assert matches(pattern, text) == matches(pattern.lower(), text.upper())


@given(_TEXTS)
def test_a_name_matches_itself_unless_it_holds_wildcards(text: str) -> None:
    assert matches(text, text)


@given(_TEXTS, _TEXTS, _TEXTS)
def test_a_star_stands_for_any_run_and_crosses_slashes(before: str, middle: str, after: str) -> None:
    literal = before.replace("*", "x").replace("?", "x"), after.replace("*", "x").replace("?", "x")
    assert matches(literal[0] + "*" + literal[1], literal[0] + middle + literal[1])


@given(st.lists(_PATTERNS, max_size=6), _TEXTS)
def test_the_winner_matches_and_no_other_match_is_more_specific(patterns: list[str], text: str) -> None:
    winner = most_specific(patterns, text)
    matching = [pattern for pattern in patterns if matches(pattern, text)]
    assert (winner is None) == (not matching)
    assert winner is None or specificity(winner) == max(map(specificity, matching))
    assert winner == most_specific(reversed(patterns), text)


@pytest.mark.parametrize(
    ("pattern", "score"),
    [
        ("gpt-4o", 10 * 6 + 6),
        ("gpt-*", 10 * 4 - 50 + 5),
        ("openai/gpt-?", 10 * 10 - 5 + 12),
        ("*", -50 + 1),
    ],
)
def test_specificity_is_the_documented_formula(pattern: str, score: int) -> None:
    assert specificity(pattern) == score


@pytest.mark.parametrize("pattern", ["gpt.4", "gpt-[0-9]", "(gpt|o1)-4", "gpt-4$", "^gpt-4"])
def test_a_regular_expression_is_only_text(pattern: str) -> None:
    assert not matches(pattern, "gpt-4")
    assert matches(pattern, pattern)


def test_many_stars_against_a_long_name_end_at_once() -> None:
    assert not matches("*a" * 100, "a" * 99 + "b" * 5000)
