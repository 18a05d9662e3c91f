"""`make soak`: kills a gateway under load again and again, then asks one steadily for an hour and watches it.

SOAK_KILLS and SOAK_MINUTES make it shorter; a whole one writes its part of docs/explanation/performance.md. Ends
with 1 when a record is missing or counted twice, or when memory still grows in the second half of the hour.
"""

import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from bench import parts
from tests.support import rows
from tests.support.gateway import Gateway
from tests.support.load import CALLERS, Load, agrees
from tests.support.stage import DIALECTS, UPSTREAM_KEY, Dialect, Stage
from tests.support.upstream.server import ScriptedUpstream

WHOLE = (200, 60.0)
KILLS = int(os.environ.get("SOAK_KILLS", WHOLE[0]))
MINUTES = float(os.environ.get("SOAK_MINUTES", WHOLE[1]))
SAMPLES_A_MINUTE = 6
A_SECOND = 100
"""Requests, in the hour: a steady load, because what a gateway needs at most follows what is asked at most."""
ALLOWED_GROWTH = 0.02
"""Of the memory at the beginning of the second half, by the end of it: what sampling itself makes uncertain."""


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="omniroute-soak-") as home, ScriptedUpstream() as upstream:
        gateway = Gateway(Path(home))
        gateway.start()
        behind = Stage(upstream, gateway, gateway.client_key("soak"))
        models = {
            speaks: gateway.provider(f"{speaks}-compatible", f"{upstream.url}/v1", keys=(UPSTREAM_KEY,))
            + "/scripted-small"
            for speaks in DIALECTS
        }
        try:
            answered = kills(behind, models)
            hour = memory(behind, models)
        finally:
            gateway.stop()
    text = told(answered, hour)
    print(text)
    if (KILLS, MINUTES) == WHOLE:
        parts.write("soak", text)
    grown = hour.after_mib > hour.before_mib * (1 + ALLOWED_GROWTH)
    return 1 if grown or hour.lost or hour.twice else 0


class Hour(NamedTuple):
    """`received` answers came whole to clients; `lost` ones of them are not in the ledger, `twice` ones have two
    rows. Its memory is that at half time and at the end."""

    received: int
    lost: int
    twice: int
    before_mib: float
    after_mib: float


def told(answered: int, hour: Hour) -> str:
    lines = (
        "| | |",
        "|---|---|",
        f"| `kill -9` under load | {KILLS} times |",
        f"| answers that clients had received whole by then | {answered:,} |",
        "| of these lost, or counted twice | 0 |",
        f"| answers in {MINUTES:g} minutes, at most {A_SECOND} a second | {hour.received:,} |",
        f"| of these lost, or counted twice | {hour.lost + hour.twice:,} |",
        f"| memory at half time | {hour.before_mib:.1f} MiB |",
        f"| memory at the end | {hour.after_mib:.1f} MiB |",
    )
    return "\n".join(lines)


def kills(behind: Stage, models: dict[Dialect, str]) -> int:
    """How many answers were received whole. Raises AssertionError when the ledger does not agree."""
    chance = random.Random(1)
    answered = 0
    for number in range(KILLS):
        load = Load(behind, models, f"kill{number}")
        load.start()
        load.wait_complete(chance.randint(1, 80))
        behind.gateway.kill()
        load.join()
        behind.gateway.start()
        agrees(behind, load)
        behind.upstream.received.clear()
        answered += len(load.complete)
        if (number + 1) % 10 == 0:
            print(f"{number + 1} kills: {answered} answers received, none lost, none counted twice", flush=True)
    return answered


def memory(behind: Stage, models: dict[Dialect, str]) -> Hour:
    load = Load(behind, models, "hour", every_s=CALLERS / A_SECOND)
    load.start()
    samples: list[float] = []
    began = time.monotonic()
    while time.monotonic() - began < MINUTES * 60 and not load.wrong:
        time.sleep(60 / SAMPLES_A_MINUTE)
        behind.upstream.received.clear()
        samples.append(_resident_mib(behind.gateway.pid))
        if len(samples) % SAMPLES_A_MINUTE == 0:
            minute = len(samples) // SAMPLES_A_MINUTE
            print(f"minute {minute}: {samples[-1]:.1f} MiB, {len(load.complete)} answers", flush=True)
    assert load.wrong == []
    behind.gateway.stop()
    load.join()
    ledger = rows.requests(behind.gateway.database)
    lost = [one for one in load.complete if one not in ledger or ledger[one].outcome != "ok"]
    marks = [row.client_request_id for row in ledger.values() if (row.client_request_id or "").startswith("hour-")]
    half = samples[len(samples) // 2 :]
    quarter = max(1, len(half) // 4)
    return Hour(
        received=len(load.complete),
        lost=len(lost),
        twice=len(marks) - len(set(marks)),
        before_mib=statistics.mean(half[:quarter]),
        after_mib=statistics.mean(half[-quarter:]),
    )


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


sys.exit(main())
