"""What the order of a target's accounts follows from: its provider's strategy, and where a conversation began."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from omniroute.access.grant import Grant
from omniroute.routing.affinity import binding_key, keeps
from omniroute.routing.candidate import Candidate
from omniroute.routing.quota import Quota
from omniroute.routing.selection.draw import AccountStanding, Draw
from omniroute.routing.selection.rules import DRAWING, WEIGHING, Selection
from omniroute.traffic.accounts import Accounts
from omniroute.traffic.quota import Team

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
        selection: Selection,
        candidates: tuple[Candidate, ...],
        binding: str | None,
        seed: Callable[[], int],
        *,
        by_quota: bool = False,
        dry: bool = False,
    ) -> Draw | None:
        """What the order of these accounts of one target is to follow from; None when it is the configured one.
        `by_quota` puts those with the most left first, unless the operator said something else of this
        provider. Only a `dry` run may be made outside of the event loop."""
        provider = candidates[0].target.provider
        rule = selection.of(provider)
        if by_quota and rule.strategy == "fill-first" and self.tells_quota:
            rule = msgspec.structs.replace(rule, strategy="quota-aware")
        if binding is None and rule.strategy == "fill-first":
            return None
        now = self._now()
        bound = None if binding is None else self._bound(binding, now)
        if rule.strategy == "fill-first":
            return None if bound is None else Draw(strategy="fill-first", bound=bound)
        standings: Mapping[str, AccountStanding] = {}
        if dry and rule.strategy in WEIGHING:
            standings = {one.account.id: self._accounts.standing(one.account.id, now) for one in candidates}
        elif rule.strategy in WEIGHING:
            standings = self._accounts.standings([one.account.id for one in candidates], now)
        return Draw(
            strategy=rule.strategy,
            seed=seed() if rule.strategy in DRAWING else 0,
            turn=self._accounts.turn(provider),
            sticky=rule.sticky,
            standings=standings,
            bound=bound,
        )

    @property
    def tells_quota(self) -> bool:
        """Whether any account has told of its quota."""
        return bool(self._accounts.learned)

    def quotas(self, teams: Sequence[tuple[str, Team]], now: float, *, dry: bool) -> dict[str, Quota]:
        """Of the best account of each team, by the key that comes with it. Only a `dry` run may be made outside of
        the event loop."""
        quotas = self._accounts.quotas
        return {key: quotas.best(team, now) for key, team in teams} if dry else quotas.bests(teams, now)

    def take_turn(self, provider: str) -> None:
        """The next draw at `provider` is another one's turn."""
        self._accounts.take_turn(provider)

    def _bound(self, binding: str, now: float) -> str | None:
        account = self._accounts.bindings.account(binding, now)
        left = None if account is None else self._accounts.learned.share_left(account, now)
        return None if left is not None and left < _MIN_SHARE_LEFT else account


def keeping(selection: Selection, targets: Iterable[tuple[Candidate, ...]]) -> frozenset[str]:
    """The providers where a conversation stays with its account; `targets` are the accounts of each target."""
    return frozenset(
        target.provider
        for accounts in targets
        if len(accounts) > 1 and keeps(target := accounts[0].target, selection.of(target.provider).affinity)
    )


def bindings(providers: frozenset[str], grant: Grant, conversation: Conversation | None) -> Mapping[str, str]:
    """The key under which the conversation is bound to an account at each of `providers`."""
    name = conversation() if providers and conversation is not None else None
    return {} if name is None else {one: binding_key(grant.key_id, one, name) for one in providers}
