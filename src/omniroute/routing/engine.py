"""The course of one request over its candidates: a sans-IO state machine.

    route = Route(candidates, blocks, max_attempts=6)
    step = route.start(now)
    while isinstance(step, Attempt):
        outcome = ...try step.candidate...
        step = route.report(outcome, now)

The shell performs each `Attempt` and reports what came of it; the machine answers with the next one, with `Done`
or with `GiveUp`. An account that takes nothing now is passed over with `defer`; `Full` says that only such ones
are left; `resume` goes on with the first that takes the request, `reconsider` looks at all of them again. When it
gave up because all that is left rests for a limit, `wakes_at` says until when, and `again` goes on after that. It
is total: whatever is reported, it ends after at most `max_attempts` attempts. One counter covers all layers, and
nothing below retries on its own (but for a stale keep-alive connection, where no byte was answered)."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, assert_never

import msgspec

from omniroute.ir.failure import Failure, FailureKind
from omniroute.routing.actions import Action, Rules, wait_s
from omniroute.routing.blocks import Block, Blocks, active_block, blocks_of
from omniroute.routing.candidate import Candidate, Exclusion
from omniroute.routing.classify import ErrorClass, Verdict, classify
from omniroute.routing.lineup import Lineup


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """Try this now. `number` counts from 1 over the whole request."""

    number: int
    candidate: Candidate


class Full(msgspec.Struct, frozen=True, kw_only=True):
    """All that is left are accounts that take nothing now: wait for one of them."""

    candidates: tuple[Candidate, ...]


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """Wait so long, then `resumed` says what follows: the same candidate once more."""

    candidate: Candidate
    seconds: float


class GiveUp(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is left to try; `failure` is what the caller is told."""

    failure: Failure


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The last attempt succeeded."""


class Succeeded(msgspec.Struct, frozen=True, kw_only=True):
    """The provider's first event was good."""


_TERMINAL: Final[Mapping[ErrorClass, tuple[FailureKind, int]]] = {
    "auth_invalid": ("authentication", 401),
    "credits": ("payment", 402),
    "account_dead": ("permission", 403),
}
"""How a caller is told that nobody can be asked."""

COOLDOWN: Final = "model_cooldown"
"""The code of a refusal because everybody rests."""

Outcome: TypeAlias = Succeeded | Failure
Step: TypeAlias = Attempt | Done | Full | Pause | GiveUp


