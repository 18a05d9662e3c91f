"""What routing chooses between: a target and the account that would pay for it."""

import msgspec

from omniroute.ir.target import Target


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A connection as routing sees it: no credential, only what a choice may depend on.

    `version` changes whenever the connection is edited, so that a block does not outlive the edit that cured it.
    `max_concurrent` is how many requests it takes at a time, None for any number; `alone` says that its provider
    has no other account, so that nothing needs to be remembered for a choice between them.
    """

    id: str
    provider: str
    version: int = 0
    priority: int = 1
    max_concurrent: int | None = None
    alone: bool = False


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    target: Target
    account: Account


class Exclusion(msgspec.Struct, frozen=True, kw_only=True):
    """Why a candidate was left out, in words that an operator can act on."""

    candidate: Candidate
    reason: str
