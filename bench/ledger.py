"""The usage ledger with millions of rows: lists, searches, sums, start, memory, and what writing costs.

make bench-ledger            5 million rows, about 3 GB in a temporary folder; writes its part of the page
make bench-ledger ROWS=1000000
"""

import argparse
import http.client
import multiprocessing
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from bench import parts
from omniroute.ledger.drain import BATCH_RECORDS, store
from omniroute.ledger.position import Position
from omniroute.ledger.reader import Taken
from omniroute.ledger.records import Opened, Settled
from omniroute.ledger.rollup import DAY_MS, HOUR_MS
from omniroute.storage.database import Database
from omniroute.storage.filters.grammar import parse
from omniroute.storage.repos import requests, summaries
from omniroute.storage.repos.requests import Page
from omniroute.storage.writer import Writer

NOW_MS = 1_800_000_000_000
SPAN_DAYS = 90
ASKED = 60
WHOLE = 5_000_000
"""The aims are for so many; fewer are only printed."""
PORT = 20931
FILLING_KIB = 4_000_000

COLUMNS = (
    "id, at, key_id, dialect, operation, model_asked, stream, outcome, status, provider, connection_id, model,"
    " input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_source,"
    " cost_micro_usd, first_event_ms, duration_ms, attempts, losses, message, settled_at, combo"
)
SUMMED = """
    INSERT INTO {table}
    SELECT at / {ms} * {ms}, provider, model, key_id, combo, connection_id, COUNT(*),
        SUM(outcome <> 'ok'), SUM(cost_micro_usd IS NULL), 0, SUM(input_tokens), SUM(output_tokens),
        SUM(cache_read_tokens), SUM(cache_write_tokens), SUM(reasoning_tokens), SUM(COALESCE(cost_micro_usd, 0)),
        SUM(duration_ms), MAX(at)
    FROM requests GROUP BY 1, 2, 3, 4, 5, 6
"""
INDEXED = (
    "",
    "status:error",
    "key:key-{key}",
    "key:rare",
    "model:model-{model}",
    "provider:provider-{provider}",
    "account:account-{account}",
    "key:key-{key} status:error",
    "provider:provider-{home} model:model-{model}",
)
LOOKED_AT = (
    "provider:provider-{provider} model:model-{model}",
    "latency:>59s",
    "cost>0.9",
    "model:model-1*",
    "combo:combo-1",
    "is:fellback tokens:>90k",
    "-is:ok is:stream",
)
FREE_TEXT = ('"quota exhausted for project 7"', '"needle in the haystack"', "timeout")


def rows(count: int, dice: random.Random) -> Iterator[tuple[object, ...]]:
    """Spread evenly over the span. Some keys ask much more than others, each for three models at an account of its
    own, and for some of them by the name of a combo."""
    step = SPAN_DAYS * DAY_MS // count
    chosen_keys = dice.choices(range(40), [1 / (place + 1) for place in range(40)], k=count)
    for number in range(count):
        at = NOW_MS - (count - number) * step
        failed = dice.random() < 0.03
        owner = chosen_keys[number]
        model = (owner * 7 + number % 3) % 30
        provider = model % 8
        key = "rare" if number % 50_000 == 7 else f"key-{owner}"
        tokens = dice.randrange(100, 100_000)
        message = f"quota exhausted for project {dice.randrange(100)}" if failed else ""
        yield (
            f"req_{number:026d}",
            at,
            key,
            "openai_chat",
            "chat",
            f"model-{model}",
            number % 2,
            "rate_limit" if failed else "ok",
            429 if failed else 200,
            f"provider-{provider}",
            f"account-{provider}-{owner % 3}",
            f"model-{model}",
            tokens,
            tokens // 20,
            0,
            0,
            0,
            "reported",
            tokens * 10,
            400,
            dice.randrange(500, 60_000),
            1 + (number % 97 == 0),
            0,
            message,
            at + 1000,
            f"combo-{owner}" if number % 3 == 0 else "",
        )


