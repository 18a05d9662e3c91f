"""How patient the gateway is with accounts and providers that fail, as settings: a profile per category."""

from typing import Final, Literal, TypeAlias

import msgspec

Category: TypeAlias = Literal["oauth", "apikey", "local"]
"""What an account is: one that somebody signed in to, one with a key, or a server of one's own."""

CATEGORIES: Final[tuple[Category, ...]] = ("oauth", "apikey", "local")


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """`base_s` doubles with each failure in a row, `max_steps` times at most and never beyond `cap_s`. `hints`:
    how long to rest is as the provider says, where it says so. `breaker_failures` in a row open a breaker, for
    `breaker_reset_s` the first time."""

    base_s: float
    max_steps: int
    cap_s: float
    hints: bool = True
    breaker_failures: int
    breaker_reset_s: float


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a request waits when all of its accounts rest, how often, and how long each time (seconds)."""

    enabled: bool = False
    max_retries: int = 3
    max_wait_s: float = 30.0


class Resilience(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, as it is without any setting."""

    oauth: Profile = Profile(base_s=5.0, max_steps=8, cap_s=900.0, breaker_failures=8, breaker_reset_s=60.0)
    apikey: Profile = Profile(base_s=3.0, max_steps=5, cap_s=120.0, breaker_failures=12, breaker_reset_s=30.0)
    local: Profile = Profile(base_s=2.0, max_steps=3, cap_s=15.0, breaker_failures=2, breaker_reset_s=15.0)
    waiting: Waiting = Waiting()

    def of(self, category: Category) -> Profile:
        profile: Profile = getattr(self, category)
        return profile


DEFAULT: Final = Resilience()
