"""Searching in linear time finds what Python's own engine finds, and refuses what it cannot do."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.routing.linear_regex import MAX_PATTERN, BadPattern, compiled

_ATOMS = st.sampled_from(["a", "b", "_", ".", r"\d", r"\W", "[ab]", "[^a]", "[a-c_]", r"[\d-]", "^", "$", r"\."])
_ENDS = st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}", "+?", ""])
PATTERNS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("|".join),
        st.tuples(inner, _ENDS).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        inner.map(lambda one: f"({one})"),
    ),
    max_leaves=8,
)
TEXTS = st.text("abc_.1A-", max_size=10)


@given(pattern=PATTERNS, text=TEXTS)
def test_it_finds_what_re_finds(pattern: str, text: str) -> None:
    assert compiled(pattern).found_in(text) == bool(re.search(pattern, text, re.ASCII))


@given(pattern=PATTERNS, text=TEXTS)
def test_any_case_is_what_re_calls_ignoring_it(pattern: str, text: str) -> None:
    wanted = bool(re.search(pattern, text, re.ASCII | re.IGNORECASE))
    assert compiled(f"(?i){pattern}").found_in(text) == wanted


@pytest.mark.parametrize("pattern", ["(a+)+$", "^(a|a)*$", "(a*)*(a*)*b", "(.*a){20}$", "a*" * 30 + "b"])
def test_a_pattern_that_would_take_forever_elsewhere_ends_here(pattern: str) -> None:
    """With Python's own engine the suite would not end."""
    assert not compiled(pattern).found_in("a" * 60 + "!")


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "not closed"),
        ("a)", "closes nothing"),
        ("*a", "nothing before"),
        ("a**", "repetition of a repetition"),
        ("^*", "cannot be repeated"),
        ("(?=a)", "look-around"),
        ("(?P<n>a)", "named groups"),
        (r"(a)\1", r"\\1 is not supported"),
        (r"\b", "is not supported"),
        ("[a", "ends in the middle"),
        ("[z-a]", "leads nowhere"),
        ("a{3,2}", "wrong way round"),
        ("a{999}", "more than 255"),
        ("{2}", "nothing before"),
        ("((a{255}){255}){255}", "too large"),
        ("(" * 60 + ")" * 60, "nest more than"),
        ("a" * (MAX_PATTERN + 1), "at most 1000"),
        ("a\\", "ends in the middle"),
    ],
)
def test_what_it_cannot_do_is_refused_with_the_reason(pattern: str, why: str) -> None:
    with pytest.raises(BadPattern, match=why):
        compiled(pattern)


@pytest.mark.parametrize("text", ["a{x}", "{", "a{,}", "a]b", "a-b"])
def test_a_brace_that_repeats_nothing_is_a_letter(text: str) -> None:
    assert compiled(text).found_in(text)
