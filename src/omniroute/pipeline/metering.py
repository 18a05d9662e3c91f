"""What operators let through to accounts and providers: what a request asks of them, and what it is told when
there is no room."""

from collections.abc import Mapping
from typing import Final, assert_never

from omniroute.ir.failure import Failure
from omniroute.pipeline.spending import most_output
from omniroute.pipeline.visit import Visit
from omniroute.routing.engine import Full
from omniroute.traffic.gate import Closed
from omniroute.traffic.line import Crowded, Wish

_BYTES_PER_TOKEN: Final = 4
_USUAL_OUTPUT: Final = 500
_PRIORITIES: Final = ("x-request-priority", "x-task-type")
_AGAIN_S: Final = 5.0
"""When a caller that found no place may ask again."""


def wish(visit: Visit) -> Wish:
    """What `visit` asks of accounts with bounds: one request, and the tokens that it may need."""
    return Wish(
        visit.grant.key_id,
        visit.asked // _BYTES_PER_TOKEN + (most_output(visit) or _USUAL_OUTPUT),
        background=_yields(visit.exchange.headers),
        deadline=visit.deadline,
    )


def no_room(step: Full, crowded: Crowded) -> Failure:
    """What the caller is told."""
    target = step.candidates[0].target
    model, closed = f"{target.provider}/{target.model}", crowded.closed
    match closed.cause:
        case "places" | "line":
            return _no_place(model, crowded)
        case "requests" | "tokens" | "gap":
            whole = closed.bound.whose == "provider"
            again_s = crowded.expected_s or closed.wait_s or 0.0
            return Failure(
                kind="rate_limit",
                status=429,
                code="provider_rate_limited" if whole else "connection_rate_limited",
                message=(
                    f"{_who(closed, model)} {_had(closed)}; {_why(crowded)}send the request again in"
                    f" {max(1, round(again_s + 0.499))} s"
                ),
                retry_after=again_s,
            )
        case _:
            assert_never(closed.cause)


def _yields(headers: Mapping[str, str]) -> bool:
    return any(headers.get(name, "").strip().lower() == "background" for name in _PRIORITIES)


def _no_place(model: str, crowded: Crowded) -> Failure:
    bound = crowded.closed.bound
    most = "concurrentRequests" if bound.whose == "provider" else "maxConcurrent"
    who = _who(crowded.closed, model)
    full = f"{who} has as many requests as its {most} allows"
    if crowded.closed.cause == "line":
        full = f"{who} is being waited for already"
    tried = "the line is full" if crowded.full else f"none became free in {crowded.waited_s:.0f} s"
    return Failure(
        kind="rate_limit",
        status=429,
        code="SEMAPHORE_QUEUE_FULL" if crowded.full else "SEMAPHORE_TIMEOUT",
        message=f"{full}, and {tried}; send the request again later",
        retry_after=_AGAIN_S,
    )


def _who(closed: Closed, model: str) -> str:
    return (
        f"the provider {closed.bound.name!r}" if closed.bound.whose == "provider" else f"every account for {model}"
    )


def _had(closed: Closed) -> str:
    if closed.cause == "gap":
        return f"takes a request every {closed.bound.gap_s * 1000:.0f} ms"
    return f"has had its {closed.most} {closed.cause} of this minute"


def _why(crowded: Crowded) -> str:
    return "the line of those that wait for it is full: " if crowded.full else ""
