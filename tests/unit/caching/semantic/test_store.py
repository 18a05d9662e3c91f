"""Who is compared with whom, and for how long."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.caching.semantic.embedder import Embedder
from omniroute.caching.semantic.index import Index
from omniroute.caching.semantic.reading import LONGEST
from omniroute.caching.semantic.store import Questions

EMBEDDER = Embedder.load()
ASKED = "How do I reset my password?"
AGAIN = "Please tell me how to reset my password"


def questions(*, most: int = 100, now: Callable[[], float] = lambda: 0.0) -> Questions:
    return Questions(EMBEDDER, most=most, ttl_s=60, now=now)


def test_the_answer_of_another_partition_is_never_found() -> None:
    kept = questions()
    kept.remember(b"one tenant", ASKED, b"key")
    assert kept.find(b"another tenant", ASKED) is None
    assert kept.find(b"one tenant", AGAIN) is not None


def test_a_question_is_forgotten_when_its_answer_expires() -> None:
    at = [0.0]
    kept = questions(now=lambda: at[0])
    kept.remember(b"p", ASKED, b"key")
    at[0] = 59.9
    assert kept.find(b"p", AGAIN) is not None
    at[0] = 60.0
    assert kept.find(b"p", AGAIN) is None
    assert len(kept) == 0


def test_the_oldest_leaves_when_there_are_too_many() -> None:
    kept = questions(most=2)
    for number in range(3):
        kept.remember(b"p", f"What is item {number}?", bytes([number]))
    assert [kept.find(b"p", f"What is item {number}?") is None for number in range(3)] == [True, False, False]


def test_a_question_that_is_too_long_is_not_kept() -> None:
    kept = questions()
    kept.remember(b"p", "long " * LONGEST, b"key")
    assert len(kept) == 0


def test_what_says_nothing_is_like_nothing() -> None:
    kept = questions()
    kept.remember(b"p", "please", b"key")
    assert kept.find(b"p", "please") is None
    assert kept.find(b"p", "") is None


@given(st.lists(st.integers(0, 300), max_size=60), st.integers(0, 2**32 - 1))
def test_an_index_finds_what_was_added_and_not_removed(numbers: list[int], seed: int) -> None:
    """Each number adds itself when it is not there and removes itself when it is."""
    vectors = np.random.default_rng(seed).standard_normal((301, 256)).astype(np.float32)
    index: Index[int] = Index()
    there: set[int] = set()
    for number in numbers:
        if number in there:
            index.remove(number)
        else:
            index.add(vectors[number], number)
        there ^= {number}
    assert len(index) == len(there)
    for number in numbers:
        near = index.near(vectors[number], 1)
        assert (near == [number]) == (number in there)


@pytest.mark.parametrize("text", ["", "a", "äöü", "\x00", "\ud800", "🙂" * 400])
def test_any_text_has_a_vector(text: str) -> None:
    kept = questions()
    kept.remember(b"p", text, b"key")
    kept.find(b"p", text)