def fill(path: Path, count: int) -> None:
    """In the order of time and with all indexes, as a gateway does it, but without its care for power cuts."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA cache_size = -{FILLING_KIB}")
        connection.execute("BEGIN")
        marks = ", ".join("?" * len(COLUMNS.split(",")))
        connection.executemany(f"INSERT INTO requests ({COLUMNS}) VALUES ({marks})", rows(count, random.Random(1)))
        for table, ms in (("usage_hours", HOUR_MS), ("usage_days", DAY_MS)):
            connection.execute(SUMMED.format(table=table, ms=ms))
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")


def timed(work: Callable[[], object], times: int) -> list[float]:
    """Milliseconds of each."""
    took: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        took.append((time.perf_counter() - start) * 1000)
    return sorted(took)


def p95(took: list[float]) -> float:
    return took[min(len(took) - 1, round(0.95 * len(took)))]


def looking(
    database: Database, template: str, dice: random.Random, patience_s: float | None
) -> tuple[Page, float, float]:
    """One page of 50 of a random day, week, month or quarter, and how long it took."""
    model = dice.randrange(30)
    filled = template.format(
        key=dice.randrange(40),
        model=model,
        home=model % 8,
        provider=dice.randrange(8),
        account=f"{dice.randrange(8)}-{dice.randrange(3)}",
    )
    days = dice.choice((1, 7, 30, 90))
    end = dice.randrange(0, SPAN_DAYS - days + 1)
    bounds = f" since:{end + days}d" if not end else f" since:{end + days}d until:{end}d"
    query = parse(f"{filled}{bounds}".strip())
    start, busy = time.perf_counter(), time.thread_time()
    patient = lambda: time.perf_counter() - start < patience_s  # noqa: E731
    page = database.read(
        lambda connection: requests.page(connection, query, now=NOW_MS, limit=50, patient=patient)
    )
    return page, (time.perf_counter() - start) * 1000, (time.thread_time() - busy) * 1000


def drained(database: Database, writer: Writer, batches: int) -> float:
    """Requests a second that the drain writes, with roll-ups and position, each batch on the disk."""
    start = time.perf_counter()
    for batch in range(batches):
        records: list[Opened | Settled] = []
        for number in range(BATCH_RECORDS // 2):
            request_id, at = f"new_{batch:06d}_{number:04d}", NOW_MS / 1000 + batch
            records.append(
                Opened(
                    request_id=request_id,
                    at=at,
                    key_id=f"key-{number % 40}",
                    dialect="openai_chat",
                    operation="chat",
                    model=f"model-{number % 30}",
                    stream=False,
                )
            )
            records.append(
                Settled(
                    request_id=request_id,
                    at=at + 1,
                    outcome="ok",
                    status=200,
                    provider=f"provider-{number % 8}",
                    connection_id=f"account-{number % 8}-{number % 3}",
                    model=f"model-{number % 30}",
                    input_tokens=1000,
                    output_tokens=50,
                    usage_source="reported",
                    cost_micro_usd=100,
                    attempts=1,
                )
            )
        taken = Taken(tuple(records), Position(9, 1, batch + 1))
        writer.write_quietly(lambda connection, taken=taken: store(connection, taken), durable=True)
    return batches * (BATCH_RECORDS // 2) / (time.perf_counter() - start)


def started(home: Path) -> tuple[float, float]:
    """Seconds from the start of the process to its first 200, and its resident MB then."""
    command = [
        sys.executable,
        "-m",
        "omniroute",
        "serve",
        "--port",
        str(PORT),
        "--data-dir",
        str(home),
        "--no-open",
        "--no-detect",
    ]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        try:
            while not _answers():
                time.sleep(0.005)
            took = time.perf_counter() - start
            status = Path(f"/proc/{child.pid}/status").read_text()
        finally:
            child.terminate()
            child.wait()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return took, int(resident.split()[1]) / 1024


def _answers() -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
    try:
        connection.request("GET", "/api/monitoring/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def resident_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Report:
    """A table, printed line by line as it grows."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self.row("", "measured", "aim")
        self._add("|---|---|---|")

    def row(self, name: str, measured: str, aim: str = "") -> None:
        self._add(f"| {name} | {measured} | {aim} |")

    def _add(self, line: str) -> None:
        print(line, flush=True)
        self._lines.append(line)

    def __str__(self) -> str:
        return "\n".join(self._lines)


