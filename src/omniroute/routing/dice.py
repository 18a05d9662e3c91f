"""Chance that can be replayed: numbers that follow from a seed and from nothing else."""

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

_MASK: Final = (1 << 64) - 1
_STEP: Final = 2.0**-53
_T = TypeVar("_T")


class Dice:
    """SplitMix64 (Steele, Lea and Flood, 2014). A decision that keeps its seed can be made again."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def random(self) -> float:
        """A number in [0, 1)."""
        state = self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((mixed ^ (mixed >> 31)) >> 11) * _STEP

    def below(self, bound: int) -> int:
        """A whole number from 0 to `bound` - 1."""
        return int(self.random() * bound)

    def drawn(self, things: Sequence[_T]) -> Iterator[_T]:
        """All of `things`, in any order with equal chance; each is drawn when somebody comes to it."""
        left = list(things)
        while left:
            yield left.pop(self.below(len(left)))

    def shuffled(self, things: Sequence[_T]) -> list[_T]:
        """All of `things`, in any order with equal chance."""
        return list(self.drawn(things))
