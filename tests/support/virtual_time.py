"""An event loop whose clock leaps to the next timer when nothing else is left to do: hours take no time."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Leaping(selectors.SelectSelector):
    """Where a loop would wait for sockets, it moves the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise AssertionError("everything waits, and no timer is left that could end it")
        if not ready and timeout:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` begins at 1000 s."""

    def __init__(self) -> None:
        self._leaping = Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        return self._leaping.now


class VirtualClock:
    """The clock of the running virtual loop, as the gateway wants it; both of its times are the loop's."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    monotonic = now


def virtually(main: Coroutine[Any, Any, T]) -> T:
    """What `main` returns, on a loop of its own; all that it left behind must have ended."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
