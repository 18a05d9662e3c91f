"""Questions that were answered, and which of them mean the same as a new one. In memory; used by one thread."""

from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from omniroute.caching.semantic.embedder import Embedder
from omniroute.caching.semantic.guard import alike
from omniroute.caching.semantic.index import Index
from omniroute.caching.semantic.reading import LONGEST, read

SIMILAR: Final = 0.75
"""Cosine of two sentences. `tests/unit/caching/semantic` measures what comes of it."""
NEAR: Final = 0.73
"""Cosine of two words that may stand for each other: "fix", "repair" are at 0.81, "wife", "husband" at 0.70."""
_LOOKED_AT: Final = 8
_WORDS_AT_HAND: Final = 4096


class Found(msgspec.Struct, frozen=True):
    """`key` is that of the exact cache."""

    key: bytes
    similarity: float


class _Asked(NamedTuple):
    key: bytes
    text: str
    partition: bytes


class Questions:
    """Only questions of one partition are ever compared: the same tenant, and all else of the request the same.
    The oldest leave first, and each when its answer expires."""

    def __init__(self, embedder: Embedder, *, most: int, ttl_s: float, now: Callable[[], float]) -> None:
        self._embedder = embedder
        self._word = lru_cache(_WORDS_AT_HAND)(embedder.vector)
        self._most = most
        self._ttl_s = ttl_s
        self._now = now
        self._partitions: dict[bytes, Index[_Asked]] = {}
        self._asked: OrderedDict[bytes, tuple[_Asked, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._asked)

    def find(self, partition: bytes, text: str) -> Found | None:
        """The nearest question that passes the guard. Its words are read before its meaning: that is cheaper, and
        turns most of them away."""
        self._expire()
        index = self._partitions.get(partition)
        reading = read(text) if index is not None else None
        if index is None or reading is None:
            return None
        vector = self._embedder.vector(text)
        for asked in index.near(vector, _LOOKED_AT):
            other = read(asked.text)
            if other is not None and alike(reading, other, self._near):
                similarity = float(vector @ self._embedder.vector(asked.text))
                if similarity >= SIMILAR:
                    return Found(asked.key, similarity)
        return None

    def remember(self, partition: bytes, text: str, key: bytes) -> None:
        """The answer to `text` is kept in the exact cache under `key`."""
        if key in self._asked or len(text) > LONGEST:
            return
        asked = _Asked(key, text, partition)
        self._partitions.setdefault(partition, Index()).add(self._embedder.vector(text), asked)
        self._asked[key] = (asked, self._now() + self._ttl_s)
        while len(self._asked) > self._most:
            self._forget(next(iter(self._asked)))

    def clear(self) -> None:
        self._partitions.clear()
        self._asked.clear()

    def _near(self, word: str, other: str) -> bool:
        return float(self._word(word) @ self._word(other)) >= NEAR

    def _expire(self) -> None:
        now = self._now()
        while self._asked:
            key, (_, expires_at) = next(iter(self._asked.items()))
            if expires_at > now:
                return
            self._forget(key)

    def _forget(self, key: bytes) -> None:
        asked, _ = self._asked.pop(key)
        index = self._partitions[asked.partition]
        index.remove(asked)
        if not len(index):
            del self._partitions[asked.partition]
