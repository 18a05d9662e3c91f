"""How many requests are under way at an account or a provider."""

from collections import Counter


class Permits:
    """By the id of a bound. Every permit that was taken is given back exactly once. One event loop."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    def held(self, bound_id: str) -> int:
        """How many are under way there."""
        return self._held[bound_id]

    @property
    def total(self) -> int:
        """How many there are altogether."""
        return self._held.total()

    def take(self, bound_id: str) -> None:
        self._held[bound_id] += 1

    def give(self, bound_id: str) -> None:
        self._held[bound_id] -= 1
        if self._held[bound_id] <= 0:
            del self._held[bound_id]
