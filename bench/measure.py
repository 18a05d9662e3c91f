"""One run of the benchmark: which target meets which load when, and what is written down."""

import contextlib
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.load import Answers, Cell, answers, mock, start_load
from bench.program import Program
from bench.targets import Launch, Target, Unavailable, free_port

ROUND_S = 2.0
CLOSED_LOOP = (
    Cell("json, 1 connection", 1, ROUND_S),
    Cell("json, 64 connections", 64, ROUND_S),
    Cell("stream, 1 connection", 1, ROUND_S, stream=True),
    Cell("stream, 16 connections", 16, ROUND_S, stream=True),
)
MORE_CONNECTIONS = (Cell("json, 16 connections", 16, ROUND_S), Cell("json, 256 connections", 256, ROUND_S))
PACED = Cell("1000 paced streams", 1000, stream=True, paced=True)
START = "start"
"""The name under which the figures of a fresh process are kept; it is no load."""

WARM_UP = (Cell("warm-up", 16, 0.5), Cell("warm-up", 16, 0.5, stream=True))


@dataclass
class Row:
    """What one target did: per cell, each figure once a round; or why there is no figure."""

    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict[str, dict[str, list[float]]])
    failures: dict[str, str] = field(default_factory=dict[str, str])

    def note(self, cell: str, **figures: float) -> None:
        kept = self.figures.setdefault(cell, {})
        for name, value in figures.items():
            kept.setdefault(name, []).append(value)

    def median(self, cell: str, figure: str) -> float | None:
        """The median over the rounds; None when the cell failed or was not measured."""
        values = self.figures.get(cell, {}).get(figure)
        return statistics.median(values) if values and cell not in self.failures else None


@dataclass
class Report:
    """All rows by the target's name. A row's failure under the name `` means that the target never ran.
    `busy` is the machine's load average before the run: other work makes every figure larger, ratios less so."""

    rounds: int
    busy: float
    rows: dict[str, Row] = field(default_factory=dict[str, Row])

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, path: Path) -> "Report":
        saved = json.loads(path.read_text())
        return cls(saved["rounds"], saved["busy"], {name: Row(**row) for name, row in saved["rows"].items()})


def measure(targets: Sequence[Target], cells: Sequence[Cell], *, rounds: int) -> Report:
    """Runs every cell against every target, target by target, `rounds` times."""
    report = Report(rounds, os.getloadavg()[0], {target.name: Row() for target in targets})
    with _folder() as folder, mock(port := free_port()):
        ready = dict(_prepared(targets, report, folder, port))
        if any(cell.seconds for cell in cells):
            _closed_loops(ready, report, [cell for cell in cells if cell.seconds], rounds)
        for _ in range(rounds):
            for name, launch in ready.items():
                _fresh_process(launch, report.rows[name], [cell for cell in cells if not cell.seconds])
    return report


@contextlib.contextmanager
def _folder() -> Generator[Path, None, None]:
    path = Path(tempfile.mkdtemp(prefix="bench-"))
    path.chmod(0o755)  # nginx's worker is another user
    yield path
    shutil.rmtree(path)  # a run that broke leaves it behind, with what the programs printed


def _prepared(
    targets: Sequence[Target], report: Report, folder: Path, mock_port: int
) -> Iterator[tuple[str, Launch]]:
    """Those that start and answer; the first start, which may compile or migrate something, is not measured."""
    for number, target in enumerate(targets):
        own = folder / str(number)
        own.mkdir(mode=0o777)
        try:
            launch = target.prepare(own, mock_port)
            if launch.command:
                with launch.start() as program:
                    launch.wait(program)
            yield target.name, launch
        except Unavailable as error:
            report.rows[target.name].failures[""] = str(error)
            _say(f"{target.name}: {error}")


def _closed_loops(ready: dict[str, Launch], report: Report, cells: Sequence[Cell], rounds: int) -> None:
    with contextlib.ExitStack() as running:
        programs: dict[str, Program | None] = {}
        for name, launch in ready.items():
            programs[name] = running.enter_context(launch.start()) if launch.command else None
            if (program := programs[name]) is not None:
                launch.wait(program)
            for cell in WARM_UP:
                _load(launch, cell)
        for _ in range(rounds):
            for cell in cells:
                for name, program in programs.items():
                    if cell.name not in report.rows[name].failures:
                        _measured(ready[name], program, cell, report.rows[name])
        for name, program in programs.items():
            if program is not None:
                report.rows[name].note(START, loaded_mb=program.memory_mb())


def _fresh_process(launch: Launch, row: Row, cells: Sequence[Cell]) -> None:
    """Cold starts, memory at rest, and the streams that are kept open: all of it shows only in a new process."""
    if not launch.command:
        for cell in cells:
            _measured(launch, None, cell, row)
        return
    if launch.untouched is not None:
        with tempfile.TemporaryDirectory(dir=launch.folder) as fresh:
            first = launch.untouched(Path(fresh) / "data")
            before = time.perf_counter()
            with first.start() as program:
                first.wait(program)
                row.note(START, first_start_s=time.perf_counter() - before)
    before = time.perf_counter()
    with launch.start() as program:
        launch.wait(program)
        row.note(START, start_s=time.perf_counter() - before)
        program.settled_cpu_s()
        row.note(START, idle_mb=program.memory_mb())
        for cell in cells:
            if cell.name not in row.failures:
                _load(launch, WARM_UP[0])
                _measured(launch, program, cell, row)


def _load(launch: Launch, cell: Cell) -> Answers:
    model = launch.paced_model if cell.paced else launch.model
    return answers(start_load(cell, port=launch.port, path=launch.path, headers=launch.headers, model=model))


def _measured(launch: Launch, program: Program | None, cell: Cell, row: Row) -> None:
    model = launch.paced_model if cell.paced else launch.model
    used = program.settled_cpu_s() if program else 0.0
    held = program.memory_mb() if program else 0.0
    load = start_load(cell, port=launch.port, path=launch.path, headers=launch.headers, model=model)
    if cell.paced and program:
        time.sleep(4)  # all streams are open and none is near its end
        row.note(cell.name, kb_per_stream=(program.memory_mb() - held) * 1000 / cell.connections)
    seen = answers(load)
    used = program.settled_cpu_s() - used if program else 0.0
    if (failure := seen.failure(cell)) is not None:
        row.failures[cell.name] = failure
        _say(f"{launch.command[:1]} {cell.name}: {failure}")
        return
    row.note(
        cell.name,
        cpu_us=used * 1e6 / seen.answers,
        event_us=used * 1e6 / max(seen.events, 1),
        cpu_share=used / seen.seconds,
        per_s=seen.answers / seen.seconds,
        late=seen.late,
        p50_us=seen.p50_us,
        p99_us=seen.p99_us,
        first_p50_us=seen.first_p50_us,
        first_p99_us=seen.first_p99_us,
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr)
