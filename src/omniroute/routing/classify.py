"""What a failed attempt means for the request and for the account: status and kind before any text."""

from typing import Final

import msgspec

from omniroute.ir.failure import Failure, FailureKind

DEFAULT_BLOCK_S: Final = 10.0
MAX_BLOCK_S: Final = 3600.0
"""No hint of a provider may silence an account for longer: a cooldown always ends."""

_ELSEWHERE: Final[frozenset[FailureKind]] = frozenset(
    {
        "authentication",
        "payment",
        "permission",
        "timeout",
        "rate_limit",
        "overloaded",
        "server",
        "connect",
        "cut",
        "protocol",
        "empty",
    }
)
_BLAMELESS: Final[frozenset[FailureKind]] = frozenset({"cut", "protocol", "empty"})
"""Kinds that say nothing about the account: another one may be tried, this one is not blocked."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """`elsewhere`: another account may well succeed. `block_s`: seconds this account rests, 0 for none."""

    elsewhere: bool
    block_s: float


def classify(failure: Failure) -> Verdict:
    """Total: every failure has a verdict."""
    if failure.kind not in _ELSEWHERE:
        return Verdict(elsewhere=False, block_s=0.0)
    if failure.kind in _BLAMELESS:
        return Verdict(elsewhere=True, block_s=0.0)
    hint = failure.retry_after if failure.retry_after is not None else DEFAULT_BLOCK_S
    return Verdict(elsewhere=True, block_s=min(max(hint, 0.0), MAX_BLOCK_S))
