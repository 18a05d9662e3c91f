"""What a strategy is: a pure function from the units of a combo, and the moment, to an order of all of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from omniroute.routing.dice import Dice
from omniroute.routing.selection.draw import Draw
from omniroute.routing.standing import UNKNOWN, Standing
from omniroute.routing.tree import Branch, Leaf, Unit, leaves

_MASK: Final = (1 << 64) - 1


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What of a request a choice may depend on. `input_tokens` is an estimate."""

    input_tokens: int = 0
    max_output_tokens: int | None = None
    tools: bool = False
    images: bool = False
    documents: bool = False
    structured_output: bool = False
    task: str = "default"
    tags: tuple[str, ...] = ()
    match_all_tags: bool = False
    pinned: bool = False
    """A conversation or an idempotency key hangs on the choice: nothing may be tried out with it."""


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """Everything else a choice may depend on. Keep it, and the choice can be made again.

    `standings` are by leaf key; `turns` count the requests that a combo has seen, and `last_good` is the leaf key
    that last succeeded, both by combo name. `draws` are by leaf key, and for a model that was asked directly by
    its provider and name: one for each target with several accounts.
    """

    seed: int
    asked: Asked = Asked()
    standings: Mapping[str, Standing] = {}
    turns: Mapping[str, int] = {}
    last_good: Mapping[str, str] = {}
    draws: Mapping[str, Draw] = {}
    preferred: tuple[str, ...] = ()
    """Providers whose leaves come first, whatever the strategy says of them."""

    def dice(self, salt: str) -> Dice:
        """Chance of its own for everything that draws, so that one draw does not shift another."""
        return Dice(self.seed_of(salt))

    def seed_of(self, salt: str) -> int:
        """The seed of these dice."""
        mixed = self.seed
        for byte in salt.encode():
            mixed = ((mixed ^ byte) * 0x100000001B3) & _MASK
        return mixed

    def turn(self, branch: Branch) -> int:
        return self.turns.get(branch.combo.name, 0)

    def standing(self, unit: Unit) -> Standing:
        """Of a branch: that of the leaf it would most likely begin with, and the load of all."""
        if isinstance(unit, Leaf):
            return self.standings.get(unit.key, UNKNOWN)
        inner = [self.standings.get(leaf.key, UNKNOWN) for leaf in leaves(unit)]
        if not inner:
            return UNKNOWN
        first = next((one for one in inner if one.health != "open"), inner[0])
        return msgspec.structs.replace(first, in_flight=sum(one.in_flight for one in inner))


Strategy: TypeAlias = Callable[[Branch, Sequence[Unit], Moment], Iterable[Unit]]
"""Orders units of a branch: each exactly once, the first is tried first. Total: unknown numbers never fail."""
