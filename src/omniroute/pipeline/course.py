"""The course of a visit over its candidates: performs what the engine asks for and tells it what came of it."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from omniroute.clock import Clock
from omniroute.ir.failure import Failure
from omniroute.pipeline.deadline import NEVER, share_s, too_late, too_slow
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.metering import no_room, wish
from omniroute.pipeline.rests import rest_over, with_end_of_rest
from omniroute.pipeline.spending import BodyFor, afford
from omniroute.pipeline.visit import Tried, Visit
from omniroute.routing.candidate import Candidate
from omniroute.routing.engine import Attempt, Done, Full, GiveUp, Pause, Route, Step, Succeeded
from omniroute.routing.retries import price
from omniroute.traffic.accounts import Accounts
from omniroute.traffic.gate import Closed, Entry
from omniroute.traffic.line import Crowded, News, Wish
from omniroute.traffic.pulse import Pulse
from omniroute.traffic.resting import Resting

_T = TypeVar("_T")


class Course:
    """Attempts end in the journal, in the table of resting accounts, and in the pulse of their target. An account
    that takes only so many requests, at a time or in a minute, is passed over while it takes none; when no other
    is left, it is waited for."""

    def __init__(self, resting: Resting, pulse: Pulse, accounts: Accounts, ledger: Ledger, clock: Clock) -> None:
        self._resting = resting
        self._pulse = pulse
        self._accounts = accounts
        self._ledger = ledger
        self._clock = clock

    async def first_good(
        self,
        visit: Visit,
        route: Route,
        attempt: Callable[[], Awaitable[_T | Failure]],
        body: BodyFor | None = None,
    ) -> _T | Failure:
        """The first result that is no failure, or the failure that the caller is to be told. `attempt` tries
        `visit.candidate`; `body` is what a hard budget weighs."""
        step: Step = route.start(self._clock.monotonic())
        if route.exclusions:
            visit.exclusions = tuple(route.exclusions)
        entry: Entry | None = None
        wanted: Wish | None = None
        endless = visit.deadline == NEVER
        waits = 0
        while not isinstance(step, Done):
            if isinstance(step, GiveUp):
                if not await rest_over(visit, route, self._resting, self._clock, waits):
                    break
                waits += 1
                wanted = None
                step = route.again(self._clock.monotonic())
                continue
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
                step = route.resumed(self._clock.monotonic())
                continue
            if isinstance(step, Full):
                assert wanted is not None, "only accounts with bounds are deferred"
                step, entry = await self._let_in(visit, route, step, wanted)
                continue
            if not endless and (short := self._short_of_time(visit, step.candidate)) is not None:
                if entry is not None:
                    entry.withdraw()
                    entry = None
                step = route.leave_out(short)
                visit.exclusions = tuple(route.exclusions)
                continue
            if visit.purse is not None and (short := await afford(visit, step.candidate, body)) is not None:
                if entry is not None:
                    entry.withdraw()
                    entry = None
                step = route.pass_over(short)
                visit.exclusions = tuple(route.exclusions)
                continue
            account = step.candidate.account
            if account.bounds and entry is None:
                if wanted is None:
                    wanted = wish(visit)
                tried_entry = self._accounts.line.enter(account, wanted)
                if isinstance(tried_entry, Closed):
                    step = route.defer(tried_entry.reason)
                    visit.exclusions = tuple(route.exclusions)
                    continue
                entry = visit.metered = tried_entry
            candidate = step.candidate
            visit.candidate = candidate
            visit.attempts = step.number
            began = self._clock.monotonic()
            self._pulse.began(candidate.target, began)
            seen = self._resting.began(candidate, began)
            if step.number == 1:
                self._pulse.retries.first(_combo(visit), candidate.target.provider, began)
            seat = self._accounts.seat(account, began, entry)
            entry = None
            binding = None if visit.chosen is None else visit.chosen.bindings.get(candidate.target.provider)
            if binding is not None:
                self._accounts.bindings.bind(binding, account.id, began)
            share = None if endless else share_s(visit.deadline - began, route.targets_left)
            try:
                result = await (attempt() if share is None else _within(share, attempt, candidate))
            except BaseException:
                self._pulse.abandoned(candidate.target)
                self._resting.left(candidate)
                if seat is not None:
                    seat.leave()
                raise
            now = self._clock.monotonic()
            visit.upstream_s += now - began
            if isinstance(result, Failure):
                step = route.report(result, now)
                self._pulse.failed(candidate.target, result, now, account.category)
                _learn(visit, self._pulse, good=False)
                rest_s = 0.0
                if route.verdict is not None:
                    rest_s = self._resting.failed(candidate, route.verdict, result, now, seen)
                    if route.verdict.elsewhere and seat is not None:
                        seat.failed()
                    if route.verdict.elsewhere and binding is not None:
                        self._accounts.bindings.loosen(binding, account.id)
                if seat is not None:
                    seat.leave()
                if account.bounds:
                    self._given_back(visit, candidate, rest_s)
                tried = Tried(
                    candidate=candidate, failure=result, took_s=now - began, rest_s=rest_s, action=route.action
                )
                visit.tried = (*visit.tried, tried)
                self._ledger.attempted(visit, result, now - began)
                if isinstance(step, (Attempt, Full, Pause)):
                    step = self._sensible(visit, route, step, now)
                if route.exclusions:
                    visit.exclusions = tuple(route.exclusions)
            else:
                following = route.report(Succeeded(), now)
                assert isinstance(following, Done)
                visit.begun = True
                visit.first_event_s = now - visit.exchange.started
                self._resting.succeeded(candidate, now, seen)
                self._pulse.succeeded(candidate.target, now, now - began)
                self._pulse.waits.note(candidate.target, now - began, now, stream=visit.stream)
                if seat is not None:
                    seat.answered(now - began)
                    visit.seat = seat
                _learn(visit, self._pulse, good=True)
                self._ledger.attempted(visit, None, now - began)
                return result
        assert isinstance(step, GiveUp)
        return with_end_of_rest(step.failure, route, self._clock.monotonic())

    def _given_back(self, visit: Visit, candidate: Candidate, rest_s: float) -> None:
        """The attempt failed: it used no tokens, and who waits for an account that rests now may have others."""
        if visit.metered is not None:
            visit.metered.settle(0)
            visit.metered = None
        if rest_s:
            self._accounts.line.reroute(candidate.target.provider)

    def _short_of_time(self, visit: Visit, candidate: Candidate) -> Failure | None:
        """Why an attempt there could not end before the request's deadline; None when it well may."""
        now = self._clock.monotonic()
        usual_s = self._pulse.waits.median_s(candidate.target, now, stream=visit.stream)
        left_s = visit.deadline - now
        return too_slow(candidate.target, usual_s, left_s) if usual_s is not None and usual_s > left_s else None

    def _sensible(self, visit: Visit, route: Route, step: Attempt | Full | Pause, now: float) -> Step:
        """The next attempt, unless it had better not be made."""
        if isinstance(step, Pause) and too_late(visit.deadline - now - step.seconds):
            instead = route.unwaited()
            if not isinstance(instead, (Attempt, Full)):
                return instead
            step = instead
        if too_late(visit.deadline - now):
            return self._halt(visit, route, step, "not tried: too little of the request's deadline was left")
        failed = visit.tried[-1]
        following = step.candidates[0] if isinstance(step, Full) else step.candidate
        cost = price(failed.failure, failed.candidate, following)
        if cost:
            empty = self._pulse.retries.spend(_combo(visit), failed.candidate.target.provider, cost, now)
            if empty is not None:
                return self._halt(visit, route, step, f"not tried: the retry budget of {empty} is used up")
        return step

    def _halt(self, visit: Visit, route: Route, step: Attempt | Full | Pause, reason: str) -> Step:
        end = route.halt(step, reason)
        visit.exclusions = tuple(route.exclusions)
        return end

    async def _let_in(self, visit: Visit, route: Route, step: Full, wanted: Wish) -> tuple[Step, Entry | None]:
        """What follows, and what an account has given for it."""
        accounts = [candidate.account for candidate in step.candidates]
        rest_s = route.first_rest_s(self._clock.monotonic())
        told = await self._accounts.line.wait(accounts, wanted, news_in_s=math.inf if rest_s is None else rest_s)
        now = self._clock.monotonic()
        if isinstance(told, Crowded):
            return route.give_up(no_room(step, told)), None
        if isinstance(told, News):
            following = route.reconsider(now)
            visit.exclusions = tuple(route.exclusions)
            return following, None
        visit.metered = told
        following = route.resume(told.account_id, now, waited_s=now - wanted.since)
        visit.exclusions = tuple(route.exclusions)
        if isinstance(following, Attempt) and following.candidate.account.id == told.account_id:
            return following, told
        told.withdraw()
        visit.metered = None
        return following, None


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


def _combo(visit: Visit) -> str | None:
    chosen = visit.chosen
    return None if chosen is None or chosen.combo is None else chosen.combo.name


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
