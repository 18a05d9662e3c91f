"""The account strategies: pure functions from accounts and a draw to an order, each account exactly once."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Final, TypeAlias

from omniroute.routing.candidate import Candidate
from omniroute.routing.dice import Dice
from omniroute.routing.selection.draw import UNUSED, Draw
from omniroute.routing.selection.rules import AccountStrategy
from omniroute.routing.strategies.strict_random import deck

_ERROR_WEIGHT: Final = 4.0
_UNKNOWN_SHARE: Final = 0.5
_LEAST_WAIT_S: Final = 0.001
"""No account is so quick that what it has under way does not matter."""

Order: TypeAlias = Callable[[Sequence[Candidate], Draw], list[Candidate]]


def ordered(candidates: Sequence[Candidate], draw: Draw) -> tuple[Candidate, ...]:
    """The accounts of one target in the order in which they are tried: by the strategy, but the account that the
    conversation is bound to goes first. `candidates` come by priority."""
    order = _ORDERS[draw.strategy](candidates, draw)
    if draw.bound is not None:
        order.sort(key=lambda one: one.account.id != draw.bound)
    return tuple(order)


def fill_first(candidates: Sequence[Candidate], draw: Draw) -> list[Candidate]:
    """By priority: the next account is used only when those before it cannot be."""
    return list(candidates)


def round_robin(candidates: Sequence[Candidate], draw: Draw) -> list[Candidate]:
    """The account used last stays for `sticky` uses in a row, unless it failed; then the one that was idle longest
    follows, and never used ones before all."""
    known = draw.standings
    order = sorted(candidates, key=lambda one: known.get(one.account.id, UNUSED).last_used)
    last = order[-1]
    if 0 < draw.standing(last.account.id).in_row < draw.sticky:
        order.insert(0, order.pop())
    return order


def least_used(candidates: Sequence[Candidate], draw: Draw) -> list[Candidate]:
    """Fewest requests under way first, then the longest idle; never used ones by priority."""

    def load(one: Candidate) -> tuple[int, int]:
        standing = draw.standing(one.account.id)
        return standing.in_flight, standing.last_used

    return sorted(candidates, key=load)


def random(candidates: Sequence[Candidate], draw: Draw) -> list[Candidate]:
    """A fresh shuffle for every request."""
    return Dice(draw.seed).shuffled(candidates)


def strict_random(candidates: Sequence[Candidate], draw: Draw) -> list[Candidate]:
    """A shuffled deck: everybody once before anybody twice, never the same one twice in a row."""
    cycle, place = divmod(draw.turn, len(candidates))
    card = deck(tuple([one.account.id for one in candidates]), cycle)[place]
    return sorted(candidates, key=lambda one: one.account.id != card)


def weighted(candidates: Sequence[Candidate], draw: Draw) -> list[Candidate]:
    """Shares by priority: an account of priority n is drawn 1/n as often as one of priority 1. Weighted sampling
    without replacement (Efraimidis and Spirakis, 2006)."""
    dice = Dice(draw.seed)
    drawn = [(dice.random() ** max(one.account.priority, 1), one) for one in candidates]
    drawn.sort(key=lambda pair: -pair[0])
    return [one for _, one in drawn]


def p2c(candidates: Sequence[Candidate], draw: Draw) -> list[Candidate]:
    """The better of two drawn at random, then the others, the better ones first. What is compared: the
    peak-weighted wait for a first event, times the requests under way, times errors; an unknown wait counts as the
    middle one."""
    standings = [draw.standing(one.account.id) for one in candidates]
    known = [one.first_event_s for one in standings if one.first_event_s is not None]
    usual = median(known) if known else 1.0
    burdens = [
        max(usual if one.first_event_s is None else one.first_event_s, _LEAST_WAIT_S)
        * (one.in_flight + 1)
        * (1 + _ERROR_WEIGHT * one.errors)
        for one in standings
    ]
    dice = Dice(draw.seed)
    one = dice.below(len(candidates))
    other = (one + 1 + dice.below(len(candidates) - 1)) % len(candidates)
    # Of two that are alike the one of the better priority.
    first = min(sorted((one, other)), key=burdens.__getitem__)
    places = sorted(range(len(candidates)), key=lambda place: (place != first, burdens[place]))
    return [candidates[place] for place in places]


def quota_aware(candidates: Sequence[Candidate], draw: Draw) -> list[Candidate]:
    """The largest share left of its tightest limit first; an unknown one counts as half full."""

    def left(one: Candidate) -> float:
        remaining = draw.standing(one.account.id).remaining
        return _UNKNOWN_SHARE if remaining is None else remaining

    return sorted(candidates, key=lambda one: -left(one))


_ORDERS: Final[Mapping[AccountStrategy, Order]] = {
    "fill-first": fill_first,
    "round-robin": round_robin,
    "p2c": p2c,
    "random": random,
    "strict-random": strict_random,
    "least-used": least_used,
    "weighted": weighted,
    "quota-aware": quota_aware,
}
