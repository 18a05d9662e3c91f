"""Accounts that must rest for a while, and why."""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from omniroute.ir.failure import Failure
from omniroute.routing.candidate import Account


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """`until` is monotonic seconds; `failure` is what caused it; `version` is the account's at that time."""

    until: float
    failure: Failure
    version: int


Blocks: TypeAlias = Mapping[str, Block]
"""By account id."""


def active_block(blocks: Blocks, account: Account, now: float) -> Block | None:
    """The block that holds `account` at `now`, if any."""
    block = blocks.get(account.id)
    if block is None or block.until <= now or block.version != account.version:
        return None
    return block
