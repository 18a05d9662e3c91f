"""`context-optimized`: by the size of the context window."""

from collections.abc import Sequence

from omniroute.routing.strategy import Moment
from omniroute.routing.tree import Branch, Unit, leaves


def order(branch: Branch, units: Sequence[Unit], moment: Moment) -> list[Unit]:
    """The largest window first; or, where the combo says `fit`, the smallest that holds the request, then larger
    ones, then those that are too small. Unknown windows come last, and order nothing when none is known."""
    windows = {unit.key: _window(unit) for unit in units}
    if not any(windows.values()):
        return list(units)
    asked = moment.asked
    needed = asked.input_tokens + (asked.max_output_tokens or 0)

    def place(unit: Unit) -> tuple[bool, int]:
        window = windows[unit.key]
        if branch.combo.config.context_mode == "fit":
            return window < needed, window if window >= needed else -window
        return window < needed, -window

    return sorted(units, key=place)


def _window(unit: Unit) -> int:
    return max((leaf.target.facts.context_tokens or 0 for leaf in leaves(unit)), default=0)
