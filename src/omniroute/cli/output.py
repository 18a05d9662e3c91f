"""What commands print: data on stdout, everything else on stderr; tables for people, TSV for pipes."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

import msgspec

from omniroute.cli.problem import Problem


class Output:
    """Where and how one invocation prints.

    `json` prints what the server said as JSON; `quiet` leaves out everything that is not data.
    """

    def __init__(
        self, *, json: bool = False, quiet: bool = False, out: TextIO | None = None, err: TextIO | None = None
    ) -> None:
        self.json = json
        self.quiet = quiet
        self._out = out or sys.stdout
        self._err = err or sys.stderr

    @property
    def interactive(self) -> bool:
        """Whether a person can be asked: input and messages are both at a terminal."""
        return sys.stdin.isatty() and self._err.isatty()

    def say(self, line: str) -> None:
        """A remark for the person, on stderr."""
        if not self.quiet:
            print(line, file=self._err)

    def problem(self, problem: Problem) -> None:
        """The cause and the hint of a failure, on stderr, also when quiet."""
        print(f"omniroute: {problem.cause}", file=self._err)
        if problem.hint:
            print(f"hint: {problem.hint}", file=self._err)

    def text(self, text: str, *, end: str = "\n") -> None:
        """Data as it is, at once."""
        print(text, end=end, file=self._out, flush=True)

    def value(self, value: object) -> None:
        """One JSON value on stdout: indented for people, on one line in a pipe."""
        encoded = msgspec.json.encode(value)
        self.text((msgspec.json.format(encoded, indent=2) if self._out.isatty() else encoded).decode())

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, header: bool = True) -> None:
        """A table at a terminal; tab-separated lines without a header anywhere else."""
        if not self._out.isatty():
            for row in rows:
                self.text("\t".join(_one_line(cell) for cell in row))
            return
        from rich.box import SIMPLE_HEAD  # 50 ms that pipes and JSON need not spend
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(
            box=SIMPLE_HEAD if header else None, show_header=header, pad_edge=False, padding=(0, 2, 0, 0)
        )
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(Text(_one_line(cell)) for cell in row))
        Console(file=self._out, no_color=bool(os.environ.get("NO_COLOR")), highlight=False).print(table)

    def facts(self, facts: Mapping[str, str]) -> None:
        """Names and values, one pair per line."""
        self.table(("", ""), list(facts.items()), header=False)


def _one_line(cell: str) -> str:
    """Control characters in data must move no cursor and break no row."""
    return "".join(letter if letter.isprintable() else " " for letter in cell)


def masked(secret: str) -> str:
    """A secret as it may be shown: its first six and last four characters, or nothing of a short one."""
    return f"{secret[:6]}...{secret[-4:]}" if len(secret) >= 20 else "(set)"
