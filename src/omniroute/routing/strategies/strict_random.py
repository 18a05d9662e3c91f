"""`strict-random`: a shuffled deck, so that everybody is used once before anybody is used twice."""

from collections.abc import Sequence

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
    card = deck([unit.key for unit in units], cycle)[place]
    chosen = next(unit for unit in units if unit.key == card)
    return [chosen, *(unit for unit in units if unit is not chosen)]


def deck(cards: list[str], cycle: int) -> list[str]:
    """The cards of a cycle, in the order in which they are drawn."""
    if len(cards) == 2:
        # Two cards can only alternate: any other deck would begin with the one that ended the last.
        return _shuffled(cards, 0)
    deck = _shuffled(cards, cycle)
    if cycle > 0 and len(cards) > 1 and deck[0] == _shuffled(cards, cycle - 1)[-1]:
        deck[0], deck[1] = deck[1], deck[0]
    return deck


def _shuffled(cards: list[str], cycle: int) -> list[str]:
    seed = cycle
    for byte in "\n".join(cards).encode():
        seed = seed * 0x100000001B3 + byte
    return Dice(seed).shuffled(cards)
