"""Waiting until an account that rests for a limit may be tried again, and what is said when nobody waits."""

from typing import Final

import msgspec

from omniroute.clock import Clock
from omniroute.ir.failure import Failure
from omniroute.pipeline.visit import Visit
from omniroute.routing.engine import COOLDOWN, Route
from omniroute.traffic.resting import PROBE_S, Resting

_SPREAD_S: Final = 0.25


async def rest_over(visit: Visit, route: Route, resting: Resting, clock: Clock, waits: int) -> bool:
    """Whether an account may be tried again, `route` having given up and `waits` times having been waited before.

    It waits as long as the rules allow, the request's deadline leaves and nobody lifts the block earlier. That
    another request is just seeing whether a rest is over is waited for in any case: it takes a moment.
    """
    now = clock.monotonic()
    rule = resting.rules().waiting
    patient = rule.enabled and waits < rule.max_retries
    wake = route.wakes_at(now, probed_only=not patient)
    if wake is None or wake <= now:
        return False
    limit = min(now + (rule.max_wait_s if patient else PROBE_S), visit.deadline)
    providers = route.providers_limited
    while wake is not None and wake > now:
        if wake > limit:
            return False
        await resting.change(providers, wake - now + resting.jitter_s(_SPREAD_S))
        now = clock.monotonic()
        wake = route.wakes_at(now, probed_only=not patient)
    return wake is not None


def with_end_of_rest(failure: Failure, route: Route, now: float) -> Failure:
    """`failure` with the time after which an account may be tried again, where it names none of its own."""
    if failure.code == COOLDOWN:
        return route.said_now(now)
    if failure.kind != "rate_limit" or failure.retry_after is not None:
        return failure
    until = route.rests_until()
    if until is None or until <= now:
        return failure
    return msgspec.structs.replace(failure, retry_after=until - now)