def lists(
    report: Report, database: Database, title: str, templates: tuple[str, ...], patience_s: float, aim: str
) -> None:
    dice = random.Random(2)
    everything: list[float] = []
    everything_busy: list[float] = []
    for template in templates:
        took: list[float] = []
        busy: list[float] = []
        unfinished = 0
        for _ in range(ASKED):
            page, ms, busy_ms = looking(database, template, dice, patience_s)
            took.append(ms)
            busy.append(busy_ms)
            unfinished += not page.complete
        everything += took
        everything_busy += busy
        took.sort()
        rest = f", {unfinished} of {ASKED} to be gone on with" if unfinished else ""
        report.row(
            f"{title} `{template or '(all)'}`",
            f"p50 {statistics.median(took):.1f} ms, p95 {p95(took):.1f} ms,"
            f" p95 of CPU {p95(sorted(busy)):.1f} ms{rest}",
        )
    both = f"p95 {p95(sorted(everything)):.1f} ms, of CPU {p95(sorted(everything_busy)):.1f} ms"
    report.row(f"**{title}, together**", both, aim)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=WHOLE)
    count = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="omniroute-ledger-") as folder:
        home = Path(folder)
        Database.open(home / "omniroute.db").close()
        start = time.perf_counter()
        filling = multiprocessing.get_context("spawn").Process(target=fill, args=(home / "omniroute.db", count))
        filling.start()
        filling.join()
        took = time.perf_counter() - start
        database = Database.open(home / "omniroute.db")
        size = sum(file.stat().st_size for file in home.iterdir()) / count
        print(f"made in {took:.0f} s\n")
        report = Report()
        report.row("rows", f"{count:,} over {SPAN_DAYS} days")
        report.row("a row on the disk, with its indexes", f"{size:.0f} bytes")
        before = resident_mb()
        lists(report, database, "page by indexed fields", INDEXED, 0.6, "≤ 100 ms")
        lists(report, database, "page by others", LOOKED_AT, 0.6, "≤ 1 s")
        lists(report, database, "free text", FREE_TEXT, 0.6, "≤ 1 s")
        for name, since in (
            ("for ever", 0),
            ("30 days", NOW_MS - 30 * DAY_MS + 1),
            ("1 day", NOW_MS - DAY_MS + 1),
        ):

            def sums(since: int = since) -> object:
                return database.read(
                    lambda connection: summaries.used(
                        connection, ("provider", "model", "connection_id", "key_id", "combo"), since=since
                    )
                )

            took_ms = timed(sums, 10)
            report.row(f"sums by everything, {name}", f"p50 {statistics.median(took_ms):.0f} ms")
        report.row("memory that reading added", f"{resident_mb() - before:.0f} MB")
        writer = Writer(database)
        report.row("drain, with roll-ups", f"{drained(database, writer, 100):.0f} requests/s")
        writer.close()
        database.close()
        starts = [started(home) for _ in range(3)]
        report.row("start of an empty ledger", f"{min(started(home / str(n))[0] for n in range(3)):.2f} s")
        report.row("start to the first 200", f"{statistics.median(one[0] for one in starts):.2f} s", "≤ 2 s")
        report.row("resident after the start", f"{statistics.median(one[1] for one in starts):.0f} MB")
    if count >= WHOLE:
        parts.write("ledger", str(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
