"""The course of one request over its candidates: a sans-IO state machine.

    route = Route(candidates, blocks, max_attempts=6)
    step = route.start(now)
    while isinstance(step, Attempt):
        outcome = ...try step.candidate...
        step = route.report(outcome, now)

The shell performs each `Attempt` and reports what came of it; the machine answers with the next one, with
`Done` or with `GiveUp`. An account that has no place free is passed over with `defer`; `Full` says that only such
ones are left, and `resume` goes on with the first that has a place. It is total: whatever is reported, it ends
after at most `max_attempts` attempts. One counter covers all layers, and nothing below retries on its own (but for
a stale keep-alive connection, where no byte was answered).
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


class Full(msgspec.Struct, frozen=True, kw_only=True):
    """All that is left are accounts without a free place: wait for one of them."""

    candidates: tuple[Candidate, ...]


class GiveUp(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is left to try; `failure` is what the caller is told."""

    failure: Failure


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The last attempt succeeded."""


class Succeeded(msgspec.Struct, frozen=True, kw_only=True):
    """The provider's first event was good."""


Outcome: TypeAlias = Succeeded | Failure
Step: TypeAlias = Attempt | Done | Full | GiveUp


class Route:
    """State: what is left to try, what was tried, why others were left out."""

    __slots__ = (
        "_blocks",
        "_current",
        "_full",
        "_left",
        "_max_attempts",
        "_number",
        "exclusions",
        "failures",
        "verdict",
    )

    def __init__(self, candidates: Sequence[Candidate], blocks: Blocks, *, max_attempts: int) -> None:
        self._left = list(candidates)
        self._full: list[Candidate] = []
        self._number = 0
        self._blocks = blocks
        self._max_attempts = max_attempts
        self._current: Attempt | None = None
        self.exclusions: list[Exclusion] = []
        self.failures: list[Failure] = []
        self.verdict: Verdict | None = None
        """What the last reported failure means for the account that was tried."""

    def start(self, now: float) -> Step:
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

    def defer(self) -> Attempt | Full:
        """The account of the current attempt has no place free: nothing was sent, and the next one follows."""
        assert self._current is not None, "defer() before start()"
        candidate = self._current.candidate
        self._full.append(candidate)
        self.exclusions.append(
            Exclusion(
                candidate=candidate,
                reason=f"busy: all of its {candidate.account.max_concurrent} places are taken",
            )
        )
        self._number -= 1
        step = self._next()
        assert not isinstance(step, GiveUp), "there is at least the deferred one"
        return step

    def resume(self, account_id: str, now: float) -> Step:
        """There is a place at this account now, which the attempt takes, if that is what follows: the account may
        have been told to rest while others waited for it."""
        candidate = next(one for one in self._full if one.account.id == account_id)
        self._full.remove(candidate)
        block = active_block(self._blocks, candidate.account, now)
        if block is None:
            self._left.insert(0, candidate)
        else:
            self._exclude(candidate, block, block.until - now)
            self.failures.append(_still_resting(block, block.until - now, candidate))
        return self._next()

    def give_up(self, failure: Failure) -> GiveUp:
        """No place was to be had in time."""
        self.failures.append(failure)
        return GiveUp(failure=self._last_word())

    def _next(self) -> Attempt | Full | GiveUp:
        if self._number < self._max_attempts:
            if self._left:
                self._number += 1
                self._current = Attempt(number=self._number, candidate=self._left.pop(0))
                return self._current
            if self._full:
                return Full(candidates=tuple(self._full))
        assert self.failures, "a route needs at least one candidate"
        return GiveUp(failure=self._last_word())

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
            self._exclude(candidate, block, left_s)
            if not free:
                self.failures.append(_still_resting(block, left_s, candidate))
        self._left = free

    def _exclude(self, candidate: Candidate, block: Block, left_s: float) -> None:
        self.exclusions.append(
            Exclusion(
                candidate=candidate,
                reason=f"resting for {left_s:.0f} s after {block.failure.kind}: {block.failure.message}",
            )
        )

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
