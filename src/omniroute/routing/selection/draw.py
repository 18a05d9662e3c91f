"""Everything that an order of accounts follows from. Keep it, and the order can be made again."""

from collections.abc import Mapping

import msgspec

from omniroute.routing.selection.rules import AccountStrategy


class AccountStanding(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about an account at the moment of a choice.

    `last_used` counts up over all uses of all accounts, 0 for never; `in_row` is how many uses of its provider in
    a row it has had, 0 after a failure. `first_event_s` is a moving average, `errors` one between 0 and 1.
    `remaining` is the share left of the tightest limit that the provider told; None means unknown.
    """

    in_flight: int = 0
    first_event_s: float | None = None
    errors: float = 0.0
    last_used: int = 0
    in_row: int = 0
    remaining: float | None = None


UNUSED = AccountStanding()


class Draw(msgspec.Struct, frozen=True, kw_only=True):
    """`standings` are by account id; a strategy that looks at none has none. `turn` counts the choices between the
    provider's accounts, `bound` is the account that the conversation is with."""

    strategy: AccountStrategy
    seed: int = 0
    turn: int = 0
    sticky: int = 3
    standings: Mapping[str, AccountStanding] = {}
    bound: str | None = None

    def standing(self, account_id: str) -> AccountStanding:
        return self.standings.get(account_id, UNUSED)
