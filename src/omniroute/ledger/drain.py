"""Carries the journal into the database: one thread, batches of at most 500 records, each exactly once.

A batch and the position behind it are committed together, so whatever happens to the process or the database, a
record is either in a table and behind the position, or neither. While the database cannot be written the journal
grows and requests are served.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from omniroute.ledger.batch import fold, orphan
from omniroute.ledger.journal import Journal
from omniroute.ledger.late_prices import LatePrices
from omniroute.ledger.position import Position, parse
from omniroute.ledger.reader import Reader, Taken
from omniroute.ledger.rollup import DAY_MS, HOUR_MS, Sums
from omniroute.storage.repos import budgets, keys, meta, rollups, usage
from omniroute.storage.repos.budgets import Spend
from omniroute.storage.writer import Writer

BATCH_RECORDS: Final = 500
"""More in one go would hold the interpreter lock long enough to be felt by requests."""

_POSITION: Final = "journal_position"
_NOWHERE: Final = Position(0, 0, 0)
_LOOK_S: Final = 0.01
_FIRST_RETRY_S: Final = 0.05
_LONGEST_RETRY_S: Final = 2.0


class Detached(Exception):
    """The database's file was moved or deleted while it is open."""


class Health(msgspec.Struct, frozen=True):
    """`trouble` is None while all is well, else one sentence. The counts are those of `journal.Fullness`."""

    trouble: str | None = None
    waiting_bytes: int = 0
    lost: int = 0


def drained_position(connection: Connection) -> Position:
    """Behind the last record that is in the tables."""
    text = meta.get(connection, _POSITION)
    return _NOWHERE if text is None else parse(text)


def store(connection: Connection, taken: Taken) -> None:
    """Write a batch and its position in the caller's transaction; a batch that is there already is left alone."""
    if drained_position(connection) >= taken.end:
        return
    batch = fold(taken.records)
    sums = Sums()
    sums.add(batch.requests)
    usage.put_requests(connection, batch.requests)
    usage.progress_requests(connection, batch.progressed)
    if batch.settled:
        before = {row["id"]: row for row in usage.columns_of(connection, (row["id"] for row in batch.settled))}
        orphans = [orphan(row) for row in batch.settled]
        sums.add(before.values(), -1)
        sums.add({**before.get(row["id"], row), **told} for row, told in zip(orphans, batch.settled, strict=True))
        usage.settle_requests(connection, orphans, batch.settled[0])
    rollups.add(connection, sums.by(HOUR_MS), sums.by(DAY_MS))
    usage.put_attempts(connection, batch.attempts)
    if batch.charges:
        budgets.charge(
            connection,
            [Spend(one.budget_id, one.window * 1000, one.micro_usd, one.guessed) for one in batch.charges],
        )
    for key_id, at in batch.used.items():
        keys.mark_used(connection, key_id, at=at)
    meta.put(connection, _POSITION, str(taken.end))


class Drain:
    """The thread that drains one journal. `start` it once; `close` drains what is left.

    `late` prices what was settled before there were prices. `attached` says whether the database is where it was
    opened: SQLite would go on writing into a file that was moved away or deleted.
    """

    def __init__(
        self,
        journal: Journal,
        writer: Writer,
        *,
        late: LatePrices | None = None,
        attached: Callable[[], bool] = lambda: True,
    ) -> None:
        self._journal: Final = journal
        self._writer: Final = writer
        self._late: Final = late
        self._attached: Final = attached
        self._reader = Reader(journal.directory, journal.beginning)
        self._stored = self._reader.position
        self._trouble: str | None = None
        self._closing = threading.Event()
        self._give_up_at = float("inf")
        self._log = logging.getLogger(__name__)
        self._thread = threading.Thread(target=self._run, name="ledger-drain", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def health(self) -> Health:
        fullness = self._journal.fullness
        trouble = self._trouble
        if fullness.waiting_bytes:
            trouble = "the disk is full: usage records wait in memory"
        return Health(trouble, fullness.waiting_bytes, fullness.lost)

    def caught_up(self, *, patience_s: float = 2.0) -> bool:
        """Waits until all that was appended before the call is in the tables; False when that takes too long."""
        until = self._journal.end
        give_up_at = time.monotonic() + patience_s
        while self._stored < until:
            if time.monotonic() > give_up_at:
                return False
            self._journal.wake()
            time.sleep(_LOOK_S)
        return True

    def close(self, *, patience_s: float = 5.0) -> None:
        """Drain what is left, for `patience_s` at most if the database is in the way, and close the journal.

        What could not be drained stays on disk for the next start.
        """
        self._give_up_at = time.monotonic() + patience_s
        self._closing.set()
        if self._late is not None:
            self._late.stop()
        self._journal.wake()
        if self._thread.ident is not None:
            self._thread.join()
        self._journal.close(self._stored)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._journal.wait()
            self._journal.tend()
            if not self._pass():
                return
        self._journal.tend()
        self._pass()

    def _pass(self) -> bool:
        """Drain all there is now; False when it gave up."""
        until = self._journal.end
        while (taken := self._reader.take(BATCH_RECORDS, until=until)).end > self._stored:
            if self._late is not None:
                taken = taken._replace(records=self._late.priced(taken.records))
            if not self._insist(taken):
                return False
            if taken.unknown or taken.damaged_bytes:
                self._log.error(
                    "journal: %d unknown records, %d damaged bytes", taken.unknown, taken.damaged_bytes
                )
            if taken.end[:2] != self._stored[:2]:
                self._journal.forget(taken.end)
            self._stored = taken.end
        return True

    def _insist(self, taken: Taken) -> bool:
        """Store a batch, however often it takes; False when the process ends first."""
        delay = _FIRST_RETRY_S
        while True:
            try:
                if not self._attached():
                    raise Detached("the database file is not where it was opened")
                self._writer.write_quietly(partial(store, taken=taken), durable=True)
            # Whatever it is (locked, full, unreachable, our mistake), the records are safe where they are.
            except Exception as error:
                if self._trouble is None:
                    self._log.exception("the usage ledger cannot be written; records wait in the journal")
                self._trouble = f"usage records wait in the journal: {_said(error)}"
                if time.monotonic() + delay > self._give_up_at:
                    return False
                if self._closing.is_set():
                    time.sleep(delay)
                else:
                    self._closing.wait(delay)
                delay = min(delay * 2, _LONGEST_RETRY_S)
            else:
                if self._trouble is not None:
                    self._trouble = None
                    self._log.warning("the usage ledger can be written again")
                return True


def _said(error: Exception) -> str:
    """Its kind, and what the database itself says of it; never a statement or a path."""
    if isinstance(error, Detached):
        return str(error)
    cause = getattr(error, "orig", None)
    if isinstance(cause, sqlite3.Error):
        return f"{type(error).__name__} ({cause})"
    # A server says in which class a failure is (SQLSTATE), unless it was not there to say anything.
    told = getattr(cause, "sqlstate", "") if isinstance(error, OperationalError) else ""
    return type(error).__name__ + (" (the database server cannot be reached)" if told is None else "")
