"""The semantic cache on pairs of questions that people labelled: what it finds, and what it must not."""

from pathlib import Path

import pytest

from omniroute.caching.semantic.embedder import Embedder
from omniroute.caching.semantic.store import Questions

HERE = Path(__file__).parent
HITS_AT_LEAST = 0.70
FALSE_AT_MOST = 0.005
PARTITION = b"tenant"


def pairs(name: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for line in (HERE / name).read_text().splitlines():
        one, other = line.split("\t")
        found.append((one, other))
    return found


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder.load()


def found(embedder: Embedder, asked: str, again: str) -> bool:
    questions = Questions(embedder, most=10, ttl_s=60, now=lambda: 0.0)
    questions.remember(PARTITION, asked, b"key")
    return questions.find(PARTITION, again) is not None


def test_questions_that_mean_the_same_are_mostly_found(embedder: Embedder) -> None:
    same = pairs("same.tsv")
    hits = sum(found(embedder, one, other) for one, other in same)
    assert hits / len(same) >= HITS_AT_LEAST


def test_questions_that_only_look_alike_are_not_taken_for_each_other(embedder: Embedder) -> None:
    different = pairs("different.tsv")
    wrong = [(one, other) for one, other in different if found(embedder, one, other)]
    wrong += [(other, one) for one, other in different if found(embedder, other, one)]
    assert len(wrong) / (2 * len(different)) <= FALSE_AT_MOST, wrong


def test_the_right_one_is_found_among_all_of_them(embedder: Embedder) -> None:
    """And no other: among hundreds of questions each finds itself."""
    every = sorted(
        {question for name in ("same.tsv", "different.tsv") for pair in pairs(name) for question in pair}
    )
    questions = Questions(embedder, most=len(every), ttl_s=60, now=lambda: 0.0)
    for question in every:
        questions.remember(PARTITION, question, question.encode())
    for question in every:
        best = questions.find(PARTITION, question)
        assert best is not None
        assert best.similarity == pytest.approx(1, abs=1e-5)
