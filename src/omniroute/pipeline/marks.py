"""Writes down now and then how far long streams have come, so that a killed process leaves an account of them.

A stream costs an entry in a queue when it begins; its pieces cost nothing. One timer looks at the head of the
queue four times a second, as long as there are streams, and marks those whose time has come: so the work of many
streams is spread as their beginnings are.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from omniroute.clock import Clock
from omniroute.errors import GatewayError
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.visit import Visit

_LOOK_S: Final = 0.25
_EVERY_S: Final = 0.75
"""With the time between two looks, marks of a stream are at most a second apart."""


class Mark:
    """A stream that is marked until it is `over`."""

    __slots__ = ("due", "note", "visit")

    def __init__(self, visit: Visit, note: Callable[[], None] | None, due: float) -> None:
        self.visit: Visit | None = visit
        self.note = note
        self.due = due

    def over(self) -> None:
        """The stream has ended; what it held may go."""
        self.visit = None
        self.note = None


class Marks:
    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._queue: deque[Mark] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self, visit: Visit, note: Callable[[], None] | None) -> Mark:
        """From now on `visit` is marked. `note` makes it know what its stream has said of itself."""
        mark = Mark(visit, note, self._clock.monotonic() + _EVERY_S)
        self._queue.append(mark)
        if self._timer is None:
            self._look_later()
        return mark

    def look(self) -> None:
        """Marks the streams whose time has come."""
        now = self._clock.monotonic()
        queue = self._queue
        while queue and queue[0].due <= now:
            mark = queue.popleft()
            if mark.visit is None:
                continue
            if mark.note is not None:
                mark.note()
            try:
                self._ledger.progressed(mark.visit)
            except GatewayError:
                return  # the journal is full: what ends now matters more than how far something has come
            mark.due = now + _EVERY_S
            queue.append(mark)

    def _look_later(self) -> None:
        loop = self._loop = self._loop or asyncio.get_running_loop()  # once: asking is a system call
        self._timer = loop.call_later(_LOOK_S, self._tick)

    def _tick(self) -> None:
        self._timer = None
        try:
            self.look()
        finally:
            if self._queue:
                self._look_later()
