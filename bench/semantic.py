"""What the semantic cache costs and gives: a search among 100,000 questions of one tenant, and labelled pairs."""

import random
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from omniroute.caching.semantic.embedder import Embedder
from omniroute.caching.semantic.store import Questions

PAIRS = Path(__file__).parent.parent / "tests/unit/caching/semantic"
MANY = 100_000
SEARCHES = 1_000
TRIES = 5
"""The least of so many is what it takes; the rest is what else the machine did."""
WORDS = 4_000
TENANT = b"tenant"


def page() -> str:
    embedder = Embedder.load()
    same, different = _pairs("same.tsv"), _pairs("different.tsv")
    hits = sum(_taken(embedder, one, other) for one, other in same)
    wrong = sum(_taken(embedder, one, other) for one, other in different)
    embedding = _quantile(_timed(lambda text: embedder.vector(text), _questions(SEARCHES, seed=1)))
    many = Questions(embedder, most=MANY, ttl_s=3600, now=lambda: 0.0)
    for number, text in enumerate(_questions(MANY, seed=2)):
        many.remember(TENANT, text, number.to_bytes(4))
    searching = _quantile(_timed(lambda text: many.find(TENANT, text), _questions(SEARCHES, seed=3)))
    return "\n".join(
        (
            "| | measured | aim |",
            "|---|---|---|",
            f"| embedding a question, p95 | {embedding:.2f} ms | |",
            f"| embedding and searching among {MANY:,}, p95 | {searching:.2f} ms | 3 ms |",
            f"| questions that mean the same and are found | {hits} of {len(same)} ({hits / len(same):.0%}) | |",
            f"| questions that differ and are taken for the same | {wrong} of {len(different)}"
            f" ({wrong / len(different):.1%}) | 0.5 % |",
        )
    )


def _pairs(name: str) -> list[tuple[str, str]]:
    lines = (PAIRS / name).read_text().splitlines()
    return [(line.split("\t")[0], line.split("\t")[1]) for line in lines]


def _taken(embedder: Embedder, asked: str, again: str) -> bool:
    questions = Questions(embedder, most=1, ttl_s=60, now=lambda: 0.0)
    questions.remember(TENANT, asked, b"key")
    return questions.find(TENANT, again) is not None


def _questions(count: int, *, seed: int) -> list[str]:
    """Made of the words of the labelled pairs, four to twelve at a time, so that there are many near ones."""
    rng = random.Random(seed)
    words = sorted(
        {word for name in ("same.tsv", "different.tsv") for pair in _pairs(name) for word in pair[0].split()}
    )
    return [" ".join(rng.choices(words[:WORDS], k=rng.randint(4, 12))) for _ in range(count)]


def _timed(work: Callable[[str], object], texts: Iterable[str]) -> list[float]:
    spent: list[float] = []
    for text in texts:
        spent.append(min(_once(work, text) for _ in range(TRIES)))
    return spent


def _once(work: Callable[[str], object], text: str) -> float:
    begun = time.perf_counter()
    work(text)
    return (time.perf_counter() - begun) * 1000


def _quantile(spent: list[float]) -> float:
    return sorted(spent)[int(len(spent) * 0.95)]
