"""How long targets usually take to begin a good answer: of each the last few waits, streams and others apart."""

from collections import deque
from math import ceil
from typing import Final, TypeAlias

from omniroute.ir.target import Target

_KEPT: Final = 32
_ENOUGH: Final = 4
"""With fewer waits than this nothing is usual yet."""
_EACH: Final = 8
"""From so many waits on, only every eighth is worth sorting for."""
_STALE_S: Final = 600.0
"""A median that is older than this keeps nobody from trying."""
_MARGIN: Final = 3.0
_MAX_TARGETS: Final = 10_000

_Key: TypeAlias = tuple[str, str, bool]


class _Waits:
    __slots__ = ("at", "count", "last", "median_s", "p95_s")

    def __init__(self) -> None:
        self.last: deque[float] = deque(maxlen=_KEPT)
        self.count = 0
        self.at = 0.0
        self.median_s = 0.0
        self.p95_s = 0.0


class Waits:
    """Seconds from the start of a good attempt to its first event that said something; of what is no stream, to
    its end. In memory; one event loop. `now` is monotonic."""

    def __init__(self) -> None:
        self._known: dict[_Key, _Waits] = {}

    def note(self, target: Target, took_s: float, now: float, *, stream: bool) -> None:
        """A good attempt took so long to begin."""
        key = (target.provider, target.model, stream)
        waits = self._known.get(key)
        if waits is None:
            if len(self._known) >= _MAX_TARGETS:
                self._known.clear()
            waits = self._known[key] = _Waits()
        waits.last.append(took_s)
        waits.count += 1
        waits.at = now
        if waits.count <= _EACH or waits.count % _EACH == 0:
            ranked = sorted(waits.last)
            waits.median_s = ranked[(len(ranked) - 1) // 2]
            waits.p95_s = ranked[ceil(0.95 * len(ranked)) - 1]

    def median_s(self, target: Target, now: float, *, stream: bool) -> float | None:
        """Half of the last ones took no longer; None where too little is known, or nothing of late."""
        waits = self._known.get((target.provider, target.model, stream))
        if waits is None or waits.count < _ENOUGH or now - waits.at > _STALE_S:
            return None
        return waits.median_s

    def late_s(self, target: Target) -> float:
        """A stream may take so long to begin without anything being wrong: three times what one in twenty takes. 0
        where too little is known."""
        waits = self._known.get((target.provider, target.model, True))
        return 0.0 if waits is None or waits.count < _ENOUGH else _MARGIN * waits.p95_s
