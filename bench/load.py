"""The two programs in C: how they are built, and what the load generator reports about one cell."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.program import LOAD_CORE, Program

HERE = Path(__file__).parent
BUILD = HERE / ".build"

QUESTION = (
    "A gateway stands between many programs and many providers of language models. In two sentences: what should"
    " it do with a request that it cannot understand?"
)
STREAM_EVENTS = 68
"""Server-sent events in one OpenAI stream of the mock: 64 with content, and four around them."""
PACED_S = 6.4
"""How long the mock takes for a paced stream: 64 events, 100 ms apart."""


@dataclass(frozen=True)
class Cell:
    """One kind of load. Without `seconds` every connection asks once, all at the same moment."""

    name: str
    connections: int
    seconds: float = 0
    stream: bool = False
    paced: bool = False


@dataclass(frozen=True)
class Answers:
    """What the load generator saw. Times are microseconds; `first` is the first byte of the body."""

    answers: int
    errors: int
    unfinished: int
    late: int
    events: int
    seconds: float
    p50_us: float
    p99_us: float
    first_p50_us: float
    first_p99_us: float
    first_error: str

    def failure(self, cell: Cell) -> str | None:
        """Why this measurement must not be quoted, or None."""
        asked = self.answers + self.errors + self.unfinished
        if self.errors:
            return f"{self.errors} of {asked} failed: {self.first_error}"
        if self.unfinished:
            return f"only {self.answers} of {asked} finished"
        if cell.paced and self.first_p50_us > PACED_S * 1e6 / 5:
            return "the first byte came after more than a fifth of the stream's time"
        return None


def build() -> None:
    """Compiles what is older than its source."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise SystemExit("bench: no C compiler; on Debian: apt-get install gcc libc6-dev")
    BUILD.mkdir(exist_ok=True)
    for name in ("mock", "load"):
        source, built = HERE / f"{name}.c", BUILD / name
        if not built.exists() or built.stat().st_mtime < source.stat().st_mtime:
            subprocess.run((compiler, "-O2", "-Wall", "-Wextra", "-o", built, source), check=True)


def mock(port: int) -> Program:
    return Program((str(BUILD / "mock"), str(port)), core=LOAD_CORE, log=BUILD / "mock.log", cwd=BUILD)


def request(model: str, *, stream: bool) -> str:
    """The body of one chat request, about 320 bytes."""
    body: dict[str, object] = {
        "model": model,
        "messages": [
            {"role": "system", "content": "You are a careful assistant."},
            {"role": "user", "content": QUESTION},
        ],
        "max_tokens": 256,
        "temperature": 0.7,
    }
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(body, separators=(",", ":"))


def start_load(cell: Cell, *, port: int, path: str, headers: Sequence[str], model: str) -> "subprocess.Popen[str]":
    """Starts the load generator; `answers` waits for it."""
    # Gateways that write the reply anew leave out fields (388 of the mock's 549 bytes) or closing events.
    expected = ("-m", "300", "-e", "64") if cell.stream else ("-m", "300")
    pace = ("-l", str(int(PACED_S * 1.03 * 1000))) if cell.paced else ()
    named = [argument for header in headers for argument in ("-H", header)]
    command = (
        *("taskset", "-c", str(LOAD_CORE), str(BUILD / "load")),
        *("-p", str(port), "-u", path, "-b", request(model, stream=cell.stream)),
        *("-c", str(cell.connections), "-t", str(cell.seconds)),
        *("-g", "30", *expected, *pace, *named),
    )
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def answers(load: "subprocess.Popen[str]") -> Answers:
    printed, complaint = load.communicate()
    if load.returncode:
        return Answers(0, 1, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, complaint.strip())
    return Answers(**json.loads(printed))
