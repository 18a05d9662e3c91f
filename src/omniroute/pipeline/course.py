"""The course of a visit over its candidates: performs what the engine asks for and tells it what came of it."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from omniroute.clock import Clock
from omniroute.ir.failure import Failure
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.visit import Tried, Visit
from omniroute.routing.engine import Attempt, Done, Full, GiveUp, Route, Step, Succeeded
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
        while not isinstance(step, (GiveUp, Done)):
            if isinstance(step, Full):
                step, place = await self._place(visit, route, step)
                continue
            account = step.candidate.account
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
            seat = self._accounts.seat(account, began)
            binding = None if visit.chosen is None else visit.chosen.bindings.get(candidate.target.provider)
            if binding is not None:
                self._accounts.bindings.bind(binding, account.id, began)
            try:
                result = await attempt()
            except BaseException:
                self._pulse.abandoned(candidate.target)
                if seat is not None:
                    seat.leave()
                raise
            now = self._clock.monotonic()
            visit.upstream_s += now - began
            if isinstance(result, Failure):
                step = route.report(result, now)
                self._pulse.failed(candidate.target, result, now)
                _learn(visit, self._pulse, good=False)
                if route.verdict is not None:
                    self._resting.rest(account, route.verdict, result, now)
                    if route.verdict.elsewhere and seat is not None:
                        seat.failed()
                    if route.verdict.elsewhere and binding is not None:
                        self._accounts.bindings.loosen(binding, account.id)
                if seat is not None:
                    seat.leave()
                rest_s = route.verdict.block_s if route.verdict is not None else 0.0
                tried = Tried(candidate=candidate, failure=result, took_s=now - began, rest_s=rest_s)
                visit.tried = (*visit.tried, tried)
                self._ledger.attempted(visit, result, now - began)
            else:
                following = route.report(Succeeded(), now)
                assert isinstance(following, Done)
                visit.begun = True
                visit.first_event_s = now - visit.exchange.started
                self._resting.wake(account)
                self._pulse.succeeded(candidate.target, now, now - began)
                if seat is not None:
                    seat.answered(now - began)
                    visit.seat = seat
                _learn(visit, self._pulse, good=True)
                self._ledger.attempted(visit, None, now - began)
                return result
        assert not isinstance(step, Done)
        return step.failure

    async def _place(self, visit: Visit, route: Route, step: Full) -> tuple[Step, str | None]:
        """What follows, and the account at which a place is now held for it."""
        permits = self._accounts.permits
        accounts = [candidate.account for candidate in step.candidates]
        place = await permits.wait(accounts, visit.grant.key_id)
        if isinstance(place, Crowded):
            return route.give_up(_crowded(step, place)), None
        following = route.resume(place, self._clock.monotonic())
        if isinstance(following, Attempt):
            return following, place
        permits.give(place)
        return following, None


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


def _learn(visit: Visit, pulse: Pulse, *, good: bool) -> None:
    """Which target of a combo answered last; forgotten as soon as it fails."""
    chosen = visit.chosen
    if chosen is None or chosen.combo is None:
        return
    name = chosen.combo.name
    key = next(
        key for key, candidate in zip(chosen.keys, chosen.candidates, strict=True) if candidate is visit.candidate
    )
    if good:
        pulse.last_good[name] = key
    elif pulse.last_good.get(name) == key:
        del pulse.last_good[name]
