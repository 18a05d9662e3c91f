"""A deadline that moves with every piece of a stream, for the price of a comparison."""

import asyncio
import math
from collections.abc import Callable


class Alarm:
    """Calls `ring` when the loop's time reaches `at`. Moving `at` later touches no timer: the one that is set
    goes off early, sees that it is too early, and is set again."""

    __slots__ = ("_loop", "_ring", "_set_for", "_timer", "at")

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None
        self._set_for = math.inf
        self.at = math.inf

    def move(self, at: float) -> None:
        """To another time of the loop; infinity is never."""
        self.at = at
        if at < self._set_for:
            self.drop()
            self._set_for = at
            self._timer = self._loop.call_at(at, self._go_off)

    def drop(self) -> None:
        """Leaves no timer behind."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._set_for = None, math.inf

    def _go_off(self) -> None:
        self._timer, self._set_for = None, math.inf
        if self._loop.time() < self.at:
            self.move(self.at)
        else:
            self._ring()
