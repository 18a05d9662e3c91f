"""When a conversation is handed over to another account or model, and who is to take it."""

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from omniroute.ir.target import Target
from omniroute.routing.candidate import Candidate

LONGEST_S: Final = 5 * 3600.0
"""A summary is not worth more than that."""

Cause: TypeAlias = Literal["quota", "context"]
"""What runs out: the account's limits, or the model's window."""


class Handoff(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation that is to go on elsewhere. `target` and `account_id` are what it leaves, `used` the share
    that was used up there; `until` is monotonic seconds. Once `delivered`, the summary was told elsewhere."""

    cause: Cause
    target: Target
    account_id: str
    used: float
    summary: str
    until: float
    delivered: bool = False


def due(*, quota_left: float | None, window_used: float | None, threshold: float) -> tuple[Cause, float] | None:
    """What runs out, and the share of it that is used; None while there is enough of everything that is known. A
    full window is named first: another account of the same model would not help."""
    if window_used is not None and window_used >= threshold:
        return "context", window_used
    if quota_left is not None and 1 - quota_left >= threshold:
        return "quota", 1 - quota_left
    return None


def lands_elsewhere(candidate: Candidate, handoff: Handoff) -> bool:
    """Whether the conversation would leave behind what has run out."""
    if handoff.cause == "quota":
        return candidate.account.id != handoff.account_id
    left = handoff.target
    return (candidate.target.provider, candidate.target.model) != (left.provider, left.model)


def relayed(candidates: Sequence[Candidate], handoff: Handoff) -> list[int]:
    """The places of `candidates` in the order in which they are to be tried: who can take the conversation first.
    What it leaves stays as the last resort."""
    places = range(len(candidates))
    return sorted(places, key=lambda place: not lands_elsewhere(candidates[place], handoff))
