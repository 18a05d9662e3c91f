"""What became of the requests to each combo, and of the attempts at its steps, since the process started."""

from collections.abc import Iterable
from typing import Final

import msgspec

from omniroute.ir.target import Target

_MAX_COMBOS: Final = 1_000
_MAX_STEPS: Final = 1_000


class StepTally(msgspec.Struct):
    """Attempts at one target. `waited_s` adds up over the successes: from sending to the first event.
    `last_used_at` is unix seconds."""

    target: Target
    requests: int = 0
    successes: int = 0
    failures: int = 0
    waited_s: float = 0.0
    last_status: int = 0
    last_used_at: float = 0.0


class ComboTally(msgspec.Struct):
    """Requests of clients, however many attempts each took. `fallbacks` are the attempts after the first ones,
    `waited_s` adds up over the successes: what clients waited for providers before the first event. A request
    whose client left is neither a success nor a failure."""

    requests: int = 0
    successes: int = 0
    failures: int = 0
    fallbacks: int = 0
    waited_s: float = 0.0
    last_used_at: float = 0.0
    steps: dict[str, StepTally] = {}


class StepAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of a request: at the leaf `key`, with this status, 200 for a good one."""

    key: str
    target: Target
    status: int
    took_s: float


class ComboMetrics:
    """By combo name, steps by leaf key. In memory; of too many, those that were used longest ago are dropped."""

    def __init__(self) -> None:
        self._tallies: dict[str, ComboTally] = {}

    def ended(
        self, combo: str, attempts: Iterable[StepAttempt], *, good: bool, left: bool, waited_s: float, at: float
    ) -> None:
        """A request ended at `at` (unix seconds). `left`: its client did not wait for it."""
        tally = self._tallies.pop(combo, None)
        if tally is None:
            if len(self._tallies) >= _MAX_COMBOS:
                del self._tallies[next(iter(self._tallies))]
            tally = ComboTally()
        self._tallies[combo] = tally  # the newest is last
        tally.requests += 1
        tally.last_used_at = at
        if good:
            tally.successes += 1
            tally.waited_s += waited_s
        elif not left:
            tally.failures += 1
        for number, attempt in enumerate(attempts):
            tally.fallbacks += number > 0
            _count(tally.steps, attempt, at)

    def every(self) -> dict[str, ComboTally]:
        """Those used most recently last."""
        return dict(self._tallies)

    def forget(self, combo: str | None = None) -> None:
        """Begins anew with this combo, or with all."""
        if combo is None:
            self._tallies.clear()
        else:
            self._tallies.pop(combo, None)


def _count(steps: dict[str, StepTally], attempt: StepAttempt, at: float) -> None:
    step = steps.get(attempt.key)
    if step is None:
        if len(steps) >= _MAX_STEPS:
            del steps[min(steps, key=lambda key: steps[key].last_used_at)]
        step = steps[attempt.key] = StepTally(target=attempt.target)
    step.target = attempt.target
    step.requests += 1
    step.last_status = attempt.status
    step.last_used_at = at
    if attempt.status == 200:
        step.successes += 1
        step.waited_s += attempt.took_s
    else:
        step.failures += 1
