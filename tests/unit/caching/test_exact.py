"""The two tiers together."""

from typing import cast

from omniroute.caching.exact import Counted, ExactCache
from omniroute.caching.memory import Memory
from omniroute.caching.semantic.meanings import Meanings
from omniroute.caching.shelf import Shelf
from tests.unit.caching.test_kept import kept
from tests.unit.pipeline.stage import Clock
from tests.unit.pipeline.stage import Shelf as Plain


def cache(clock: Clock, shelf: Plain) -> ExactCache:
    meanings = Meanings(clock, most=9, ttl_s=10)
    return ExactCache(Memory(max_entries=9, max_bytes=9999), cast("Shelf", shelf), meanings, clock, ttl_s=10)


async def test_what_is_fetched_from_the_shelf_expires_when_it_would_have() -> None:
    clock, shelf = Clock(), Plain()
    cache(clock, shelf).keep(b"k", kept("hello"), "m", shelved=True)
    clock.time += 6
    restarted = cache(clock, shelf)
    assert restarted.recall(b"k") is None
    assert await restarted.fetch(b"k") == kept("hello")
    assert restarted.recall(b"k") == kept("hello")
    clock.time += 4
    assert restarted.recall(b"k") is None
    assert await restarted.fetch(b"k") is None


async def test_clearing_leaves_nothing_in_either_tier() -> None:
    clock, shelf = Clock(), Plain()
    cleared = cache(clock, shelf)
    cleared.keep(b"k", kept("hello"), "m", shelved=True)
    cleared.counted.hits = 3
    cleared.clear()
    assert (cleared.recall(b"k"), await cleared.fetch(b"k"), cleared.stored()) == (None, None, 0)
    assert cleared.counted == Counted()


def test_the_rate_of_hits_is_of_all_that_could_have_been() -> None:
    assert (Counted().hit_rate, Counted(hits=13, misses=7).hit_rate) == (0.0, 0.65)
