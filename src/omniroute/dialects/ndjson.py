"""Newline-delimited JSON: bytes in any chunking to lines, and payloads to lines.

A line keeps its bytes as they came, so that a stream can be forwarded unchanged beside being read.
"""

from typing import NamedTuple

from omniroute.errors import UpstreamError

MAX_LINE_BYTES = 16 * 1024 * 1024
"""A line that is still not whole after this many bytes is a broken provider, not a long answer."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One line: its payload without white space around it, and its bytes with the line end."""

    data: bytes
    raw: bytes


class LineFramer:
    """Cuts a byte stream into lines. A chunk may end anywhere, also inside a character."""

    __slots__ = ("_fresh", "_held", "_held_bytes", "_max_line_bytes")

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_line_bytes = max_line_bytes
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._fresh = True

    def feed(self, chunk: bytes) -> list[Line]:
        """The lines that became whole. Raises `UpstreamError(kind="protocol")` for an endless line."""
        end = chunk.rfind(b"\n") + 1
        if not end:
            self._hold(chunk)
            return []
        whole, tail = chunk[:end], chunk[end:]
        if self._held:
            self._held.append(whole)
            whole = b"".join(self._held)
            self._held.clear()
            self._held_bytes = 0
        if self._fresh:
            self._fresh = False
            whole = whole.removeprefix(_BYTE_ORDER_MARK)
        self._hold(tail)
        return [_line(raw) for raw in whole.split(b"\n")[:-1]]

    def close(self) -> list[Line]:
        """The stream ended: the last line, should it lack its line end."""
        tail = b"".join(self._held)
        self._held.clear()
        self._held_bytes = 0
        if self._fresh:
            tail = tail.removeprefix(_BYTE_ORDER_MARK)
        return [_line(tail)] if tail.strip() else []

    def _hold(self, piece: bytes) -> None:
        if not piece:
            return
        self._held.append(piece)
        self._held_bytes += len(piece)
        if self._held_bytes > self._max_line_bytes:
            raise UpstreamError("protocol", f"the provider sent a line of more than {self._max_line_bytes} bytes")


def _line(raw: bytes) -> Line:
    return Line(raw.strip(), raw + b"\n")
