"""Removes what has become too old: requests and sums a few at a time, captured bodies by whole days."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, Protocol

from sqlalchemy import Connection

from omniroute.clock import Clock
from omniroute.ledger.captures import Captures
from omniroute.snapshot.logging import Logging
from omniroute.storage.repos import rollups, usage
from omniroute.storage.writer import Writer
from omniroute.telemetry.log import FieldValue

BATCH_ROWS: Final = 500
"""In one transaction: some 10 ms, after which the ledger and everybody else have their turn."""

_PAUSE_S: Final = 0.05
_DAY_MS: Final = 86_400_000


class _RemoveBefore(Protocol):
    def __call__(self, connection: Connection, /, *, at: int, limit: int) -> int: ...


class Retention:
    """`rules` gives the settings that hold now. Being cancelled between two batches does no harm."""

    def __init__(
        self,
        writer: Writer,
        captures: Captures,
        rules: Callable[[], Logging],
        clock: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._writer = writer
        self._captures = captures
        self._rules = rules
        self._clock = clock
        self._pause = pause

    async def __call__(self) -> dict[str, FieldValue]:
        """Does it once. Returns how much went, by what it was."""
        rules, now = self._rules(), self._clock.now()
        gone: dict[str, FieldValue] = {
            "requests": await self._remove(usage.remove_before, rules.request_days, now),
            "rollups": await self._remove(rollups.remove_before, rules.rollup_days, now),
        }
        today = datetime.fromtimestamp(now, UTC).date()
        before = today - timedelta(days=rules.capture_days) if rules.capture_days else None
        gone["capture_days"] = await asyncio.to_thread(
            self._captures.forget, before=before, most_bytes=rules.capture_bytes
        )
        return {name: count for name, count in gone.items() if count}

    async def _remove(self, remove_before: _RemoveBefore, days: int, now: float) -> int:
        if not days:
            return 0
        before = round(now * 1000) - days * _DAY_MS
        total = 0
        while True:
            gone = await self._writer.awrite_quietly(partial(remove_before, at=before, limit=BATCH_ROWS))
            total += gone
            if gone < BATCH_ROWS:
                return total
            await self._pause(_PAUSE_S)
