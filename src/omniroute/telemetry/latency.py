"""How long requests took lately, as quantiles: counts in buckets of growing width, in slices of time. Pure.

A duration falls into one of eight buckets per doubling, so that a quantile read from them is wrong by at most a
sixteenth. Durations below 8 ms have a bucket for each millisecond.
"""

from array import array
from collections.abc import Iterable
from math import ceil
from typing import Final, Literal, TypeAlias

import msgspec

Phase: TypeAlias = Literal["total", "first_event", "gateway"]
"""The whole request, until its first event, and the gateway's own share of that."""

PHASES: Final[tuple[Phase, ...]] = ("total", "first_event", "gateway")

_FINE: Final = 8
_BUCKETS: Final = 8 * 24
"""The last one begins at about 18 hours."""

_SLICE_S: Final = 60
_SLICES: Final = 60
_LONG_S: Final = 3600
_LONGS: Final = 7 * 24


class Quantiles(msgspec.Struct, frozen=True):
    """Milliseconds; nearest rank. All 0 when nothing was seen."""

    count: int
    avg: int
    p50: int
    p95: int
    p99: int


class Histogram:
    """Counts of durations."""

    __slots__ = ("counts", "total_ms")

    def __init__(self) -> None:
        self.counts = array("I", bytes(4 * _BUCKETS))
        self.total_ms = 0

    def add(self, bucket: int, ms: int) -> None:
        self.counts[bucket] += 1
        self.total_ms += ms


class Latency:
    """What was seen in the last hour by the minute, and in the last seven days by the hour. Every `now` is
    monotonic seconds. A provider costs about 2 KiB for each of these minutes and hours in which it was asked."""

    def __init__(self) -> None:
        self._minutes: dict[int, _Slice] = {}
        self._hours: dict[int, _Slice] = {}

    def record(self, provider: str, now: float, *, total: int, first_event: int, gateway: int) -> None:
        """One request at `provider` took so many milliseconds for each phase."""
        buckets = _bucket(total), _bucket(first_event), _bucket(gateway)
        for slices, length, kept in ((self._minutes, _SLICE_S, _SLICES), (self._hours, _LONG_S, _LONGS)):
            number = int(now // length)
            slice_ = slices.get(number)
            if slice_ is None:
                slice_ = slices[number] = _Slice()
                for old in [one for one in slices if one <= number - kept]:
                    del slices[old]
            histograms = slice_.of(provider)
            histograms["total"].add(buckets[0], total)
            histograms["first_event"].add(buckets[1], first_event)
            histograms["gateway"].add(buckets[2], gateway)

    def of(self, window_s: float, now: float) -> dict[str, dict[Phase, Quantiles]]:
        """By provider, and under the name `""` for all together. The window is widened to whole minutes, above an
        hour to whole hours."""
        long = window_s > _SLICE_S * (_SLICES - 1)
        slices, length = (self._hours, _LONG_S) if long else (self._minutes, _SLICE_S)
        first = int(now // length) - ceil(window_s / length) + 1
        seen = [slice_ for number, slice_ in slices.items() if number >= first]
        providers = sorted({provider for slice_ in seen for provider in slice_.providers})
        found: dict[str, dict[Phase, Quantiles]] = {}
        for provider in providers:
            own = [slice_.providers[provider] for slice_ in seen if provider in slice_.providers]
            found[provider] = _of_each(own)
        found[""] = _of_each([histograms for slice_ in seen for histograms in slice_.providers.values()])
        return found


def _of_each(seen: list[dict[Phase, Histogram]]) -> dict[Phase, Quantiles]:
    return {phase: _quantiles(histograms[phase] for histograms in seen) for phase in PHASES}


class _Slice:
    def __init__(self) -> None:
        self.providers: dict[str, dict[Phase, Histogram]] = {}

    def of(self, provider: str) -> dict[Phase, Histogram]:
        histograms = self.providers.get(provider)
        if histograms is None:
            histograms = self.providers[provider] = {phase: Histogram() for phase in PHASES}
        return histograms


def _bucket(ms: int) -> int:
    if ms < _FINE:
        return max(ms, 0)
    exponent = ms.bit_length() - 4
    return min(_FINE * exponent + (ms >> exponent), _BUCKETS - 1)


def _middle(bucket: int) -> int:
    """The milliseconds that stand for a bucket."""
    if bucket < _FINE:
        return bucket
    exponent, step = divmod(bucket - _FINE, _FINE)
    return ((_FINE + step) << exponent) + ((1 << exponent) - 1) // 2


def _quantiles(histograms: Iterable[Histogram]) -> Quantiles:
    counts = [0] * _BUCKETS
    total_ms = 0
    for histogram in histograms:
        total_ms += histogram.total_ms
        counts = [one + another for one, another in zip(counts, histogram.counts, strict=True)]
    count = sum(counts)
    if not count:
        return Quantiles(0, 0, 0, 0, 0)
    return Quantiles(
        count=count,
        avg=round(total_ms / count),
        p50=_ranked(counts, ceil(count * 0.50)),
        p95=_ranked(counts, ceil(count * 0.95)),
        p99=_ranked(counts, ceil(count * 0.99)),
    )


def _ranked(counts: list[int], rank: int) -> int:
    for bucket, count in enumerate(counts):
        rank -= count
        if rank <= 0:
            return _middle(bucket)
    raise AssertionError("a rank is at most the count")
