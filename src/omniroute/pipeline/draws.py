"""What the order of a target's accounts follows from: its provider's strategy, and where a conversation began."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from omniroute.access.grant import Grant
from omniroute.routing.affinity import binding_key, keeps
from omniroute.routing.candidate import Candidate
from omniroute.routing.selection.draw import AccountStanding, Draw
from omniroute.snapshot.model import Snapshot
from omniroute.traffic.accounts import Accounts

_MIN_SHARE_LEFT: Final = 0.15
"""A conversation does not stay with an account that has less left of one of its limits."""

Conversation: TypeAlias = Callable[[], str | None]
"""The name of the conversation that a request belongs to; asked for only where it can matter."""


class Draws:
    """`now` is monotonic seconds."""

    def __init__(self, accounts: Accounts, now: Callable[[], float]) -> None:
        self._accounts = accounts
        self._now = now

    def of(
        self,
        snapshot: Snapshot,
        candidates: tuple[Candidate, ...],
        binding: str | None,
        seed: Callable[[], int],
        standings: dict[str, AccountStanding],
    ) -> Draw | None:
        """What the order of these accounts of one target is to follow from; None when it is the configured one.
        `standings` remembers those that were looked up for the same choice."""
        provider = candidates[0].target.provider
        rule = snapshot.selection.of(provider)
        now = self._now()
        bound = None if binding is None else self._bound(binding, now)
        if rule.strategy == "fill-first":
            return None if bound is None else Draw(strategy="fill-first", bound=bound)
        for one in candidates:
            if one.account.id not in standings:
                standings[one.account.id] = self._accounts.standing(one.account.id, now)
        return Draw(
            strategy=rule.strategy,
            seed=seed(),
            turn=self._accounts.turn(provider),
            sticky=rule.sticky,
            standings={one.account.id: standings[one.account.id] for one in candidates},
            bound=bound,
        )

    def take_turn(self, provider: str) -> None:
        """The next draw at `provider` is another one's turn."""
        self._accounts.take_turn(provider)

    def _bound(self, binding: str, now: float) -> str | None:
        account = self._accounts.bindings.account(binding, now)
        left = None if account is None else self._accounts.learned.share_left(account, now)
        return None if left is not None and left < _MIN_SHARE_LEFT else account


def bindings(
    snapshot: Snapshot, firsts: Sequence[Candidate], grant: Grant, conversation: Conversation | None
) -> Mapping[str, str]:
    """Where the conversation stays with its account, and the key under which it is bound there; by provider id.
    `firsts` are candidates, one of each target."""
    if conversation is None:
        return {}
    providers = {
        one.target.provider
        for one in firsts
        if keeps(one.target, snapshot.selection.of(one.target.provider).affinity)
    }
    name = conversation() if providers else None
    return {} if name is None else {one: binding_key(grant.key_id, one, name) for one in providers}
