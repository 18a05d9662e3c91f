"""What operators let through: to one account, and to all accounts of a provider together."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import msgspec

Unit: TypeAlias = Literal["requests", "tokens"]


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """What may go to an account, or to a provider. `id` tells it from all others; `name` is for words, of
    providers only. At most `places` requests at a time, None for any number; at most so many of each unit in
    `per_minute`; and at least `gap_s` seconds between the beginnings of two requests."""

    id: str
    whose: Literal["account", "provider"] = "account"
    name: str = ""
    places: int | None = None
    per_minute: tuple[tuple[Unit, int], ...] = ()
    gap_s: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether it bounds anything."""
        return self.places is not None or bool(self.per_minute) or self.gap_s > 0


class ProviderLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator lets all accounts of a provider take together; None is not limited."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_requests: int | None = None
    min_gap_ms: int | None = None

    def bound(self, provider_id: str) -> Bound:
        per_minute: list[tuple[Unit, int]] = []
        if self.requests_per_minute is not None:
            per_minute.append(("requests", self.requests_per_minute))
        if self.tokens_per_minute is not None:
            per_minute.append(("tokens", self.tokens_per_minute))
        return Bound(
            id=f"provider:{provider_id}",
            whose="provider",
            name=provider_id,
            places=self.concurrent_requests,
            per_minute=tuple(per_minute),
            gap_s=(self.min_gap_ms or 0) / 1000,
        )


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """The line of those that wait until a bound lets them through: so many for each account, and no longer than
    `max_wait_s` seconds."""

    length: int = 20
    max_wait_s: float = 30.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """`providers` are by id."""

    providers: Mapping[str, ProviderLimits] = {}
    queue: Queue = Queue()


UNLIMITED: Final = Limits()
