"""`make soak`: kills a gateway under load again and again, then keeps one busy for an hour and watches its memory.

SOAK_KILLS and SOAK_MINUTES make it shorter. Ends with 1 when a record is missing or counted twice, or when memory
still grows in the second half of the hour.
"""

import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.support import rows
from tests.support.gateway import Gateway
from tests.support.load import Load, agrees
from tests.support.stage import DIALECTS, UPSTREAM_KEY, Dialect, Stage
from tests.support.upstream.server import ScriptedUpstream

KILLS = int(os.environ.get("SOAK_KILLS", "200"))
MINUTES = float(os.environ.get("SOAK_MINUTES", "60"))
SAMPLES_A_MINUTE = 6
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
            kills(behind, models)
            grown = memory(behind, models)
        finally:
            gateway.stop()
    return 1 if grown else 0


def kills(behind: Stage, models: dict[Dialect, str]) -> None:
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


def memory(behind: Stage, models: dict[Dialect, str]) -> bool:
    """Whether it still grew in the second half."""
    load = Load(behind, models, "hour")
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
    behind.gateway.stop()
    load.join()
    received = len(load.complete)
    settled = [row for row in rows.requests(behind.gateway.database).values() if row.outcome == "ok"]
    own = [row for row in settled if (row.client_request_id or "").startswith("hour-")]
    print(f"{received} answers received, {len(own)} in the ledger, {sum(row.output_tokens for row in own)} tokens")
    assert len(own) >= received, "answers are missing in the ledger"
    half = samples[len(samples) // 2 :]
    quarter = max(1, len(half) // 4)
    before, after = statistics.mean(half[:quarter]), statistics.mean(half[-quarter:])
    print(f"memory: {before:.1f} MiB at half time, {after:.1f} MiB at the end: {after - before:+.1f} MiB")
    return after > before * (1 + ALLOWED_GROWTH)


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


sys.exit(main())
