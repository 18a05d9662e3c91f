"""`context-optimized`: by the size of the context window."""

from collections.abc import Sequence

from omniroute.routing.strategy import Moment
from omniroute.routing.tree import Branch, Leaf, Unit


def order(branch: Branch, units: Sequence[Unit], moment: Moment) -> list[Unit]:
    """The largest window first; or, where the combo says `fit`, the smallest that holds the request, then larger
    ones, then those that are too small. Unknown windows come last, and order nothing when none is known."""
    asked = moment.asked
    needed = asked.input_tokens + (asked.max_output_tokens or 0)
    fit = branch.combo.config.context_mode == "fit"

    def place(unit: Unit) -> tuple[bool, int]:
        window = _window(unit)
        return window < needed, window if fit and window >= needed else -window

    return sorted(units, key=place)


def _window(unit: Unit) -> int:
    if isinstance(unit, Leaf):
        return unit.target.facts.context_tokens or 0
    return max([leaf.target.facts.context_tokens or 0 for leaf in unit.below], default=0)
