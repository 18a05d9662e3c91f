"""What keys and accounts have used of their limits: a bucket for each, which empties evenly over its window."""

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from omniroute.access.grant import RateLimit

_MAX_BUCKETS: Final = 100_000
_MINUTE_S: Final = 60


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """How one limit stands: `remaining` can be had at once, and it is whole again in `whole_in_s`."""

    limit: RateLimit
    remaining: float
    whole_in_s: float


class _Bucket(msgspec.Struct):
    used: float = 0.0
    at: float = 0.0


class Buckets:
    """By the id of a key or an account, and limit; times are monotonic seconds. In memory: a restart forgives what
    was used."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, RateLimit], _Bucket] = {}

    def reserve(
        self, key_id: str, limits: tuple[RateLimit, ...], tokens: int, now: float
    ) -> "Reservation | Exhausted":
        """Takes one request and so many `tokens` from all of `limits`, or nothing from any of them. What is larger
        than a whole limit is let through when the limit is untouched."""
        worst: Exhausted | None = None
        found: list[tuple[RateLimit, _Bucket, float]] = []
        for limit in limits:
            bucket = self._of(key_id, limit, now)
            cost = 1.0 if limit.unit == "requests" else float(tokens)
            over = bucket.used + min(cost, limit.limit) - limit.limit
            if over > 1e-9:
                wait = over * limit.window_s / limit.limit
                if worst is None or wait > worst.retry_after_s:
                    worst = Exhausted(limit=limit, retry_after_s=wait)
            found.append((limit, bucket, cost))
        if worst is not None:
            return worst
        for _, bucket, cost in found:
            bucket.used += cost
        held = tuple(bucket for limit, bucket, _ in found if limit.unit == "tokens")
        return Reservation(held, tokens)

    def levels(self, key_id: str, limits: tuple[RateLimit, ...], now: float) -> tuple[Level, ...]:
        """How each limit stands."""
        found: list[Level] = []
        for limit in limits:
            bucket = self._buckets.get((key_id, limit))
            used = 0.0 if bucket is None else _left(bucket, limit, now)
            found.append(
                Level(
                    limit=limit,
                    remaining=max(0.0, limit.limit - used),
                    whole_in_s=used * limit.window_s / limit.limit,
                )
            )
        return tuple(found)

    def _of(self, key_id: str, limit: RateLimit, now: float) -> _Bucket:
        bucket = self._buckets.get((key_id, limit))
        if bucket is None:
            if len(self._buckets) >= _MAX_BUCKETS:
                self._buckets = {key: one for key, one in self._buckets.items() if _left(one, key[1], now) > 0}
            bucket = self._buckets[key_id, limit] = _Bucket(at=now)
        bucket.used = _left(bucket, limit, now)
        bucket.at = now
        return bucket


class Exhausted(msgspec.Struct, frozen=True, kw_only=True):
    """The limit that holds longest, and when it lets the request through."""

    limit: RateLimit
    retry_after_s: float


class Reservation:
    """Tokens that were taken in advance, until it is known how many it really were."""

    __slots__ = ("_buckets", "_tokens")

    def __init__(self, buckets: tuple[_Bucket, ...], tokens: int) -> None:
        self._buckets = buckets
        self._tokens = tokens

    def reconcile(self, tokens: int) -> None:
        """It were so many. What was used beyond the limit is owed: the next requests wait for it."""
        for bucket in self._buckets:
            bucket.used = max(0.0, bucket.used + tokens - self._tokens)
        self._tokens = tokens


def minutes(per_minute: Iterable[tuple[Literal["requests", "tokens"], int]]) -> tuple[RateLimit, ...]:
    """The limits of an account."""
    return tuple(RateLimit(limit=most, window_s=_MINUTE_S, unit=unit) for unit, most in per_minute)


def _left(bucket: _Bucket, limit: RateLimit, now: float) -> float:
    return max(0.0, bucket.used - max(0.0, now - bucket.at) * limit.limit / limit.window_s)
