"""The page: what the figures of a run look like to a reader, and which aims they meet."""

import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import CLOSED_LOOP, MORE_CONNECTIONS, PACED, START, Report, Row
from bench.targets import Target

JSON_1, JSON_64, STREAM_1, STREAM_16 = (cell.name for cell in CLOSED_LOOP)
NGINX, DIRECT, NATIVE, AIOHTTP, TRANSLATED = (
    *("nginx", "direct"),
    *("OmniRoute", "OmniRoute, aiohttp", "OmniRoute, translated"),
)
BUSY = ": other programs used the machine, so trust the ratios and not the absolute figures."
EMPTY = Row()


@dataclass(frozen=True)
class Column:
    """A figure of one cell. `compared` adds how many times nginx's it is."""

    title: str
    cell: str
    figure: str
    show: Callable[[float], str]
    compared: bool = False


def _us(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _ms(value: float) -> str:
    return f"{value / 1000:,.0f}" if value >= 100_000 else f"{value / 1000:.2f}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _seconds(value: float) -> str:
    return f"{value:.2f}"


def _percent(value: float) -> str:
    return f"{value * 100:.0f} %"


def _json_columns(cell: str) -> tuple[Column, ...]:
    return (
        Column("CPU µs/request", cell, "cpu_us", _us, compared=True),
        Column("requests/s", cell, "per_s", _whole),
        Column("p50 ms", cell, "p50_us", _ms),
        Column("p99 ms", cell, "p99_us", _ms),
    )


TABLES: tuple[tuple[str, tuple[Column, ...]], ...] = (
    *(
        (f"Chat, {cell.name}", _json_columns(cell.name))
        for cell in (*reversed(CLOSED_LOOP[:2]), *MORE_CONNECTIONS)
    ),
    (
        "1,000 paced streams at once (64 events, 100 ms apart)",
        (
            Column("CPU µs/event", PACED.name, "event_us", _us, compared=True),
            Column("of one core", PACED.name, "cpu_share", _percent),
            Column("first byte p50 ms", PACED.name, "first_p50_us", _ms),
            Column("p99 ms", PACED.name, "first_p99_us", _ms),
            Column("late", PACED.name, "late", _whole),
            Column("kB/stream", PACED.name, "kb_per_stream", _us),
        ),
    ),
    (
        "Unpaced streams (these measure mostly how many events a gateway reads and writes at once)",
        (
            Column("first byte p50 ms, 1 connection", STREAM_1, "first_p50_us", _ms),
            Column("whole p50 ms, 1 connection", STREAM_1, "p50_us", _ms),
            Column("CPU µs/stream, 16 connections", STREAM_16, "cpu_us", _us, compared=True),
            Column("streams/s, 16 connections", STREAM_16, "per_s", _whole),
        ),
    ),
    (
        "Start and memory",
        (
            Column("start to first 200, s", START, "start_s", _seconds),
            Column("with a new data directory, s", START, "first_start_s", _seconds),
            Column("idle MB", START, "idle_mb", _us),
            Column("after the load MB", START, "loaded_mb", _us),
        ),
    ),
)


Measure = Callable[[Report], float | None]


@dataclass(frozen=True)
class Aim:
    """What was promised, as the most that `measured` may be."""

    text: str
    most: float
    unit: str
    measured: Measure


def _figure(name: str, cell: str, figure: str, scale: float = 1) -> Measure:
    def measured(report: Report) -> float | None:
        value = report.rows.get(name, EMPTY).median(cell, figure)
        return None if value is None else value * scale

    return measured


def _ratio(name: str, cell: str, figure: str) -> Measure:
    """To nginx's figure."""

    def measured(report: Report) -> float | None:
        value, base = (report.rows.get(row, EMPTY).median(cell, figure) for row in (name, NGINX))
        return value / base if value is not None and base else None

    return measured


def _ratio_of_added(name: str, cell: str, figure: str) -> Measure:
    """What it adds to the direct figure, in units of what nginx adds."""

    def measured(report: Report) -> float | None:
        value, base, floor = (report.rows.get(row, EMPTY).median(cell, figure) for row in (name, NGINX, DIRECT))
        return None if None in (value, base, floor) else (value - floor) / (base - floor)  # type: ignore[operator]

    return measured


def _translation(report: Report) -> float | None:
    translated, same = (report.rows.get(row, EMPTY).median(PACED.name, "event_us") for row in (TRANSLATED, NATIVE))
    return None if translated is None or same is None else translated - same


AIMS: tuple[Aim, ...] = (
    Aim("CPU per request, 64 connections", 6, " x nginx", _ratio(NATIVE, JSON_64, "cpu_us")),
    Aim("the same, as a stretch", 4.5, " x nginx", _ratio(NATIVE, JSON_64, "cpu_us")),
    Aim("the same with the aiohttp transport", 11, " x nginx", _ratio(AIOHTTP, JSON_64, "cpu_us")),
    Aim("p50 added, 1 connection", 3, " x nginx", _ratio_of_added(NATIVE, JSON_1, "p50_us")),
    Aim("CPU per paced event", 2, " x nginx", _ratio(NATIVE, PACED.name, "event_us")),
    Aim(
        "first byte p50 added, 1,000 paced streams",
        1.5,
        " x nginx",
        _ratio_of_added(NATIVE, PACED.name, "first_p50_us"),
    ),
    Aim("of one core for 1,000 paced streams", 40, " %", _figure(NATIVE, PACED.name, "cpu_share", 100)),
    Aim("of those late", 0, "", _figure(NATIVE, PACED.name, "late")),
    Aim("memory per stream", 30, " kB", _figure(NATIVE, PACED.name, "kb_per_stream")),
    Aim("memory per translated stream", 60, " kB", _figure(TRANSLATED, PACED.name, "kb_per_stream")),
    Aim("CPU added per translated event", 6, " µs", _translation),
    Aim("start to the first 200", 1, " s", _figure(NATIVE, START, "start_s")),
    Aim("the same with a new data directory", 2, " s", _figure(NATIVE, START, "first_start_s")),
    Aim("idle memory", 90, " MB", _figure(NATIVE, START, "idle_mb")),
)


def page(report: Report, targets: Sequence[Target]) -> str:
    """The measured part of the page, in Markdown."""
    known = [target for target in targets if target.name in report.rows]
    return "\n\n".join((_machine(report), *_tables(report, known), _aims(report), _settings(report, known)))


def verdict(report: Report, targets: Iterable[Target]) -> int:
    """1 when something of our own, or what it is compared with, gave no honest figure; other gateways may fail."""
    return int(any(report.rows[target.name].failures for target in targets if target.kind != "peer"))


def _machine(report: Report) -> str:
    model = next(
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    )
    cores = sum(line.startswith("processor") for line in Path("/proc/cpuinfo").read_text().splitlines())
    return (
        f"Machine: {cores} cores of {model}, Linux {platform.release().split('-')[0]}, Python"
        f" {platform.python_version()}. Rounds: {report.rounds}, medians."
        + f" Load average before the run: {report.busy:.1f}"
        + ("." if report.busy < 0.5 else BUSY)
    )


def _tables(report: Report, targets: Sequence[Target]) -> Iterable[str]:
    for title, columns in TABLES:
        measured = any(column.cell in report.rows[target.name].figures for target in targets for column in columns)
        if measured:
            yield f"### {title}\n\n{_grid(report, targets, columns)}"


def _grid(report: Report, targets: Sequence[Target], columns: Sequence[Column]) -> str:
    heads = [head for column in columns for head in (column.title, *(["x nginx"] if column.compared else []))]
    lines = ["| | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads)]
    for target in targets:
        shown = [value for column in columns for value in _values(report, target, column)]
        lines.append(f"| {target.name} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def _values(report: Report, target: Target, column: Column) -> list[str]:
    row = report.rows[target.name]
    if "" in row.failures or column.cell in row.failures:
        return ["✗", "✗"] if column.compared else ["✗"]
    value = row.median(column.cell, column.figure)
    if value is None or (target.kind == "direct" and column.figure in ("cpu_us", "event_us", "cpu_share")):
        return ["-", "-"] if column.compared else ["-"]
    base = report.rows.get(NGINX, EMPTY).median(column.cell, column.figure)
    if not column.compared:
        return [column.show(value)]
    return [column.show(value), f"{value / base:.1f}" if base else "-"]


def _aims(report: Report) -> str:
    lines = ["### Aims", "", "| aim | measured | |", "|---|---:|---|"]
    for aim in AIMS:
        value = aim.measured(report)
        met = "not measured" if value is None else "met" if value <= aim.most else "**not met**"
        shown = "-" if value is None else f"{value:.1f}{aim.unit}" if aim.most >= 3 else f"{value:.2f}{aim.unit}"
        lines.append(f"| {aim.text} ≤ {aim.most:g}{aim.unit} | {shown} | {met} |")
    return "\n".join(lines)


def _settings(report: Report, targets: Sequence[Target]) -> str:
    lines = ["### What was measured, and what failed (✗)", ""]
    for target in targets:
        lines.append(f"- **{target.name}**: {target.settings}")
        for cell, failure in report.rows[target.name].failures.items():
            lines.append(f"  - ✗ {cell or 'not measured'}: {failure}")
    return "\n".join(lines)
