"""Timeouts as an operator writes them: whole milliseconds by name, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.timeouts import MOST_MS, TIMEOUT_NAMES, Timeouts, milliseconds, timeouts_of

said = st.dictionaries(st.sampled_from(TIMEOUT_NAMES), st.integers(0, MOST_MS))


@given(said)
def test_what_is_said_comes_back_as_it_was_said(names: dict[str, int]) -> None:
    found = timeouts_of(names)
    assert ({} if found is None else milliseconds(found)) == names


@given(said)
def test_null_says_nothing(names: dict[str, int]) -> None:
    more = {name: None for name in TIMEOUT_NAMES if name not in names}
    assert timeouts_of(names | more) == timeouts_of(names)


def test_every_name_is_one_of_the_fields() -> None:
    every = timeouts_of(dict.fromkeys(TIMEOUT_NAMES, 1500))
    assert every == Timeouts(**dict.fromkeys(Timeouts.__struct_fields__, 1.5))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"readMs": 1}, "no member 'readMs'"),
        ({"idleMs": -1}, "idleMs: -1"),
        ({"idleMs": MOST_MS + 1}, "whole milliseconds"),
        ({"idleMs": 1.5}, "idleMs: 1.5"),
        ({"idleMs": True}, "idleMs: True"),
        ({"idleMs": "soon"}, "idleMs: 'soon'"),
    ],
)
def test_what_is_no_timeout_is_refused_in_words(names: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        timeouts_of(names)
