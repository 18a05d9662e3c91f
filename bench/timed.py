"""The least CPU time that something takes: whatever else the machine does can only add to it."""

import gc
import time
from collections.abc import Callable, Iterable

ROUNDS = 15
SAMPLES = 12
"""How often each thing is timed in a round."""

ENOUGH_S = 0.0003
"""What is quicker is repeated until it takes about this long; short samples find a quiet moment more often."""


class Timed:
    """Something to do, and the least time that it ever took, in microseconds for each of its `units`."""

    def __init__(
        self, work: Callable[[], object], units: int = 1, between: Callable[[], object] | None = None
    ) -> None:
        """`between` is done before each piece of work, and not counted."""
        self._work = work
        self._units = units
        self._between = between
        work()
        begun = time.process_time()
        work()
        self._times = max(1, round(ENOUGH_S / max(time.process_time() - begun, 1e-6)))
        self.us = float("inf")

    def again(self) -> None:
        for _ in range(SAMPLES if self.us * self._units < 2000 else 1):
            if self._between is not None:
                self.us = min(self.us, self._spent_apart(self._between) / self._units)
                continue
            begun = time.process_time()
            for _ in range(self._times):
                self._work()
            spent = time.process_time() - begun
            self.us = min(self.us, spent * 1e6 / self._times / self._units)

    def _spent_apart(self, between: Callable[[], object]) -> float:
        spent = 0.0
        for _ in range(self._times):
            between()
            begun = time.process_time()
            self._work()
            spent += time.process_time() - begun
        return spent * 1e6 / self._times


def take_turns(timed: Iterable[Timed], rounds: int = ROUNDS) -> None:
    """All of them, one after the other, several times over: a slow minute of the machine meets all alike."""
    # As the server does it once it has started.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    every = list(timed)
    for _ in range(rounds):
        for one in every:
            one.again()
