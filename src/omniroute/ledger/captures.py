"""What was said, word by word: requests and replies of those who want it kept, a file for each day.

They are no part of the ledger: what waits here when the process is killed is lost, and when they come faster than
they can be written the newest are dropped. Each day is a database of its own under `captures/`, so that old ones
go by deleting a file.
"""

import logging
import sqlite3
import threading
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import msgspec

from omniroute.ledger.excerpt import Excerpt, Kept
from omniroute.storage.datadir import create_private
from omniroute.telemetry.redact import redacted, redacted_header

_MOST_WAITING: Final = 32 * 1024 * 1024
_TOGETHER: Final = 64
_NEAR_MS: Final = 3_600_000
_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS captures (id TEXT PRIMARY KEY, at INTEGER NOT NULL, capture BLOB NOT NULL)"
)
_SUFFIXES: Final = ("", "-wal", "-shm")


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A request and its reply as they were, before anything is taken out. `secrets` are those that are known to be
    in them. `at_ms` is about when the request opened."""

    request_id: str
    at_ms: int
    method: str
    path: str
    request_headers: Mapping[str, str]
    request: Excerpt
    status: int
    response_headers: tuple[tuple[bytes, bytes], ...]
    response: Excerpt
    secrets: tuple[str, ...] = ()


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of it."""

    method: str
    path: str
    request_headers: dict[str, str]
    request: Kept
    status: int
    response_headers: dict[str, str]
    response: Kept


class Captures:
    """Starts its thread with the first capture. All methods may be called from any thread."""

    def __init__(self, directory: Path) -> None:
        """`directory` is made when it is needed."""
        self._directory: Final = directory
        self._queue: SimpleQueue[Said | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._thread: threading.Thread | None = None
        self._waiting = 0
        self._closed = False
        self._log = logging.getLogger(__name__)
        self.dropped = 0
        """How many were not kept, because too many waited or could not be written."""

    def keep(self, said: Said) -> None:
        """Returns at once."""
        size = _held(said)
        with self._gate:
            if self._closed or self._waiting + size > _MOST_WAITING:
                self.dropped += 1
                return
            self._waiting += size
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="captures", daemon=True)
                self._thread.start()
            self._queue.put(said)

    def find(self, request_id: str, *, at_ms: int) -> Capture | None:
        """What was captured of a request that opened at `at_ms`."""
        for day in _days(at_ms):
            with self._reading(day) as connection:
                if connection is None:
                    continue
                row = connection.execute("SELECT capture FROM captures WHERE id = ?", (request_id,)).fetchone()
                if row is not None:
                    return msgspec.json.decode(zlib.decompress(row[0]), type=Capture)
        return None

    def known(self, requests: Iterable[tuple[str, int]]) -> frozenset[str]:
        """Of these requests (id, when it opened), those of which something was captured."""
        by_day: dict[date, list[str]] = {}
        for request_id, at_ms in requests:
            for day in _days(at_ms):
                by_day.setdefault(day, []).append(request_id)
        found: set[str] = set()
        for day, ids in by_day.items():
            with self._reading(day) as connection:
                if connection is not None:
                    wanted = msgspec.json.encode(ids).decode()
                    question = "SELECT id FROM captures WHERE id IN (SELECT value FROM json_each(?))"
                    found.update(row[0] for row in connection.execute(question, (wanted,)))
        return frozenset(found)

    def forget(self, *, before: date | None, most_bytes: int) -> int:
        """Deletes whole days: those before `before`, then the oldest until the rest fits in `most_bytes`, except
        for the newest. Returns how many went."""
        days = sorted(self._stored())
        gone = [day for day in days if before is not None and day < before]
        left = days[len(gone) :]
        sizes = {day: sum(path.stat().st_size for path in self._files(day) if path.exists()) for day in left}
        while len(left) > 1 and sum(sizes[day] for day in left) > most_bytes:
            gone.append(left.pop(0))
        for day in gone:
            for path in self._files(day):
                path.unlink(missing_ok=True)
        return len(gone)

    def close(self) -> None:
        """Writes what waits."""
        with self._gate:
            self._closed = True
            thread = self._thread
            self._queue.put(None)
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        going_on = True
        while going_on:
            some = [self._queue.get()]
            while len(some) < _TOGETHER and not self._queue.empty():
                some.append(self._queue.get())
            going_on = None not in some
            given = [said for said in some if said is not None]
            try:
                self._write(given)
            except (OSError, sqlite3.Error) as error:
                self.dropped += len(given)
                self._log.error("captures cannot be written: %s", error)
            with self._gate:
                self._waiting -= sum(map(_held, given))

    def _write(self, given: list[Said]) -> None:
        by_day: dict[date, list[Said]] = {}
        for said in given:
            by_day.setdefault(_day(said.at_ms), []).append(said)
        for day, some in by_day.items():
            rows = [(said.request_id, said.at_ms, _packed(said)) for said in some]
            self._directory.mkdir(mode=0o700, exist_ok=True)
            file = self._files(day)[0]
            create_private(file)
            with closing(sqlite3.connect(file, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=OFF")
                connection.execute(_SCHEMA)
                connection.execute("BEGIN")
                connection.executemany("INSERT OR REPLACE INTO captures VALUES (?, ?, ?)", rows)
                connection.execute("COMMIT")

    @contextmanager
    def _reading(self, day: date) -> Generator[sqlite3.Connection | None]:
        file = self._files(day)[0]
        if not file.exists():
            yield None
            return
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute(_SCHEMA)  # its writer may have made no more than the file
            yield connection

    def _stored(self) -> Iterator[date]:
        for path in self._directory.glob("*.db"):
            try:
                yield date.fromisoformat(path.stem)
            except ValueError:
                continue

    def _files(self, day: date) -> list[Path]:
        return [self._directory / f"{day.isoformat()}.db{suffix}" for suffix in _SUFFIXES]


def _day(at_ms: int) -> date:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date()


def _days(at_ms: int) -> tuple[date, ...]:
    """Where a request may be that opened about then."""
    return tuple(sorted({_day(at_ms), _day(at_ms - _NEAR_MS), _day(at_ms + _NEAR_MS)}))


def _held(said: Said) -> int:
    return said.request.held + said.response.held + 1024


def _packed(said: Said) -> bytes:
    capture = Capture(
        method=said.method,
        path=redacted(said.path),
        request_headers={name: redacted_header(name, value) for name, value in said.request_headers.items()},
        request=said.request.kept(said.secrets),
        status=said.status,
        response_headers={
            (known := name.decode("latin-1").lower()): redacted_header(known, value.decode("latin-1"))
            for name, value in said.response_headers
        },
        response=said.response.kept(said.secrets),
    )
    return zlib.compress(msgspec.json.encode(capture))
