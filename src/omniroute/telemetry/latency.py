"""How long requests took lately, as quantiles: counts in buckets of growing width, in slices of time. Pure.

A duration falls into one of eight buckets per doubling, so that a quantile read from them is wrong by at most a
sixteenth. Durations below 8 ms have a bucket for each millisecond.
"""

from array import array
from math import ceil
from operator import add
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


class Histograms:
    """Counts of durations at one provider, for each phase."""

    __slots__ = ("counts", "total_ms")

    def __init__(self) -> None:
        self.counts: dict[Phase, array[int]] = {phase: array("I", bytes(4 * _BUCKETS)) for phase in PHASES}
        self.total_ms: dict[Phase, int] = dict.fromkeys(PHASES, 0)

    def add(self, other: "Histograms") -> None:
        for phase in PHASES:
            self.counts[phase] = array("I", map(add, self.counts[phase], other.counts[phase]))
            self.total_ms[phase] += other.total_ms[phase]


_Slice: TypeAlias = dict[str, Histograms]
"""By provider."""


class Latency:
    """What was seen in the last hour by the minute, and in the last seven days by the hour. Every `now` is
    monotonic seconds. A provider costs about 3 KiB for each of these minutes and hours in which it was asked.

    A request is counted in its minute only, which goes into its hour when the next minute begins.
    """

    def __init__(self) -> None:
        self._minutes: dict[int, _Slice] = {}
        self._hours: dict[int, _Slice] = {}
        self._minute = -1
        self._seen: _Slice = {}
        """That of the newest minute."""

    def record(self, provider: str, now: float, *, total: int, first_event: int, gateway: int) -> None:
        """One request at `provider` took so many milliseconds for each phase."""
        if now // _SLICE_S != self._minute:
            self._begin(int(now // _SLICE_S))
        seen = self._seen.get(provider)
        if seen is None:
            seen = self._seen[provider] = Histograms()
        counts, total_ms = seen.counts, seen.total_ms
        counts["total"][_bucket(total)] += 1
        counts["first_event"][_bucket(first_event)] += 1
        counts["gateway"][_bucket(gateway)] += 1
        total_ms["total"] += total
        total_ms["first_event"] += first_event
        total_ms["gateway"] += gateway

    def of(self, window_s: float, now: float) -> dict[str, dict[Phase, Quantiles]]:
        """By provider, and under the name `""` for all together. The window is widened to whole minutes, above an
        hour to whole hours."""
        long = window_s > _SLICE_S * (_SLICES - 1)
        slices, length = (self._hours, _LONG_S) if long else (self._minutes, _SLICE_S)
        first = int(now // length) - ceil(window_s / length) + 1
        seen = [slice_ for number, slice_ in slices.items() if number >= first]
        if long and _hour_of(self._minute) >= first:
            seen.append(self._seen)
        providers = sorted({provider for slice_ in seen for provider in slice_})
        found: dict[str, dict[Phase, Quantiles]] = {}
        for provider in providers:
            found[provider] = _of_each([slice_[provider] for slice_ in seen if provider in slice_])
        found[""] = _of_each([one for slice_ in seen for one in slice_.values()])
        return found

    def _begin(self, minute: int) -> None:
        if self._seen:
            hour = self._hours.setdefault(_hour_of(self._minute), {})
            for provider, seen in self._seen.items():
                hour.setdefault(provider, Histograms()).add(seen)
        self._minute = minute
        self._seen = self._minutes[minute] = {}
        for slices, kept in ((self._minutes, minute - _SLICES), (self._hours, _hour_of(minute) - _LONGS)):
            for old in [number for number in slices if number <= kept]:
                del slices[old]


def _hour_of(minute: int) -> int:
    return minute * _SLICE_S // _LONG_S


def _of_each(seen: list[Histograms]) -> dict[Phase, Quantiles]:
    return {phase: _quantiles(phase, seen) for phase in PHASES}


def _bucket(ms: int) -> int:
    if ms < _FINE:
        return ms if ms > 0 else 0
    exponent = ms.bit_length() - 4
    return min(_FINE * exponent + (ms >> exponent), _BUCKETS - 1)


def _middle(bucket: int) -> int:
    """The milliseconds that stand for a bucket."""
    if bucket < _FINE:
        return bucket
    exponent, step = divmod(bucket - _FINE, _FINE)
    return ((_FINE + step) << exponent) + ((1 << exponent) - 1) // 2


def _quantiles(phase: Phase, seen: list[Histograms]) -> Quantiles:
    counts = [0] * _BUCKETS
    total_ms = 0
    for histograms in seen:
        total_ms += histograms.total_ms[phase]
        counts = list(map(add, counts, histograms.counts[phase]))
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
