"""The course of a visit over its candidates: performs what the engine asks for and tells it what came of it."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar, assert_never

from omniroute.clock import Clock
from omniroute.ir.failure import Failure
from omniroute.pipeline.deadline import NEVER, too_late, too_slow
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.metering import no_room, wish
from omniroute.pipeline.rests import rest_over, with_end_of_rest
from omniroute.pipeline.spending import BodyFor, afford
from omniroute.pipeline.trial import Missed, Trials, combo_of
from omniroute.pipeline.visit import Visit
from omniroute.routing.candidate import Candidate
from omniroute.routing.engine import Attempt, Done, Full, GiveUp, Pause, Route, Step
from omniroute.routing.retries import price
from omniroute.traffic.accounts import Accounts
from omniroute.traffic.gate import Closed, Entry
from omniroute.traffic.line import Crowded, News, Wish
from omniroute.traffic.pulse import Pulse
from omniroute.traffic.resting import Resting

_T = TypeVar("_T")


class _Way:
    """How far a visit has come. `wish` is what it wants of accounts with bounds, from the first one it meets, and
    `entry` what one of them has given for the attempt that is next; `waits` counts the rests it waited for."""

    __slots__ = ("body", "entry", "route", "visit", "waits", "wish")

    def __init__(self, visit: Visit, route: Route, body: BodyFor | None) -> None:
        self.visit = visit
        self.route = route
        self.body = body
        self.wish: Wish | None = None
        self.entry: Entry | None = None
        self.waits = 0

    def withdraw(self) -> None:
        """The attempt that is next will not be made."""
        if self.entry is not None:
            self.entry.withdraw()
            self.entry = self.visit.metered = None


class Course:
    """An account that takes only so many requests, at a time or in a minute, is passed over while it takes none;
    when no other is left, it is waited for. So is one that rests, if the rules say so."""

    def __init__(self, resting: Resting, pulse: Pulse, accounts: Accounts, ledger: Ledger, clock: Clock) -> None:
        self._resting = resting
        self._pulse = pulse
        self._accounts = accounts
        self._clock = clock
        self._trials = Trials(resting, pulse, accounts, ledger, clock)

    async def first_good(
        self,
        visit: Visit,
        route: Route,
        attempt: Callable[[], Awaitable[_T | Failure]],
        body: BodyFor | None = None,
    ) -> _T | Failure:
        """The first result that is no failure, or the failure that the caller is to be told. `attempt` tries
        `visit.candidate`; `body` is what a hard budget weighs."""
        way = _Way(visit, route, body)
        step = route.start(self._clock.monotonic())
        while True:
            if route.exclusions:
                visit.exclusions = tuple(route.exclusions)
            match step:
                case Attempt():
                    instead = await self._hindered(way, step.candidate)
                    if instead is not None:
                        step = instead
                        continue
                    entry, way.entry = way.entry, None
                    result = await self._trials.of(visit, route, step, attempt, entry)
                    if not isinstance(result, Missed):
                        if route.exclusions:
                            visit.exclusions = tuple(route.exclusions)
                        return result
                    step = self._sensible(way, result.step)
                case Pause():
                    await asyncio.sleep(step.seconds)
                    step = route.resumed(self._clock.monotonic())
                case Full():
                    step = await self._let_in(way, step)
                case GiveUp():
                    if not await rest_over(visit, route, self._resting, self._clock, way.waits):
                        return with_end_of_rest(step.failure, route, self._clock.monotonic())
                    way.waits += 1
                    way.wish = None
                    step = route.again(self._clock.monotonic())
                case Done():
                    raise AssertionError("only a result ends a route well")
                case _:
                    assert_never(step)

    async def _hindered(self, way: _Way, candidate: Candidate) -> Step | None:
        """What follows in place of an attempt at `candidate`; None when nothing stands in its way."""
        visit, route = way.visit, way.route
        if visit.deadline != NEVER and (short := self._short_of_time(visit, candidate)) is not None:
            way.withdraw()
            return route.leave_out(short)
        if visit.purse is not None and (short := await afford(visit, candidate, way.body)) is not None:
            way.withdraw()
            return route.pass_over(short)
        if candidate.account.bounds and way.entry is None:
            if way.wish is None:
                way.wish = wish(visit)
            entry = self._accounts.line.enter(candidate.account, way.wish)
            if isinstance(entry, Closed):
                return route.defer(entry.reason)
            way.entry = visit.metered = entry
        return None

    def _short_of_time(self, visit: Visit, candidate: Candidate) -> Failure | None:
        """Why an attempt there could not end before the request's deadline; None when it well may."""
        now = self._clock.monotonic()
        usual_s = self._pulse.waits.median_s(candidate.target, now, stream=visit.stream)
        left_s = visit.deadline - now
        return too_slow(candidate.target, usual_s, left_s) if usual_s is not None and usual_s > left_s else None

    def _sensible(self, way: _Way, step: Step) -> Step:
        """What follows a failure, unless it had better not be done."""
        if not isinstance(step, (Attempt, Full, Pause)):
            return step
        visit, route, now = way.visit, way.route, self._clock.monotonic()
        if isinstance(step, Pause) and too_late(visit.deadline - now - step.seconds):
            instead = route.unwaited()
            if not isinstance(instead, (Attempt, Full)):
                return instead
            step = instead
        if too_late(visit.deadline - now):
            return route.halt(step, "not tried: too little of the request's deadline was left")
        failed = visit.tried[-1]
        following = step.candidates[0] if isinstance(step, Full) else step.candidate
        cost = price(failed.failure, failed.candidate, following)
        if cost:
            empty = self._pulse.retries.spend(combo_of(visit), failed.candidate.target.provider, cost, now)
            if empty is not None:
                return route.halt(step, f"not tried: the retry budget of {empty} is used up")
        return step

    async def _let_in(self, way: _Way, step: Full) -> Step:
        """What follows a wait for one of the accounts, and what it gave for it."""
        visit, route, wanted = way.visit, way.route, way.wish
        assert wanted is not None, "only accounts with bounds are deferred"
        accounts = [candidate.account for candidate in step.candidates]
        rest_s = route.first_rest_s(self._clock.monotonic())
        told = await self._accounts.line.wait(accounts, wanted, news_in_s=math.inf if rest_s is None else rest_s)
        now = self._clock.monotonic()
        if isinstance(told, Crowded):
            return route.give_up(no_room(step, told))
        if isinstance(told, News):
            return route.reconsider(now)
        following = route.resume(told.account_id, now, waited_s=now - wanted.since)
        if isinstance(following, Attempt) and following.candidate.account.id == told.account_id:
            way.entry = visit.metered = told
        else:
            told.withdraw()
        return following
