"""What follows a class of failure in a combo that has a rule of its own for it.

next     the next candidate, whatever the failure usually means
same     the same candidate once more, then the next
wait     the same candidate once more, after the time that the provider named, then the next
sibling  another model of the same provider, where the combo has one, then the next
return   the caller is told at once
"""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from omniroute.ir.failure import Failure
from omniroute.routing.classify import ErrorClass

Action: TypeAlias = Literal["next", "same", "return", "sibling", "wait"]
Rules: TypeAlias = Mapping[ErrorClass, Action]

MAX_WAIT_S: Final = 30.0
"""Nobody waits longer than this for a candidate: then the next one is tried."""
_UNSAID_WAIT_S: Final = 2.0


def wait_s(failure: Failure) -> float | None:
    """How long to wait before asking again; None when that is too long."""
    named = _UNSAID_WAIT_S if failure.retry_after is None else failure.retry_after
    return named if named <= MAX_WAIT_S else None


def faults(rules: Rules) -> list[str]:
    """What is wrong with them, in words that say what to change."""
    if "cancelled" not in rules:
        return []
    return ["on: nothing follows a client that has left; take out the rule for 'cancelled'"]
