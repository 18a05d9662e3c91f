"""What routing chooses between: a target and the account that would pay for it."""

import msgspec

from omniroute.ir.target import Target
from omniroute.routing.bounds import Bound
from omniroute.routing.resilience import Category


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A connection as routing sees it: no credential, only what a choice may depend on.

    `version` changes whenever the connection is edited, so that a block does not outlive the edit that cured it.
    `bounds` are what operators let through to it and to its provider, empty when nothing bounds it; `alone` says
    that its provider has no other account, so that nothing needs to be remembered for a choice between them.
    `category` says which profile of resilience holds; `limits_per_model` that its provider counts limits for each
    model alone, `renewable` that its credential expires and is renewed by itself."""

    id: str
    provider: str
    version: int = 0
    priority: int = 1
    bounds: tuple[Bound, ...] = ()
    alone: bool = False
    category: Category = "apikey"
    limits_per_model: bool = False
    renewable: bool = False
    tags: tuple[str, ...] = ()
    """What requests may ask for, in lower case."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    target: Target
    account: Account


class Exclusion(msgspec.Struct, frozen=True, kw_only=True):
    """Why a candidate was left out, in words that an operator can act on."""

    candidate: Candidate
    reason: str
