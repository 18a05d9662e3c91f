"""How long an account rests for a failure that does not say: longer each time, and forgotten little by little.

Times are monotonic seconds.
"""

from typing import Final

import msgspec

from omniroute.routing.resilience import Profile

MODEL_CAP_S: Final = 1800.0
MODEL_STEPS: Final = 10
"""A model that is locked alone may be so for longer than an account that is needed for others."""
_FORGIVEN_S: Final = 600.0
_SPREAD: Final = 0.5


class Rung(msgspec.Struct, frozen=True):
    """`level` counts failures, as of `at`: one is forgiven for every ten minutes without any, and half of them for
    a success. That a rest has ended forgives none: else the ladder would never be climbed."""

    level: int = 0
    at: float = 0.0


GROUND: Final = Rung()


def level(rung: Rung, now: float) -> int:
    """The level that holds at `now`."""
    return max(0, rung.level - int(max(0.0, now - rung.at) / _FORGIVEN_S))


def climbed(rung: Rung, now: float) -> Rung:
    """After one more failure."""
    return Rung(level(rung, now) + 1, now)


def halved(rung: Rung, now: float) -> Rung:
    """After a success."""
    return Rung(level(rung, now) // 2, now)


def rest_s(profile: Profile, steps: int, *, of_model: bool = False, chance: float = 0.0) -> float:
    """Seconds to rest at this level. `chance`, 0 to 1, takes up to half of them away."""
    most, cap = (MODEL_STEPS, max(MODEL_CAP_S, profile.cap_s)) if of_model else (profile.max_steps, profile.cap_s)
    whole = min(max(cap, profile.base_s), profile.base_s * 2.0 ** min(steps, most))
    return whole * (1 - _SPREAD * chance)
