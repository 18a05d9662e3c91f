"""Replies that may be asked for again by the name of their request, for a moment after their end."""

from collections import OrderedDict
from typing import Final, NamedTuple

from omniroute.caching.tape import Tape
from omniroute.clock import Clock

_ENTRIES: Final = 10_000
_BYTES: Final = 64 * 1024 * 1024
"""What is remembered at most; the oldest replies leave first."""


class Remembered(NamedTuple):
    """`until` is monotonic seconds."""

    tape: Tape
    until: float


class Window:
    """`length_s` is how long a reply is remembered; 0 is not at all. `replayed` counts what was given again."""

    def __init__(self, clock: Clock, *, length_s: float) -> None:
        self.length_s = length_s
        self.replayed = 0
        self._clock = clock
        self._replies: OrderedDict[bytes, Remembered] = OrderedDict()
        self._size = 0

    @property
    def active(self) -> int:
        """How many names are remembered now. May be asked from any thread."""
        now = self._clock.monotonic()
        return sum(one.until > now for one in tuple(self._replies.values()))

    def find(self, name: bytes) -> Remembered | None:
        self._tidy()
        return self._replies.get(name)

    def keep(self, name: bytes, tape: Tape) -> None:
        self._replies[name] = Remembered(tape, self._clock.monotonic() + self.length_s)
        self._size += tape.size
        self._tidy()

    def clear(self) -> None:
        """May be called from any thread."""
        self._replies.clear()
        self._size = 0

    def _tidy(self) -> None:
        now = self._clock.monotonic()
        while self._replies:
            name, oldest = next(iter(self._replies.items()))  # they are in the order of their time
            if oldest.until > now and len(self._replies) <= _ENTRIES and self._size <= _BYTES:
                return
            self._replies.pop(name, None)
            self._size -= oldest.tape.size
