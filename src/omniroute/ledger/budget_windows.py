"""The stretches of time that budgets count in: days, weeks from Monday, months, or all of it. UTC. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple, TypeAlias

Period: TypeAlias = Literal["daily", "weekly", "monthly", "total"]


class Window(NamedTuple):
    """From `start` to before `end`, unix seconds; `end` is None for the one that never ends, which starts at 0."""

    start: int
    end: int | None

    def holds(self, at: float) -> bool:
        return at >= self.start and (self.end is None or at < self.end)


FOREVER = Window(0, None)


def window(period: Period, reset_minute: int, at: float) -> Window:
    """The window that `at` (unix seconds) lies in. It begins `reset_minute` minutes (0 to 1439) after midnight: of
    every day, of Monday, or of the first of the month."""
    if period == "total":
        return FOREVER
    reset = timedelta(minutes=reset_minute)
    # Moved back by the reset, every window begins at midnight.
    moved = datetime.fromtimestamp(at, UTC) - reset
    midnight = moved.replace(hour=0, minute=0, second=0, microsecond=0)
    match period:
        case "daily":
            start, end = midnight, midnight + timedelta(days=1)
        case "weekly":
            start = midnight - timedelta(days=midnight.weekday())
            end = start + timedelta(days=7)
        case "monthly":
            start = midnight.replace(day=1)
            # The 28th and four days lie in the next month, whatever its length.
            end = (start.replace(day=28) + timedelta(days=4)).replace(day=1)
    return Window(int((start + reset).timestamp()), int((end + reset).timestamp()))
