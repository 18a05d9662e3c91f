"""The exact cache: the same request of the same tenant gets the same answer, from memory or from the database."""

import msgspec

from omniroute.caching.kept import Kept, packed, unpacked
from omniroute.caching.memory import Memory
from omniroute.caching.semantic.meanings import Meanings
from omniroute.caching.shelf import Shelf
from omniroute.clock import Clock
from omniroute.storage.repos.answers import AnswerRow


class Counted(msgspec.Struct):
    """Since the start, or since somebody cleared the cache. `shared` are requests that got the answer of another
    one that was under way, `similar` are hits by what a question means, `shadowed` what would have been such hits,
    `tokens_saved` are input and output of hits and shared answers."""

    hits: int = 0
    misses: int = 0
    shared: int = 0
    similar: int = 0
    shadowed: int = 0
    tokens_saved: int = 0

    @property
    def hit_rate(self) -> float:
        """Of the requests that could have been answered from the cache, the share that was; 0 before any."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else 0.0


class ExactCache:
    """Looking into memory costs microseconds; the shelf is asked by who would else ask a provider."""

    def __init__(self, memory: Memory, shelf: Shelf, meanings: Meanings, clock: Clock, *, ttl_s: float) -> None:
        self.memory = memory
        self.meanings = meanings
        self._shelf = shelf
        self._clock = clock
        self._ttl_s = ttl_s
        self.counted = Counted()

    def recall(self, key: bytes) -> Kept | None:
        """From memory."""
        data = self.memory.find(key, self._clock.now())
        return None if data is None else unpacked(data)

    async def fetch(self, key: bytes) -> Kept | None:
        """From the database, and into memory."""
        found = await self._shelf.find(key, now=self._now_ms())
        if found is None:
            return None
        data, expires_at = found
        kept = unpacked(data)
        if kept is not None:
            self.memory.put(key, data, expires_at / 1000)
        return kept

    def keep(self, key: bytes, kept: Kept, model_asked: str, *, shelved: bool) -> None:
        """`shelved` false keeps it out of the database: its tenant wants no content written down."""
        data = packed(kept)
        if data is None:
            return
        now = self._now_ms()
        expires_at = now + round(self._ttl_s * 1000)
        self.memory.put(key, data, expires_at / 1000)
        if shelved:
            self._shelf.put(
                AnswerRow(key=key, model_asked=model_asked, answer=data, created_at=now, expires_at=expires_at)
            )

    def stored(self) -> int:
        """How many answers the database has. Blocks."""
        return self._shelf.total(now=self._now_ms())

    def clear(self) -> None:
        """Both tiers and the counts. Blocks until it is done; answers under way are kept when they are there."""
        self.meanings.clear()
        self.memory.clear()
        self._shelf.clear()
        self.memory.clear()  # what was fetched from the shelf in between
        self.counted = Counted()

    def _now_ms(self) -> int:
        return round(self._clock.now() * 1000)
