"""What is known about a target at the moment of a choice."""

from typing import Literal, TypeAlias

import msgspec

Health: TypeAlias = Literal["closed", "half-open", "open"]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """None means unknown. Times are seconds, rates per second, shares 0 to 1.

    `first_event_s` is a moving average of the time to the first event; `wait_log` and `spread_log` are decimal
    logarithms of the upper end of that time, and of how much it varies: speeds are compared by ratios.
    """

    in_flight: int = 0
    rate: float = 0.0
    first_event_s: float | None = None
    wait_log: float | None = None
    spread_log: float | None = None
    errors: float | None = None
    health: Health = "closed"


UNKNOWN = Standing()
