"""Server-sent events: bytes in any chunking to frames, and payloads to frames.

A frame keeps its bytes as they came, so that a stream can be forwarded unchanged beside being read.
"""

import re

import msgspec

from omniroute.errors import UpstreamError

MAX_FRAME_BYTES = 16 * 1024 * 1024
"""A frame that is still not whole after this many bytes is a broken provider, not a long answer."""

DONE = b"[DONE]"
"""The payload that ends a stream of OpenAI's chat dialect."""

_BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_JSON = msgspec.json.Decoder(msgspec.Raw)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One event: its name (empty when the wire gave none), its payload, and its bytes with the blank line.

    A frame of comments only has an empty payload; a reader skips it, a forwarder does not.
    """

    event: bytes
    data: bytes
    raw: bytes


class Framer:
    """Cuts a byte stream into frames. Line ends may be LF, CRLF or CR; a chunk may end anywhere."""

    __slots__ = ("_fresh", "_held", "_held_bytes", "_max_frame_bytes")

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max_frame_bytes = max_frame_bytes
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._fresh = True

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that became whole. Raises `UpstreamError(kind="protocol")` for an endless frame."""
        if not self._held and not self._fresh and (frame := _only(chunk)) is not None:
            return [frame]
        if chunk.find(b"\n") < 0 and chunk.find(b"\r") < 0:
            self._hold(chunk)
            return []
        if self._held:
            self._held.append(chunk)
            chunk = b"".join(self._held)
            self._held.clear()
            self._held_bytes = 0
        if self._fresh:
            if len(chunk) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(chunk):
                self._hold(chunk)
                return []
            self._fresh = False
            if chunk.startswith(_BYTE_ORDER_MARK):
                chunk = chunk[len(_BYTE_ORDER_MARK) :]
        if chunk.find(b"\r") >= 0:
            return self._split_any(chunk)
        blocks = chunk.split(b"\n\n")
        tail = blocks.pop()
        if tail:
            self._hold(tail)
        return [_only(raw := block + b"\n\n") or _frame(block, raw) for block in blocks]

    def close(self) -> list[Frame]:
        """The stream ended: the last frame, should it lack its blank line."""
        tail = b"".join(self._held)
        self._held.clear()
        self._held_bytes = 0
        return [_frame(tail, tail)] if tail.strip() else []

    def _split_any(self, chunk: bytes) -> list[Frame]:
        frames: list[Frame] = []
        start = 0
        for blank in _BLANK_LINE.finditer(chunk):
            frames.append(_frame(chunk[start : blank.start()], chunk[start : blank.end()]))
            start = blank.end()
        if start < len(chunk):
            self._hold(chunk[start:])
        return frames

    def _hold(self, piece: bytes) -> None:
        if not piece:
            return
        self._held.append(piece)
        self._held_bytes += len(piece)
        if self._held_bytes > self._max_frame_bytes:
            raise UpstreamError(
                "protocol", f"the provider sent an event of more than {self._max_frame_bytes} bytes"
            )


def readable(frames: bytes) -> bool:
    """Whether every payload of these whole LF frames is JSON. False also where only a closer look could tell: for
    `[DONE]`, comments, and payloads of several lines. Costs about 0.4 us a frame."""
    try:
        for block in frames.split(b"\n\n"):
            if block:
                _JSON.decode(block.partition(b"data: ")[2])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def data_frame(payload: bytes) -> bytes:
    """A frame without a name. The payload must be free of line ends, as compact JSON is."""
    return b"data: " + payload + b"\n\n"


def event_frame(event: bytes, payload: bytes) -> bytes:
    """A frame with a name."""
    return b"event: " + event + b"\ndata: " + payload + b"\n\n"


def _only(chunk: bytes) -> Frame | None:
    """The frame that `chunk` is, where it is one in a shape that providers send; mostly it is."""
    # By `find`: `in` takes more than twice as long for a single byte.
    size = len(chunk)
    if chunk.find(b"\r") >= 0:  # as Google ends its lines
        if chunk.startswith(b"data: ") and chunk.find(b"\r") == size - 4 and chunk.find(b"\n") == size - 3:
            return Frame(b"", chunk[6:-4], chunk) if chunk.endswith(b"\r\n\r\n") else None
        return None
    end = chunk.find(b"\n")
    if end == size - 2 and chunk.startswith(b"data: ") and chunk.endswith(b"\n\n"):
        return Frame(b"", chunk[6:-2], chunk)
    if chunk.startswith(b"event: ") and chunk.startswith(b"data: ", end + 1):
        last = chunk.find(b"\n", end + 1)
        if last == size - 2 and chunk.endswith(b"\n\n"):
            return Frame(chunk[7:end].strip(), chunk[end + 7 : -2], chunk)
    return None


def _frame(block: bytes, raw: bytes) -> Frame:
    event = b""
    data: list[bytes] = []
    for line in block.splitlines():
        if line.startswith(b"data:"):
            data.append(line[6:] if line.startswith(b"data: ") else line[5:])
        elif line.startswith(b"event:"):
            event = line[6:].strip()
        elif line == b"data":
            data.append(b"")
    return Frame(event, b"\n".join(data), raw)