class Route:
    """State: what is left to try, what was tried, why others were left out."""

    __slots__ = (
        "_asleep",
        "_blocks",
        "_current",
        "_fills",
        "_full",
        "_left",
        "_limited",
        "_lineup",
        "_max_attempts",
        "_now",
        "_number",
        "_on",
        "_reached",
        "_reconsidered",
        "_repeated",
        "action",
        "exclusions",
        "failures",
        "verdict",
    )

    def __init__(
        self,
        candidates: Sequence[Candidate] | Lineup,
        blocks: Blocks,
        *,
        max_attempts: int,
        on: Rules | None = None,
        fills: bool = False,
    ) -> None:
        """With `fills`, accounts that take nothing now are waited for before the next target of a lineup."""
        self._lineup = candidates if isinstance(candidates, Lineup) else None
        self._reached = 0
        self._reconsidered = False
        self._left = list(candidates) if self._lineup is None else []
        self._full: list[Candidate] = []
        self._asleep: list[tuple[Candidate, Block]] = []
        self._limited: list[Candidate] = []
        self._now = 0.0
        self._number = 0
        self._blocks = blocks
        self._max_attempts = max_attempts
        self._current: Attempt | None = None
        self._on = on
        self._fills = fills
        self._repeated: tuple[Candidate, ...] = ()
        self.action: Action | None = None
        """What the combo's own rules made of the last reported failure."""
        self.exclusions: list[Exclusion] = []
        self.failures: list[Failure] = []
        self.verdict: Verdict | None = None
        """What the last reported failure means for the account that was tried."""

    def start(self, now: float) -> Step:
        """The first attempt, or the reason why there is none."""
        self._now = now
        return self._next()

    def report(self, outcome: Outcome, now: float) -> Step:
        """What to do after `outcome` of the current attempt."""
        assert self._current is not None, "report() before start()"
        if isinstance(outcome, Succeeded):
            self.verdict = None
            return Done()
        self._now = now
        candidate = self._current.candidate
        account = candidate.account
        self.failures.append(outcome)
        self.verdict = verdict = classify(outcome, local=account.category == "local", renewable=account.renewable)
        if self._on:
            self.action = self._on.get(verdict.error)
            if self.action is not None:
                return self._follow(self.action, candidate, outcome)
        if verdict.remedy == "nowhere":
            return GiveUp(failure=outcome)
        if verdict.remedy == "another model":
            self._skip(candidate)
        elif verdict.error == "rate_limit":
            self._limited.append(candidate)
        return self._next()

    def resumed(self, now: float) -> Step:
        """The pause is over."""
        assert self._current is not None, "resumed() before start()"
        self._now = now
        return self._again(self._current.candidate)

    def unwaited(self) -> Step:
        """The pause would take too long: what follows without it."""
        return self._next()

    def defer(self, reason: str) -> Attempt | Full:
        """The account of the current attempt takes nothing now, for `reason`: nothing was sent, and the next one
        follows."""
        assert self._current is not None, "defer() before start()"
        candidate = self._current.candidate
        self._full.append(candidate)
        self._exclude(candidate, reason)
        self._number -= 1
        step = self._next()
        assert not isinstance(step, GiveUp), "there is at least the deferred one"
        return step

    def resume(self, account_id: str, now: float, *, waited_s: float = 0.0) -> Step:
        """This account takes the request now, if that is what follows: it may have been told to rest while others
        waited for it."""
        candidate = next(one for one in self._full if one.account.id == account_id)
        self.exclusions = [
            msgspec.structs.replace(one, reason=f"{one.reason}; its turn came after {waited_s:.1f} s")
            if one.candidate is candidate
            else one
            for one in self.exclusions
        ]
        self._full.remove(candidate)
        self._now = now
        self._left.insert(0, candidate)
        return self._next()

    def reconsider(self, now: float) -> Step:
        """Things have changed while it was waited for those that were deferred: they are looked at again, and
        after them those that rested without having been tried."""
        self._now = now
        asleep = [candidate for candidate, _ in self._asleep]
        self._left = [*self._full, *asleep]
        self._full, self._asleep = [], []
        self._limited = [one for one in self._limited if not any(one is other for other in asleep)]
        self._reconsidered = True
        return self._next()

    def first_rest_s(self, now: float) -> float | None:
        """In how many seconds the first rest ends of those that were not tried; None when nobody rests."""
        return min((max(0.0, block.open_at - now) for _, block in self._asleep), default=None)

    def wakes_at(self, now: float, *, probed_only: bool = False) -> float | None:
        """After it gave up: when the first account may be tried again, where all that stands in the way are limits
        that end; None when waiting is of no use. A time that has passed means at once. `probed_only` looks at
        those where another request is seeing whether their rest is over."""
        if self._number >= self._max_attempts or not self._limited:
            return None
        if any(failure.kind != "rate_limit" for failure in self.failures):
            return None
        ends = [self._ends(candidate) for candidate in self._limited]
        return min((end[1] for end in ends if end[0] <= now or not probed_only), default=None)

    def said_now(self, now: float) -> Failure:
        """What the caller is told at `now`, some time after it gave up: rests may have become longer meanwhile."""
        self._now = now
        self._asleep = [(one, active_block(self._blocks, one, now) or block) for one, block in self._asleep]
        return self._last_word()

    def rests_until(self) -> float | None:
        """The end of the first rest, of those that rest for a limit."""
        return min((self._ends(candidate)[1] for candidate in self._limited), default=None)

    @property
    def providers_limited(self) -> frozenset[str]:
        """Where those are that rest for a limit."""
        return frozenset(candidate.target.provider for candidate in self._limited)

    def again(self, now: float) -> Step:
        """What follows once an account may be tried again."""
        self._now = now
        self._left = self._limited
        self._limited = []
        self._asleep = []
        self.failures = []
        return self._next()

    @property
    def targets_left(self) -> int:
        """How many targets may still be tried, with that of the current attempt."""
        assert self._current is not None, "targets_left before start()"
        ahead = 0 if self._lineup is None else len(self._lineup) - self._reached
        if not (ahead or self._left or self._full):
            return 1
        left = {candidate.target for candidate in (self._current.candidate, *self._left, *self._full)}
        return min(len(left) + ahead, self._max_attempts - self._number + 1)

    def halt(self, step: Attempt | Full | Pause, reason: str) -> GiveUp:
        """`step` is not taken, for `reason`, and nothing else is: the caller is told what has failed already."""
        following = step.candidates[0] if isinstance(step, Full) else step.candidate
        self.exclusions.append(Exclusion(candidate=following, reason=reason))
        self._limited = []
        return GiveUp(failure=self._last_word())

    def pass_over(self, failure: Failure) -> Step:
        """The candidate of the current attempt may not be tried, which `failure` says: nothing was sent, and the
        next one follows."""
        assert self._current is not None, "pass_over() before start()"
        self.exclusions.append(
            Exclusion(candidate=self._current.candidate, reason=f"not tried: {failure.message}")
        )
        self.failures.append(failure)
        self._number -= 1
        return self._next()

    def leave_out(self, failure: Failure) -> Step:
        """As `pass_over`, but the caller is told what has failed already, where anything has."""
        assert self._current is not None, "leave_out() before start()"
        self.exclusions.append(
            Exclusion(candidate=self._current.candidate, reason=f"not tried: {failure.message}")
        )
        self.failures.insert(0, failure)
        self._number -= 1
        return self._next()

    def give_up(self, failure: Failure) -> Step:
        """No place was to be had in time."""
        self.failures.append(failure)
        if self._fills and self._lineup is not None and self._reached < len(self._lineup):
            self._full = []
            return self._next()
        self._limited = []
        return GiveUp(failure=self._last_word())

    def _next(self) -> Attempt | Full | GiveUp:
        if self._number < self._max_attempts:
            while self._left or (not (self._fills and self._full) and self._reach()):
                candidate = self._left.pop(0)
                if self._blocks:
                    block = active_block(self._blocks, candidate, self._now)
                    if block is not None:
                        self._pass_over(candidate, block)
                        continue
                return self._try(candidate)
            if self._full:
                return Full(candidates=tuple(self._full))
            if self._asleep:
                hopeful = self._hopeful()
                if hopeful is not None:
                    return self._try(hopeful)
        return GiveUp(failure=self._last_word())

    def _try(self, candidate: Candidate) -> Attempt:
        self._number += 1
        self._current = Attempt(number=self._number, candidate=candidate)
        return self._current

    def _follow(self, action: Action, failed: Candidate, failure: Failure) -> Step:
        match action:
            case "return":
                self._limited = []
                return GiveUp(failure=failure)
            case "same":
                if failed not in self._repeated:
                    return self._again(failed)
            case "wait":
                seconds = wait_s(failure)
                if failed not in self._repeated and seconds is not None and self._number < self._max_attempts:
                    return Pause(candidate=failed, seconds=seconds)
            case "sibling":
                while self._reach():
                    pass
                self._left.sort(key=lambda one: not _is_sibling(one, failed))
            case "next":
                pass
            case _:
                assert_never(action)
        if failure.kind == "rate_limit":
            self._limited.append(failed)
        return self._next()

    def _again(self, candidate: Candidate) -> Step:
        """Once more, although it may be told to rest: that is what the rule says."""
        self._repeated = (*self._repeated, candidate)
        return self._try(candidate) if self._number < self._max_attempts else self._next()

    def _skip(self, failed: Candidate) -> None:
        """Another account of the same model would fail alike."""
        self._left = [one for one in self._left if one.target != failed.target]
        self._full = [one for one in self._full if one.target != failed.target]
        self._asleep = [pair for pair in self._asleep if pair[0].target != failed.target]

    def _reach(self) -> bool:
        """The accounts of the next target of the lineup are left, too; False when there is none."""
        if self._lineup is None or self._reached == len(self._lineup):
            return False
        self._left += self._lineup.at(self._reached)
        self._reached += 1
        return True

    def _pass_over(self, candidate: Candidate, block: Block) -> None:
        self._asleep.append((candidate, block))
        if block.error == "rate_limit" or block.until <= self._now:
            self._limited.append(candidate)
        self._exclude(candidate, _reason(block, self._now))

    def _exclude(self, candidate: Candidate, reason: str) -> None:
        if self._reconsidered:  # it may have been left out before, for a reason that is not the present one
            self.exclusions = [one for one in self.exclusions if one.candidate is not candidate]
        self.exclusions.append(Exclusion(candidate=candidate, reason=reason))

    def _hopeful(self) -> Candidate | None:
        """When all that is left rests, those whose trouble may be over are tried all the same, soonest first: a
        wrong guess costs one call, a refusal costs the user the answer. A `firm` block is respected."""
        hopeful = [pair for pair in self._asleep if not pair[1].firm]
        if not hopeful:
            return None
        pair = min(hopeful, key=lambda one: one[1].until)
        self._asleep.remove(pair)
        candidate = pair[0]
        self.exclusions = [one for one in self.exclusions if one.candidate is not candidate]
        return candidate

    def _ends(self, candidate: Candidate) -> tuple[float, float]:
        """The end of its rest, and when it may be tried, which is later while somebody else tries."""
        held = [(block.until, block.open_at) for _, block in blocks_of(self._blocks, candidate)]
        return max(held, key=lambda one: one[1], default=(0.0, 0.0))

    def _last_word(self) -> Failure:
        """The failure that helps the caller most: of limits the one that ends soonest, else the last one."""
        asleep = [_still_resting(block, self._now, candidate) for candidate, block in self._asleep]
        assert self.failures or asleep, "a route needs at least one candidate"
        if all(failure.kind == "rate_limit" for failure in self.failures):
            limits = [failure for failure in (*self.failures, *asleep) if failure.kind == "rate_limit"]
            if limits:
                return min(limits, key=lambda failure: failure.retry_after or 0.0)
        return self.failures[-1] if self.failures else asleep[-1]


