"""Which accounts are resting: applies the engine's verdicts, in memory."""

from typing import Final

from omniroute.ir.failure import Failure
from omniroute.routing.blocks import Block, Blocks
from omniroute.routing.candidate import Account
from omniroute.routing.classify import Verdict

_MAX_BLOCKS: Final = 10_000


class Resting:
    """Blocks by account id. One event loop writes it; ended blocks are dropped as new ones come."""

    def __init__(self) -> None:
        self._blocks: dict[str, Block] = {}

    @property
    def view(self) -> Blocks:
        """What the engine may look at; empty when all is well."""
        return self._blocks

    def rest(self, account: Account, verdict: Verdict, failure: Failure, now: float) -> None:
        """Applies `verdict` on a failed attempt at `now` (monotonic seconds)."""
        if verdict.block_s <= 0:
            return
        if len(self._blocks) >= _MAX_BLOCKS:
            self._blocks = {key: block for key, block in self._blocks.items() if block.until > now}
        self._blocks[account.id] = Block(until=now + verdict.block_s, failure=failure, version=account.version)

    def wake(self, account: Account) -> None:
        """A success ends any rest."""
        self._blocks.pop(account.id, None)
