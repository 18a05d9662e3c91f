"""A place in the journal, and how the files it lies in are named."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

_NAME: Final = re.compile(r"(\d{1,18})-(\d{1,18})\.log")
_TEXT: Final = re.compile(r"(\d{1,18})-(\d{1,18})-(\d{1,18})")


class Position(NamedTuple):
    """Just behind a record. Every start of the process is a new generation; `n` counts its segments from 1.

    Positions compare in the order in which records were written.
    """

    generation: int
    n: int
    offset: int

    def __str__(self) -> str:
        return f"{self.generation}-{self.n}-{self.offset}"


class Segment(NamedTuple):
    """One file of the journal. Segments compare in the order in which they were written."""

    generation: int
    n: int

    @property
    def name(self) -> str:
        return f"{self.generation}-{self.n}.log"


def parse(text: str) -> Position:
    """The inverse of `str(position)`. Raises ValueError."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a position in the journal")
    return Position(*(int(part) for part in match.groups()))


def segments(directory: Path) -> tuple[Segment, ...]:
    """The segments in `directory`, oldest first; other files are ignored."""
    return tuple(sorted(_named(path.name for path in directory.iterdir())))


def _named(names: Iterable[str]) -> Iterable[Segment]:
    for name in names:
        if match := _NAME.fullmatch(name):
            yield Segment(int(match[1]), int(match[2]))
