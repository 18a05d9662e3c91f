"""Times in providers' answers, as seconds."""

from omniroute.ir.json import JsonValue

_LONGEST_S = 1e7
"""A third of a year: whatever is longer is not the length of a recording."""


def seconds(value: JsonValue, unit_s: float = 1.0) -> float | None:
    """A point in time or a length, given in units of `unit_s`; None for what cannot be one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _LONGEST_S / unit_s:
        return None
    return value * unit_s if unit_s != 1.0 else float(value)
