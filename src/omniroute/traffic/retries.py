"""What is left for further attempts, for each combo and each provider. In memory; one event loop."""

from typing import Final

from omniroute.routing.retries import Purse, at, deposited, withdrawn

_MAX_PURSES: Final = 10_000


class _Held:
    """A purse, and the first attempts of the second that runs: most of the time they are all that happens."""

    __slots__ = ("firsts", "purse", "second")

    def __init__(self, second: int) -> None:
        self.purse = Purse(second=second)
        self.second = second
        self.firsts = 0

    def count(self, second: int) -> None:
        if second != self.second:
            self.settle(second)
        self.firsts += 1

    def settle(self, second: int) -> None:
        if self.firsts:
            self.purse = deposited(self.purse, self.second, self.firsts)
            self.firsts = 0
        self.second = second


class Retries:
    """`now` is monotonic seconds. `refused` counts the attempts that were not made because a purse was empty."""

    def __init__(self) -> None:
        self._combos: dict[str, _Held] = {}
        self._providers: dict[str, _Held] = {}
        self.refused = 0

    def first(self, combo: str | None, provider: str, now: float) -> None:
        """The first attempt of a request."""
        second = int(now)
        _of(self._providers, provider, second).count(second)
        if combo is not None:
            _of(self._combos, combo, second).count(second)

    def spend(self, combo: str | None, failed: str, cost: float, now: float) -> str | None:
        """Pays for another attempt after the provider `failed`; otherwise says whose purse is empty, and takes
        nothing."""
        second = int(now)
        provider = _of(self._providers, failed, second)
        provider.settle(second)
        left = withdrawn(provider.purse, second, cost)
        if left is None:
            self.refused += 1
            return f"provider {failed!r}"
        if combo is not None:
            shared = _of(self._combos, combo, second)
            shared.settle(second)
            rest = withdrawn(shared.purse, second, cost)
            if rest is None:
                self.refused += 1
                return f"combo {combo!r}"
            shared.purse = rest
        provider.purse = left
        return None

    def left(self, combo: str, now: float) -> float:
        """Tokens in the purse of `combo`."""
        second = int(now)
        held = _of(self._combos, combo, second)
        held.settle(second)
        return at(held.purse, second).balance


def _of(purses: dict[str, _Held], name: str, second: int) -> _Held:
    held = purses.get(name)
    if held is None:
        if len(purses) >= _MAX_PURSES:
            purses.clear()
        held = purses[name] = _Held(second)
    return held
