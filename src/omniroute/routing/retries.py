"""How many attempts beyond the first ones may be made: a share of the traffic, so that trouble is not made worse.

A purse holds tokens. Every first attempt puts a fifth of one in, and every second a whole one, so that a quiet
gateway can still try again; what is not spent within ten seconds is gone.
"""

from typing import Final

import msgspec

from omniroute.ir.failure import Failure, FailureKind
from omniroute.routing.candidate import Candidate

LIFE_S: Final = 10
DEPOSIT: Final = 0.2
PER_SECOND: Final = 1.0
MOST: Final = 50.0
SAME_PROVIDER: Final = 1.0
OTHER_PROVIDER: Final = 0.5

_OF_ACCOUNTS: Final[frozenset[FailureKind]] = frozenset({"authentication", "payment", "permission", "rate_limit"})
"""Kinds that say something about an account and nothing about its provider, for which the next account is no
burden: the account that failed rests, so that it happens once."""


class Purse(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`tokens` of each of the last ten seconds, the oldest first; `second` is the newest of them, monotonic."""

    second: int
    tokens: tuple[float, ...] = (PER_SECOND,) * LIFE_S

    @property
    def balance(self) -> float:
        return sum(self.tokens)


def price(failure: Failure, failed: Candidate, following: Candidate) -> float:
    """What it costs to try `following` after `failed`."""
    if following.target.provider != failed.target.provider:
        return OTHER_PROVIDER
    if failure.kind in _OF_ACCOUNTS and following.account.id != failed.account.id:
        return 0.0
    return SAME_PROVIDER


def at(purse: Purse, second: int) -> Purse:
    """What is left of it by then. Time that runs backwards changes nothing."""
    passed = second - purse.second
    if passed <= 0:
        return purse
    kept = purse.tokens[passed:]
    seconds = min(passed, LIFE_S)
    each = max(0.0, min(PER_SECOND, (MOST - sum(kept)) / seconds))
    return Purse(second=second, tokens=(*kept, *(each,) * seconds))


def deposited(purse: Purse, second: int, firsts: int) -> Purse:
    """After `firsts` first attempts in `second`."""
    purse = at(purse, second)
    added = min(firsts * DEPOSIT, MOST - purse.balance)
    if added <= 0:
        return purse
    return Purse(second=purse.second, tokens=(*purse.tokens[:-1], purse.tokens[-1] + added))


def withdrawn(purse: Purse, second: int, cost: float) -> Purse | None:
    """After `cost` was paid, from the oldest tokens first; None when there is less than that."""
    purse = at(purse, second)
    if purse.balance < cost:
        return None
    tokens = list(purse.tokens)
    for place, held in enumerate(tokens):
        paid = min(held, cost)
        tokens[place] = held - paid
        cost -= paid
    return Purse(second=purse.second, tokens=tuple(tokens))
