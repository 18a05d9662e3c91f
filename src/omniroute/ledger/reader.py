"""Reads the journal forward from a position, over torn tails and damage, and never past a given end."""

import os
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from omniroute.ledger.framing import frames, resume_at
from omniroute.ledger.position import Position, Segment, segments
from omniroute.ledger.records import Record


class Taken(NamedTuple):
    """Some records, in order, and the position behind them.

    `unknown` counts whole records of a kind this version does not know; `damaged_bytes` is what had to be
    skipped between whole records (a torn tail is not counted: its record was never accepted).
    """

    records: tuple[Record, ...]
    end: Position
    unknown: int = 0
    damaged_bytes: int = 0


class Reader:
    """Reads each record once. Holds the unread rest of one segment in memory."""

    def __init__(self, directory: Path, after: Position) -> None:
        self._directory: Final = directory
        self._position = after
        self._data = b""
        self._start = after.offset  # offset in the segment at which `_data` begins
        self._decode = msgspec.msgpack.Decoder(Record).decode  # pyright: ignore[reportArgumentType,reportUnknownMemberType] # a union of Structs is a type to msgspec

    @property
    def position(self) -> Position:
        return self._position

    def take(self, limit: int, *, until: Position) -> Taken:
        """At most `limit` records that lie before `until`; none when there are no more yet."""
        records: list[Record] = []
        unknown = damaged = 0
        while len(records) < limit and self._position < until:
            payloads, end = frames(self._data, self._position.offset - self._start, limit - len(records))
            if payloads:
                self._position = self._position._replace(offset=self._start + end)
                for payload in payloads:
                    try:
                        records.append(self._decode(payload))
                    except (msgspec.DecodeError, UnicodeDecodeError):
                        unknown += 1
                continue
            if self._read_more(until):
                continue
            resumed = resume_at(self._data, self._position.offset - self._start)
            if resumed is not None:
                damaged += self._start + resumed - self._position.offset
                self._position = self._position._replace(offset=self._start + resumed)
            elif not self._next_segment(until):
                break
        return Taken(tuple(records), self._position, unknown, damaged)

    def _read_more(self, until: Position) -> bool:
        """Read the segment on from the position; False when that brought nothing new."""
        position = self._position
        known = self._start + len(self._data)
        path = self._directory / Segment(position.generation, position.n).name
        within = position[:2] == until[:2]
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            size = os.fstat(descriptor).st_size
            stop = min(until.offset, size) if within else size
            if stop <= known:
                return False
            self._data = os.pread(descriptor, stop - position.offset, position.offset)
            self._start = position.offset
        finally:
            os.close(descriptor)
        return self._start + len(self._data) > known

    def _next_segment(self, until: Position) -> bool:
        here = self._position[:2]
        following = next((segment for segment in segments(self._directory) if segment > here), None)
        if following is None or following > until[:2]:
            return False
        self._position = Position(following.generation, following.n, 0)
        self._data = b""
        self._start = 0
        return True
