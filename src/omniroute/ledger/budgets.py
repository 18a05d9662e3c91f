"""What a budget is, and which budgets a request counts against. Pure."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from omniroute.ledger.budget_windows import Period

Scope: TypeAlias = Literal["key", "tag", "connection", "provider", "global"]
Action: TypeAlias = Literal["warn", "downgrade", "block"]
"""What happens once a request no longer fits: a warning, a cheaper combo in its place, or a refusal."""

Mode: TypeAlias = Literal["standard", "hard"]
"""How much is set aside for a request before it is sent: what it probably costs, or what it can cost at most."""


class Spent(NamedTuple):
    """Micro-USD in one window; `guessed` is the part that was charged without a known price."""

    micro_usd: int = 0
    guessed: int = 0


class Charge(NamedTuple):
    """What one request adds to one window of one budget, in micro-USD; it may be negative. `window` is unix s."""

    budget_id: str
    window: int
    micro_usd: int
    guessed: int = 0


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """At most `limit` micro-USD in every window of `period`.

    `subject` is the id of a key, connection or provider, or a tag; empty for the whole gateway. `downgrade_to` is
    the combo of the action `downgrade`. Windows begin `reset_minute` minutes after midnight, UTC. `stored` is what
    was spent in past windows as of when the process learnt of the budget, by start of the window.
    """

    id: str
    scope: Scope
    limit: int
    subject: str = ""
    period: Period = "monthly"
    action: Action = "block"
    mode: Mode = "standard"
    warn_percent: int = 80
    downgrade_to: str | None = None
    reset_minute: int = 0
    stored: Mapping[int, Spent] = {}

    @property
    def warns_at(self) -> int:
        """Micro-USD from which on there are warnings."""
        return self.limit * self.warn_percent // 100

    @property
    def named(self) -> str:
        """As it is told to people: `monthly budget of key 'k1'`."""
        whose = "the gateway" if self.scope == "global" else f"{self.scope} {self.subject!r}"
        return f"{'total' if self.period == 'total' else self.period} budget of {whose}"


class Budgets(msgspec.Struct, frozen=True, kw_only=True):
    """All budgets, found by whom they hold for."""

    everywhere: tuple[Budget, ...] = ()
    keys: Mapping[str, tuple[Budget, ...]] = {}
    tags: Mapping[str, tuple[Budget, ...]] = {}
    connections: Mapping[str, tuple[Budget, ...]] = {}
    providers: Mapping[str, tuple[Budget, ...]] = {}

    def of_caller(self, key_id: str, tags: tuple[str, ...]) -> tuple[Budget, ...]:
        """Those that hold whatever the request is sent to."""
        found = self.everywhere + self.keys.get(key_id, ())
        for tag in tags:
            found += self.tags.get(tag, ())
        return found

    def of_target(self, provider: str, connection_id: str) -> tuple[Budget, ...]:
        """Those that hold because of where it is sent."""
        return self.providers.get(provider, ()) + self.connections.get(connection_id, ())

    @property
    def of_any_target(self) -> bool:
        """Whether there is one that depends on where a request is sent."""
        return bool(self.providers or self.connections)


def budgets(several: tuple[Budget, ...]) -> Budgets | None:
    """None when there are none: then nobody asks."""
    if not several:
        return None
    found: dict[Scope, dict[str, tuple[Budget, ...]]] = {
        scope: {} for scope in ("key", "tag", "connection", "provider", "global")
    }
    for one in several:
        members = found[one.scope]
        members[one.subject] = (*members.get(one.subject, ()), one)
    return Budgets(
        everywhere=found["global"].get("", ()),
        keys=found["key"],
        tags=found["tag"],
        connections=found["connection"],
        providers=found["provider"],
    )
