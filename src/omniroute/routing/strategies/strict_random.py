"""`strict-random`: a shuffled deck, so that everybody is used once before anybody is used twice."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from omniroute.routing.dice import Dice
from omniroute.routing.strategy import Moment
from omniroute.routing.tree import Branch, Unit


def order(branch: Branch, units: Sequence[Unit], moment: Moment) -> list[Unit]:
    """The card whose turn it is, then the rest as configured. A cycle never begins with the card that ended the
    last one. The deck follows from the names of its cards and the cycle: no state to keep or to lose."""
    if not units:
        return []
    size = len(units)
    cycle, place = divmod(moment.turn(branch), size)
    card = deck(tuple([unit.key for unit in units]), cycle)[place]
    chosen = next(unit for unit in units if unit.key == card)
    return [chosen, *(unit for unit in units if unit is not chosen)]


@lru_cache(maxsize=1024)
def deck(cards: tuple[str, ...], cycle: int) -> tuple[str, ...]:
    """The cards of a cycle, in the order in which they are drawn."""
    if len(cards) == 2:
        # Two cards can only alternate: any other deck would begin with the one that ended the last.
        return _shuffled(cards, 0)
    deck = _shuffled(cards, cycle)
    if cycle > 0 and len(cards) > 1 and deck[0] == _shuffled(cards, cycle - 1)[-1]:
        return deck[1], deck[0], *deck[2:]
    return deck


def _shuffled(cards: tuple[str, ...], cycle: int) -> tuple[str, ...]:
    named = blake2b("\n".join((str(cycle), *cards)).encode(), digest_size=8).digest()
    return tuple(Dice(int.from_bytes(named, "big")).shuffled(cards))
