"""What the caches hold and save, and emptying them."""

from typing import Literal

from omniroute.access.actor import record
from omniroute.management.router import ManagementRouter
from omniroute.management.shapes import CallerOf, Reply, ServicesOf

router = ManagementRouter(auth="manage", prefix="/api/cache", tag="cache")


class SemanticCache(Reply):
    """Kept answers. `memory*` are of the near tier, `dbSize` counts the answers in the database. `hitRate` is from
    0 to 1, `coalesced` counts requests that shared the answer of one under way. `questions` can be found by what
    they mean, `similarHits` were, `shadowHits` would have been. `problem` says why nothing can be found so."""

    memory_size: int
    memory_max_size: int
    db_size: int
    hit_rate: float
    hits: int
    misses: int
    coalesced: int
    tokens_saved: int
    memory_bytes: int
    memory_max_bytes: int
    questions: int
    similar_hits: int
    shadow_hits: int
    problem: str | None


class Idempotency(Reply):
    """`activeKeys` are recognised now, `replayed` counts requests that got the answer of their first sending."""

    active_keys: int
    window_ms: int
    replayed: int


class CacheStats(Reply):
    """Counted since the start, or since the caches were cleared."""

    semantic_cache: SemanticCache
    idempotency: Idempotency


class Cleared(Reply):
    success: Literal[True] = True
    message: str = "Cache cleared"


@router.get("/stats")
def cache_stats(services: ServicesOf) -> CacheStats:
    cache, window = services.cache, services.window
    counted = cache.counted
    return CacheStats(
        semantic_cache=SemanticCache(
            memory_size=len(cache.memory),
            memory_max_size=cache.memory.max_entries,
            db_size=cache.stored(),
            hit_rate=round(counted.hit_rate, 4),
            hits=counted.hits,
            misses=counted.misses,
            coalesced=counted.shared,
            tokens_saved=counted.tokens_saved,
            memory_bytes=cache.memory.size,
            memory_max_bytes=cache.memory.max_bytes,
            questions=len(cache.meanings),
            similar_hits=counted.similar,
            shadow_hits=counted.shadowed,
            problem=cache.meanings.problem,
        ),
        idempotency=Idempotency(
            active_keys=window.active,
            window_ms=round(window.length_s * 1000),
            replayed=window.replayed,
        ),
    )


@router.delete("/stats")
def clear_caches(services: ServicesOf, caller: CallerOf) -> Cleared:
    """Every answer of every key, in memory and in the database. What is under way goes on."""
    services.cache.clear()
    services.window.clear()
    services.writer.write_quietly(
        lambda connection: record(connection, caller.actor, at=services.now_ms(), action="cache.clear", target="")
    )
    return Cleared()
