"""What a start does with the journals of earlier processes: everything they accepted goes into the database."""

import logging
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Connection

from omniroute.ledger.batch import milliseconds
from omniroute.ledger.drain import BATCH_RECORDS, drained_position, store
from omniroute.ledger.position import Position, segments
from omniroute.ledger.reader import Reader
from omniroute.ledger.rollup import DAY_MS, HOUR_MS, Sums
from omniroute.storage.database import Database
from omniroute.storage.repos import budgets, rollups, usage
from omniroute.storage.writer import Writer

_KEPT_MS: Final = 100 * 86_400_000
"""What a budget spent is kept for longer than its longest window, so that a clock may be wrong by a month."""


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. `generation` is the one the new journal takes; `interrupted` requests were open when the
    earlier process ended; `unknown` and `damaged_bytes` are those of `reader.Taken`."""

    generation: int
    records: int = 0
    interrupted: int = 0
    unknown: int = 0
    damaged_bytes: int = 0


def recover(directory: Path, database: Database, writer: Writer, *, at: float) -> Recovered:
    """Drain all journals in `directory`, delete them, and settle what stayed open as of `at` (unix seconds).

    Call it while the data directory is held and before the new journal is made. A torn last record is left out:
    it was never accepted. A segment with damage is kept as `<name>.damaged` once its whole records are stored.
    """
    reader = Reader(directory, database.read(drained_position))
    files = segments(directory)
    last = files[-1] if files else (0, 0)
    everything = Position(last[0], last[1] + 1, 0)
    records = unknown = damaged = 0
    damaged_segments: set[tuple[int, int]] = set()
    while True:
        before = reader.position
        taken = reader.take(BATCH_RECORDS, until=everything)
        if taken.end == before:
            break
        writer.write_quietly(partial(store, taken=taken), durable=True)
        records += len(taken.records)
        unknown += taken.unknown
        damaged += taken.damaged_bytes
        if taken.damaged_bytes or taken.unknown:
            damaged_segments.update(file for file in files if before[:2] <= file <= taken.end[:2])
    for file in files:
        path = directory / file.name
        if file in damaged_segments:
            path.rename(path.with_suffix(".log.damaged"))
        else:
            path.unlink()

    def interrupt(connection: Connection) -> int:
        open_before = usage.open_ids(connection)
        interrupted = usage.interrupt_open(connection, at=milliseconds(at))
        budgets.forget(connection, before=milliseconds(at) - _KEPT_MS)
        sums = Sums()
        sums.add(usage.columns_of(connection, open_before))
        rollups.add(connection, sums.by(HOUR_MS), sums.by(DAY_MS))
        return interrupted

    recovered = Recovered(
        generation=max(last[0], reader.position.generation) + 1,
        records=records,
        interrupted=writer.write_quietly(interrupt, durable=True),
        unknown=unknown,
        damaged_bytes=damaged,
    )
    if damaged or unknown:
        logging.getLogger(__name__).error(
            "journal: %d damaged bytes and %d unknown records were skipped; the segments are kept in %s",
            damaged,
            unknown,
            directory,
        )
    return recovered
