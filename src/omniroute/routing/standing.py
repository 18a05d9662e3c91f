"""What is known about a target at the moment of a choice."""

from typing import Literal, TypeAlias

import msgspec

Health: TypeAlias = Literal["closed", "half-open", "open"]


class QuotaWindow(msgspec.Struct, frozen=True, kw_only=True):
    """A quota that refills: `remaining` is a share of 0 to 1; both times are seconds."""

    name: str
    remaining: float
    resets_in_s: float
    length_s: float


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """None means unknown. Times are seconds, rates per second, shares 0 to 1.

    `first_event_s` and its `spread_s` are moving averages of the time to the first event, `p95_s` is its upper
    end. `cost_usd` is what this very request is expected to cost there.
    """

    in_flight: int = 0
    rate: float = 0.0
    first_event_s: float | None = None
    p95_s: float | None = None
    spread_s: float | None = None
    errors: float | None = None
    health: Health = "closed"
    cost_usd: float | None = None
    quota: tuple[QuotaWindow, ...] = ()

    @property
    def remaining(self) -> float | None:
        """The share left of the tightest window."""
        return min([window.remaining for window in self.quota]) if self.quota else None


UNKNOWN = Standing()
