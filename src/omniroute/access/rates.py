"""The limits of a client key, between what is stored and what the data plane reads."""

from collections.abc import Sequence
from typing import Final

import msgspec

from omniroute.access.grant import RateLimit
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject

_MOST: Final = 50
_LARGEST: Final = 1_000_000_000_000
_LONGEST_S: Final = 366 * 86_400


def stored_limits(limits: Sequence[RateLimit]) -> tuple[JsonObject, ...] | None:
    """As a key keeps them; None for none. Raises `InvalidRequest`."""
    if len(limits) > _MOST:
        raise InvalidRequest(f"rateLimits holds at most {_MOST} entries.", code="bad_rate_limits")
    for one in limits:
        if not 1 <= one.limit <= _LARGEST or not 1 <= one.window_s <= _LONGEST_S:
            raise InvalidRequest(
                f"A rate limit is 1 to {_LARGEST} in a window of 1 to {_LONGEST_S} seconds,"
                f" not {one.limit} in {one.window_s}.",
                code="bad_rate_limits",
            )
    return tuple({"limit": one.limit, "window": one.window_s, "unit": one.unit} for one in limits) or None


def rate_limits(stored: Sequence[JsonObject] | None) -> tuple[RateLimit, ...]:
    """What was stored."""
    return tuple(
        msgspec.convert(
            {"limit": one["limit"], "window_s": one["window"], "unit": one.get("unit", "requests")}, RateLimit
        )
        for one in stored or ()
    )
