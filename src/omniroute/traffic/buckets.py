"""What keys, accounts and providers have used of their limits: a bucket for each, which empties evenly over its
window."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from math import inf
from typing import Final, TypeAlias

import msgspec

from omniroute.access.grant import RateLimit
from omniroute.routing.bounds import Unit

_MAX_BUCKETS: Final = 100_000
_MAX_LOWS: Final = 64
_MINUTE_S: Final = 60

Claim: TypeAlias = tuple[str, RateLimit]
"""The id of a key, an account or a provider, and a limit that it has."""


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """How one limit stands: `remaining` can be had at once, and it is whole again in `whole_in_s`."""

    limit: RateLimit
    remaining: float
    whole_in_s: float


class _Bucket:
    """`lows` says how empty the bucket has been: pairs of the number of a reservation and the lowest use from then
    on until the next pair, both ascending. They reach until after the reservation `seen`.

    It is needed for returning exactly. What a reservation filled may have run out since, at the cost of nobody:
    returning it then must not empty the bucket of what others have used.
    """

    __slots__ = ("at", "lows", "seen", "taken", "used")

    def __init__(self, at: float) -> None:
        self.used = 0.0
        self.at = at
        self.taken = 0
        self.seen = -1
        self.lows: list[tuple[int, float]] = []

    def fill(self, cost: float) -> int:
        """Returns the number of the reservation."""
        self._note()
        self.used += cost
        self.taken += 1
        return self.taken

    def overfill(self, cost: float) -> None:
        """So much more was used than was reserved."""
        self._note()
        self.used += cost

    def unfill(self, number: int, cost: float) -> None:
        """As if so much of the reservation had never been."""
        if number > self.seen:
            self.used -= min(cost, self.used)
            return
        place = bisect_right(self.lows, (number, inf)) - 1
        before, after = self.lows[:place], self.lows[place:]
        since, least = after[0]
        self.used -= min(cost, least, self.used)
        lower = [(later, max(0.0, low - cost)) for later, low in after]
        while before and before[-1][1] >= lower[0][1]:
            since, _ = before.pop()
        lower[0] = (since, lower[0][1])
        self.lows = before + lower

    def _note(self) -> None:
        """The bucket is going to be fuller than it is now."""
        number = self.seen = self.taken
        while self.lows and self.lows[-1][1] >= self.used:
            number, _ = self.lows.pop()
        if not self.lows or self.lows[-1][0] != number:
            self.lows.append((number, self.used))
        if len(self.lows) > _MAX_LOWS:
            del self.lows[1]  # later reservations count as having seen the lower use before: less is returned


class Buckets:
    """Times are monotonic seconds. In memory: a restart forgives what was used.

    At most a whole limit can be had at once, and it comes back evenly: in any stretch of time no more is let
    through than the limit and what came back in that time.
    """

    def __init__(self) -> None:
        self._buckets: dict[Claim, _Bucket] = {}

    def reserve(
        self, key_id: str, limits: tuple[RateLimit, ...], tokens: int, now: float
    ) -> "Reservation | Exhausted":
        """Takes one request and so many `tokens` from all of `limits`, or nothing from any of them. What is larger
        than a whole limit is let through when the limit is untouched."""
        return self.reserve_all([(key_id, limit) for limit in limits], tokens, now)

    def reserve_all(self, claims: Sequence[Claim], tokens: int, now: float) -> "Reservation | Exhausted":
        """The same for limits of several: all or nothing."""
        short = self.short(claims, tokens, now)
        if short is not None:
            return short
        held: list[tuple[_Bucket, int, bool]] = []
        for claim in claims:
            bucket = self._of(claim, now)
            counts_tokens = claim[1].unit == "tokens"
            held.append((bucket, bucket.fill(float(tokens) if counts_tokens else 1.0), counts_tokens))
        return Reservation(held, tokens)

    def short(self, claims: Iterable[Claim], tokens: int, now: float) -> "Exhausted | None":
        """Of the limits that have not so much left, the one that holds longest. Nothing is taken."""
        worst: Exhausted | None = None
        for claim in claims:
            bucket, limit = self._buckets.get(claim), claim[1]
            if bucket is None:
                continue
            cost = min(float(tokens) if limit.unit == "tokens" else 1.0, float(limit.limit))
            over = _left(bucket, limit, now) + cost - limit.limit
            if over > 1e-9:
                wait = over * limit.window_s / limit.limit
                if worst is None or wait > worst.retry_after_s:
                    each = cost * limit.window_s / limit.limit
                    worst = Exhausted(limit=limit, retry_after_s=wait, each_s=each)
        return worst

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

    def _of(self, claim: Claim, now: float) -> _Bucket:
        bucket = self._buckets.get(claim)
        if bucket is None:
            if len(self._buckets) >= _MAX_BUCKETS:
                self._buckets = {key: one for key, one in self._buckets.items() if _left(one, key[1], now) > 0}
            bucket = self._buckets[claim] = _Bucket(now)
        bucket.used = _left(bucket, claim[1], now)
        bucket.at = now
        return bucket


class Exhausted(msgspec.Struct, frozen=True, kw_only=True):
    """The limit that holds longest, and when it lets the request through; one more like it would have to wait
    `each_s` longer."""

    limit: RateLimit
    retry_after_s: float
    each_s: float


class Reservation:
    """One request, and tokens that were taken in advance until it is known how many it really were."""

    __slots__ = ("_held", "_tokens")

    def __init__(self, held: Sequence[tuple[_Bucket, int, bool]], tokens: int) -> None:
        self._held = held
        self._tokens = tokens

    def reconcile(self, tokens: int) -> None:
        """It were so many. What was used beyond the limit is owed: the next requests wait for it."""
        more = tokens - self._tokens
        if not more:
            return
        for bucket, number, counts_tokens in self._held:
            if counts_tokens and more > 0:
                bucket.overfill(float(more))
            elif counts_tokens:
                bucket.unfill(number, float(-more))
        self._tokens = tokens

    def withdraw(self) -> None:
        """Nothing was sent: the request comes back as well."""
        for bucket, number, counts_tokens in self._held:
            bucket.unfill(number, float(self._tokens) if counts_tokens else 1.0)
        self._held = ()


def minutes(per_minute: Iterable[tuple[Unit, int]]) -> tuple[RateLimit, ...]:
    """The limits of a bound."""
    return tuple(RateLimit(limit=most, window_s=_MINUTE_S, unit=unit) for unit, most in per_minute)


def _left(bucket: _Bucket, limit: RateLimit, now: float) -> float:
    return max(0.0, bucket.used - max(0.0, now - bucket.at) * limit.limit / limit.window_s)