def _is_sibling(one: Candidate, failed: Candidate) -> bool:
    return one.target.provider == failed.target.provider and one.target.model != failed.target.model


def _reason(block: Block, now: float) -> str:
    said = f"{block.error}: {block.failure.message}"
    if block.terminal:
        return f"out of use after {said}"
    if block.until <= now:
        return f"another request is seeing whether its rest is over, after {said}"
    return f"resting for {block.until - now:.0f} s after {said}"


def _still_resting(block: Block, now: float, candidate: Candidate) -> Failure:
    target = f"{candidate.target.provider}/{candidate.target.model}"
    if block.terminal:
        kind, status = _TERMINAL.get(block.error, ("permission", 403))
        return Failure(
            kind=kind,
            status=status,
            code="account_unusable",
            message=(
                f"every account for {target} is out of use until somebody sees to it: {block.failure.message}"
                " (`omniroute blocks` lists them; edit or test the connection, or lift the block)"
            ),
        )
    seconds = max(1, round(block.open_at - now + 0.5))
    return Failure(
        kind="rate_limit",
        status=429,
        code=COOLDOWN,
        message=(
            f"every account for {target} is resting after a rate limit"
            f" (reset after {seconds}s): {block.failure.message}"
        ),
        retry_after=float(seconds),
    )
