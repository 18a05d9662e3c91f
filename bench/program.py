"""A program that runs for the benchmark: pinned to one core, with its processor time, its memory and its end."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

GATEWAY_CORE = 0
LOAD_CORE = 1
"""The mock provider and the load share this core, so that they cannot take time from what is measured."""

CPUCLOCK_SCHED = 2
"""From Linux's posix-timers: with `~pid << 3`, the clock that counts a whole process, its ended threads too."""


class Program:
    """A started process and everything that it starts; what it prints goes to `log`."""

    def __init__(
        self, command: Sequence[str], *, core: int, log: Path, cwd: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                ("taskset", "-c", str(core), *command),
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def __enter__(self) -> "Program":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def cpu_s(self) -> float:
        """Seconds of processor time that the process and its children have used so far, to the nanosecond."""
        return sum(time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED) for pid in self._tree())

    def settled_cpu_s(self) -> float:
        """The same once it is idle: work that was put off (a journal drained later) counts too."""
        used = self.cpu_s()
        for _ in range(50):
            time.sleep(0.1)
            before, used = used, self.cpu_s()
            if used - before < 0.003:
                break
        return used

    def memory_mb(self) -> float:
        """Megabytes (10^6 bytes) of proportional set size: shared pages count for each process by its share."""
        return sum(_pss_kib(pid) for pid in self._tree()) * 1024 / 1e6

    def stop(self) -> None:
        """Asks it to end, and insists after five seconds."""
        for sign, patience_s in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            try:
                os.killpg(self._process.pid, sign)
                self._process.wait(patience_s)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue

    def last_words(self) -> str:
        """The last line of what it printed, for a message."""
        lines = self.log.read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")

    def _tree(self) -> Iterator[int]:
        waiting = [self._process.pid]
        while waiting:
            pid = waiting.pop()
            yield pid
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting += map(int, children.read_text().split())


def _pss_kib(pid: int) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
