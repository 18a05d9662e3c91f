"""The course of a visit over its candidates: performs what the engine asks for and tells it what came of it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from omniroute.clock import Clock
from omniroute.ir.failure import Failure
from omniroute.pipeline.deadline import NEVER, share_s, too_late
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.metering import metered
from omniroute.pipeline.rests import rest_over, with_end_of_rest
from omniroute.pipeline.spending import afford
from omniroute.pipeline.visit import Tried, Visit
from omniroute.routing.candidate import Candidate
from omniroute.routing.engine import Attempt, Done, Full, GiveUp, Pause, Route, Step, Succeeded
from omniroute.routing.retries import price
from omniroute.traffic.accounts import Accounts
from omniroute.traffic.permits import Crowded
from omniroute.traffic.pulse import Pulse
from omniroute.traffic.resting import Resting

_T = TypeVar("_T")

_CROWDED_S: Final = 5.0
"""When a caller that found no place may ask again."""


class Course:
    """Attempts end in the journal, in the table of resting accounts, and in the pulse of their target. An account
    that takes only so many requests at a time is passed over while it is full; when all are, it is waited for."""

    def __init__(self, resting: Resting, pulse: Pulse, accounts: Accounts, ledger: Ledger, clock: Clock) -> None:
        self._resting = resting
        self._pulse = pulse
        self._accounts = accounts
        self._ledger = ledger
        self._clock = clock

    async def first_good(
        self, visit: Visit, route: Route, attempt: Callable[[], Awaitable[_T | Failure]]
    ) -> _T | Failure:
        """The first result that is no failure, or the failure that the caller is to be told. `attempt` tries
        `visit.candidate`."""
        step: Step = route.start(self._clock.monotonic())
        if route.exclusions:
            visit.exclusions = tuple(route.exclusions)
        place: str | None = None
        endless = visit.deadline == NEVER
        waits = 0
        while not isinstance(step, Done):
            if isinstance(step, GiveUp):
                if not await rest_over(visit, route, self._resting, self._clock, waits):
                    break
                waits += 1
                step = route.again(self._clock.monotonic())
                continue
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
                step = route.resumed(self._clock.monotonic())
                continue
            if isinstance(step, Full):
                step, place = await self._place(visit, route, step)
                continue
            if visit.purse is not None and (short := afford(visit, step.candidate)) is not None:
                if place is not None:
                    self._accounts.permits.give(place)
                    place = None
                step = route.pass_over(short)
                visit.exclusions = tuple(route.exclusions)
                continue
            account = step.candidate.account
            if account.per_minute and (short := self._metered(visit, step.candidate)) is not None:
                if place is not None:
                    self._accounts.permits.give(place)
                    place = None
                step = route.pass_over(short)
                visit.exclusions = tuple(route.exclusions)
                continue
            if account.max_concurrent is not None and place is None and not self._accounts.permits.take(account):
                step = route.defer()
                visit.exclusions = tuple(route.exclusions)
                continue
            place = None
            candidate = step.candidate
            visit.candidate = candidate
            visit.attempts = step.number
            began = self._clock.monotonic()
            self._pulse.began(candidate.target, began)
            seen = self._resting.began(candidate, began)
            if step.number == 1:
                self._pulse.retries.first(_combo(visit), candidate.target.provider, began)
            seat = self._accounts.seat(account, began)
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
                if seat is not None:
                    seat.answered(now - began)
                    visit.seat = seat
                _learn(visit, self._pulse, good=True)
                self._ledger.attempted(visit, None, now - began)
                return result
        assert isinstance(step, GiveUp)
        return with_end_of_rest(step.failure, route, self._clock.monotonic())

    def _metered(self, visit: Visit, candidate: Candidate) -> Failure | None:
        return metered(visit, candidate, self._accounts.meters, self._clock.monotonic())

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

    async def _place(self, visit: Visit, route: Route, step: Full) -> tuple[Step, str | None]:
        """What follows, and the account at which a place is now held for it."""
        permits = self._accounts.permits
        accounts = [candidate.account for candidate in step.candidates]
        place = await permits.wait(accounts, visit.grant.key_id)
        if isinstance(place, Crowded):
            return route.give_up(_crowded(step, place)), None
        following = route.resume(place, self._clock.monotonic())
        if isinstance(following, Attempt) and following.candidate.account.id == place:
            return following, place
        permits.give(place)
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


def _crowded(step: Full, crowded: Crowded) -> Failure:
    target = step.candidates[0].target
    tried = "the line is full" if crowded.full else f"none became free in {crowded.waited_s:.0f} s"
    return Failure(
        kind="rate_limit",
        status=429,
        code="SEMAPHORE_QUEUE_FULL" if crowded.full else "SEMAPHORE_TIMEOUT",
        message=(
            f"every account for {target.provider}/{target.model} has as many requests as its maxConcurrent"
            f" allows, and {tried}; send the request again later"
        ),
        retry_after=_CROWDED_S,
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
