"""The course of one request over its candidates: a sans-IO state machine.

    route = Route(candidates, blocks, max_attempts=6)
    step = route.start(now)
    while isinstance(step, Attempt):
        outcome = ...try step.candidate...
        step = route.report(outcome, now)

The shell performs each `Attempt` and reports what came of it; the machine answers with the next one, with
`Done` or with `GiveUp`. It is total: whatever is reported, it ends after at most `max_attempts` attempts. One
counter covers all layers, and nothing below retries on its own (but for a stale keep-alive connection, where
no byte was answered).
"""

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from omniroute.ir.failure import Failure
from omniroute.routing.blocks import Block, Blocks, active_block
from omniroute.routing.candidate import Candidate, Exclusion
from omniroute.routing.classify import Verdict, classify


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """Try this now. `number` counts from 1 over the whole request."""

    number: int
    candidate: Candidate


class GiveUp(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is left to try; `failure` is what the caller is told."""

    failure: Failure


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The last attempt succeeded."""


class Succeeded(msgspec.Struct, frozen=True, kw_only=True):
    """The provider's first event was good."""


Outcome: TypeAlias = Succeeded | Failure
Step: TypeAlias = Attempt | Done | GiveUp


class Route:
    """State: what is left to try, what was tried, why others were left out."""

    __slots__ = ("_blocks", "_current", "_left", "_max_attempts", "exclusions", "failures", "verdict")

    def __init__(self, candidates: Sequence[Candidate], blocks: Blocks, *, max_attempts: int) -> None:
        self._left = list(candidates)
        self._blocks = blocks
        self._max_attempts = max_attempts
        self._current: Attempt | None = None
        self.exclusions: list[Exclusion] = []
        self.failures: list[Failure] = []
        self.verdict: Verdict | None = None
        """What the last reported failure means for the account that was tried."""

    def start(self, now: float) -> Attempt | GiveUp:
        """The first attempt, or the reason why there is none."""
        if self._blocks:
            self._exclude_blocked(now)
        return self._next()

    def report(self, outcome: Outcome, now: float) -> Step:
        """What to do after `outcome` of the current attempt."""
        assert self._current is not None, "report() before start()"
        if isinstance(outcome, Succeeded):
            self.verdict = None
            return Done()
        self.failures.append(outcome)
        self.verdict = classify(outcome)
        if not self.verdict.elsewhere:
            return GiveUp(failure=outcome)
        return self._next()

    def _next(self) -> Attempt | GiveUp:
        number = 1 if self._current is None else self._current.number + 1
        if not self._left or number > self._max_attempts:
            assert self.failures, "a route needs at least one candidate"
            return GiveUp(failure=self._last_word())
        self._current = Attempt(number=number, candidate=self._left.pop(0))
        return self._current

    def _exclude_blocked(self, now: float) -> None:
        """Resting accounts are left out. When all are resting, those whose trouble may be over are tried all the
        same, soonest first: a wrong guess costs one call, a refusal costs the user the answer. Rate limits with
        a known end are respected."""
        free: list[Candidate] = []
        resting: list[tuple[Block, Candidate]] = []
        for candidate in self._left:
            block = active_block(self._blocks, candidate.account, now)
            if block is None:
                free.append(candidate)
            else:
                resting.append((block, candidate))
        if not free and resting:
            resting.sort(key=lambda pair: pair[0].until)
            free = [candidate for block, candidate in resting if block.failure.kind != "rate_limit"]
            resting = [pair for pair in resting if pair[0].failure.kind == "rate_limit"]
        for block, candidate in resting:
            left_s = block.until - now
            self.exclusions.append(
                Exclusion(
                    candidate=candidate,
                    reason=f"resting for {left_s:.0f} s after {block.failure.kind}: {block.failure.message}",
                )
            )
            if not free:
                self.failures.append(_still_resting(block, left_s, candidate))
        self._left = free

    def _last_word(self) -> Failure:
        """The failure that helps the caller most: of rate limits the one that ends soonest, else the last one."""
        limits = [failure for failure in self.failures if failure.kind == "rate_limit"]
        if len(limits) == len(self.failures):
            return min(limits, key=lambda failure: failure.retry_after or 0.0)
        return self.failures[-1]


def _still_resting(block: Block, left_s: float, candidate: Candidate) -> Failure:
    seconds = max(1, round(left_s + 0.5))
    return Failure(
        kind="rate_limit",
        status=429,
        code="model_cooldown",
        message=(
            f"every account for {candidate.target.provider}/{candidate.target.model} is resting after a rate limit"
            f" (reset after {seconds}s): {block.failure.message}"
        ),
        retry_after=float(seconds),
    )
