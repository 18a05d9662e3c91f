"""Prices for what was settled before the price lists were there.

The lists are loaded after the process is ready, within about a second. A request that ends before that is written
down without a cost; the drain, which is the only one that carries records into the database, prices it on the way.
So each record gets its cost exactly once, before anything was summed up, with the source of the price.
"""

import threading
from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from omniroute.ir.result import MediaTokens, Usage
from omniroute.ledger.cost import Cost
from omniroute.ledger.records import Record, Settled

LatePrice: TypeAlias = Callable[[str, str, Usage, float], Cost | None]
"""What is used of a model at a provider (an id) costs at unix seconds; None when nobody knows."""

_MEDIA: Final = MediaTokens.__struct_fields__

PATIENCE_S: Final = 15.0
"""How long the drain waits for the lists; records wait in the journal meanwhile."""


class LatePrices:
    """`wait` once for the lists when the first record needs them; after that, only look."""

    def __init__(self, price: LatePrice) -> None:
        self._price = price
        self._loaded = threading.Event()
        self._before = float("inf")

    def loaded(self, at: float) -> None:
        """The lists are there. What is settled after `at` (unix seconds) without a price has none."""
        self._before = at
        self._loaded.set()

    def stop(self) -> None:
        """Nobody waits any longer: the process ends."""
        self._loaded.set()

    def priced(self, records: tuple[Record, ...]) -> tuple[Record, ...]:
        """The same records, with the costs that were missing."""
        if self._before < float("inf") and not any(_unpriced(one, self._before) for one in records):
            return records
        return tuple(self._of(one) if _unpriced(one, self._before) else one for one in records)

    def _of(self, record: Record) -> Record:
        assert isinstance(record, Settled)
        if not self._loaded.wait(PATIENCE_S):
            self.loaded(0.0)  # they do not come; nobody waits for them again
        usage = Usage(
            input=record.input_tokens,
            output=record.output_tokens,
            cache_read=record.cache_read_tokens,
            cache_write=record.cache_write_tokens,
            cache_write_hour=record.cache_write_hour_tokens,
            reasoning=record.reasoning_tokens,
            media=None if record.media is None else MediaTokens(**dict(zip(_MEDIA, record.media, strict=True))),
            tier=record.tier,
        )
        found = self._price(record.provider, record.model, usage, record.at)
        if found is None:
            return record
        return msgspec.structs.replace(record, cost_micro_usd=found.micro_usd, price_source=found.source)


def _unpriced(record: Record, before: float) -> bool:
    return (
        isinstance(record, Settled)
        and record.cost_micro_usd is None
        and record.usage_source in ("reported", "estimated")
        and record.at <= before
        and record.provider != ""
    )
