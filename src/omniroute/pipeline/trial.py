"""One attempt at one account: what it takes, and what everybody learns from its end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

from omniroute.clock import Clock
from omniroute.ir.failure import Failure
from omniroute.pipeline.deadline import NEVER, share_s
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.visit import Tried, Visit
from omniroute.routing.candidate import Candidate
from omniroute.routing.engine import Attempt, Done, Route, Step, Succeeded
from omniroute.traffic.accounts import Accounts, Seat
from omniroute.traffic.gate import Entry
from omniroute.traffic.pulse import Pulse
from omniroute.traffic.resting import Resting

_T = TypeVar("_T")


class Missed(NamedTuple):
    """It failed; `step` is what the route says follows."""

    step: Step


class _Begun(NamedTuple):
    """What an attempt holds while it runs. `binding` is the key under which its conversation is bound to an
    account of this provider."""

    candidate: Candidate
    at: float
    seen: int
    seat: Seat | None
    binding: str | None


class Trials:
    """Attempts end in the journal, in the table of resting accounts, and in the pulse of their target."""

    def __init__(self, resting: Resting, pulse: Pulse, accounts: Accounts, ledger: Ledger, clock: Clock) -> None:
        self._resting = resting
        self._pulse = pulse
        self._accounts = accounts
        self._ledger = ledger
        self._clock = clock

    async def of(
        self,
        visit: Visit,
        route: Route,
        step: Attempt,
        attempt: Callable[[], Awaitable[_T | Failure]],
        entry: Entry | None,
    ) -> _T | Missed:
        """What `attempt` gives, which tries `visit.candidate`. `entry` is what the account gave for it."""
        begun = self._begin(visit, step, entry)
        share = None if visit.deadline == NEVER else share_s(visit.deadline - begun.at, route.targets_left)
        try:
            result = await (attempt() if share is None else _within(share, attempt, begun.candidate))
        except BaseException:
            self._pulse.abandoned(begun.candidate.target)
            self._resting.left(begun.candidate)
            if begun.seat is not None:
                begun.seat.leave()
            raise
        now = self._clock.monotonic()
        visit.upstream_s += now - begun.at
        if isinstance(result, Failure):
            return Missed(self._failed(visit, route, begun, result, now))
        self._succeeded(visit, route, begun, now)
        return result

    def _begin(self, visit: Visit, step: Attempt, entry: Entry | None) -> _Begun:
        candidate = visit.candidate = step.candidate
        visit.attempts = step.number
        now = self._clock.monotonic()
        self._pulse.began(candidate.target, now)
        seen = self._resting.began(candidate, now)
        if step.number == 1:
            self._pulse.retries.first(combo_of(visit), candidate.target.provider, now)
        seat = self._accounts.seat(candidate.account, now, entry)
        binding = None if visit.chosen is None else visit.chosen.bindings.get(candidate.target.provider)
        if binding is not None:
            self._accounts.bindings.bind(binding, candidate.account.id, now)
        return _Begun(candidate, now, seen, seat, binding)

    def _failed(self, visit: Visit, route: Route, begun: _Begun, failure: Failure, now: float) -> Step:
        candidate, seat = begun.candidate, begun.seat
        step = route.report(failure, now)
        self._pulse.failed(candidate.target, failure, now, candidate.account.category)
        _learn(visit, self._pulse, good=False)
        rest_s = 0.0
        if route.verdict is not None:
            rest_s = self._resting.failed(candidate, route.verdict, failure, now, begun.seen)
            if route.verdict.elsewhere and seat is not None:
                seat.failed()
            if route.verdict.elsewhere and begun.binding is not None:
                self._accounts.bindings.loosen(begun.binding, candidate.account.id)
        if seat is not None:
            seat.leave()
        if candidate.account.bounds:
            self._give_back(visit, candidate, rest_s)
        took_s = now - begun.at
        tried = Tried(candidate=candidate, failure=failure, took_s=took_s, rest_s=rest_s, action=route.action)
        visit.tried = (*visit.tried, tried)
        self._ledger.attempted(visit, failure, took_s)
        return step

    def _give_back(self, visit: Visit, candidate: Candidate, rest_s: float) -> None:
        """It used no tokens of its minute, and who waits for an account that rests now may have others."""
        if visit.metered is not None:
            visit.metered.settle(0)
            visit.metered = None
        if rest_s:
            self._accounts.line.reroute(candidate.target.provider)

    def _succeeded(self, visit: Visit, route: Route, begun: _Begun, now: float) -> None:
        following = route.report(Succeeded(), now)
        assert isinstance(following, Done)
        target, took_s = begun.candidate.target, now - begun.at
        visit.begun = True
        visit.first_event_s = now - visit.exchange.started
        self._resting.succeeded(begun.candidate, now, begun.seen)
        self._pulse.succeeded(target, now, took_s)
        self._pulse.waits.note(target, took_s, now, stream=visit.stream)
        if begun.seat is not None:
            begun.seat.answered(took_s)
            visit.seat = begun.seat
        _learn(visit, self._pulse, good=True)
        self._ledger.attempted(visit, None, took_s)


def combo_of(visit: Visit) -> str | None:
    """The name of the combo that chose, if one did."""
    chosen = visit.chosen
    return None if chosen is None or chosen.combo is None else chosen.combo.name


async def _within(
    share: float, attempt: Callable[[], Awaitable[_T | Failure]], candidate: Candidate
) -> _T | Failure:
    """An attempt that leaves time for others."""
    try:
        async with asyncio.timeout(share):
            return await attempt()
    except TimeoutError:
        target = candidate.target
        return Failure(
            kind="timeout",
            status=504,
            code="target_timeout",
            message=(
                f"{target.provider}/{target.model} did not begin its answer within {share:.0f} s, its share of the"
                " request's deadline"
            ),
        )


def _learn(visit: Visit, pulse: Pulse, *, good: bool) -> None:
    """Which target of a combo answered last; forgotten as soon as it fails."""
    chosen = visit.chosen
    if chosen is None or chosen.combo is None:
        return
    name = chosen.combo.name
    key = next(key for key, candidate in chosen.placed() if candidate is visit.candidate)
    if good:
        pulse.last_good[name] = key
    elif pulse.last_good.get(name) == key:
        del pulse.last_good[name]
