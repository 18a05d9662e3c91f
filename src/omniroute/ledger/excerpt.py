"""As much of a body as is kept: all of it, or its head and its tail. Secrets go before anything is cut."""

from collections import deque
from collections.abc import Iterable
from typing import Final

import msgspec

from omniroute.telemetry.redact import redacted_body

_MARGIN: Final = 4096
"""Bytes beyond each cut that are looked at too, so that no cut divides a secret from what tells that it is one."""
_TAIL_SHARE: Final = 4


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """`text` is None for what is no text. `size` is that of the whole body, `left_out` what lies between the head
    and the tail, both in bytes."""

    text: str | None
    size: int
    left_out: int = 0


class Excerpt:
    """Holds at most `limit` bytes and twice the margin, however much is added."""

    __slots__ = ("_head", "_head_most", "_tail", "_tail_most", "_tail_size", "size")

    def __init__(self, limit: int) -> None:
        tail = limit // _TAIL_SHARE
        self._head = bytearray()
        self._head_most = limit - tail + _MARGIN
        self._tail: deque[bytes] = deque()
        self._tail_most = tail + _MARGIN
        self._tail_size = 0
        self.size = 0

    @property
    def held(self) -> int:
        """Bytes."""
        return len(self._head) + self._tail_size

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        room = self._head_most - len(self._head)
        if room > 0:
            self._head += piece[:room]
            piece = piece[room:]
        if not piece:
            return
        piece = piece[-self._tail_most :]
        self._tail.append(piece)
        self._tail_size += len(piece)
        while self._tail_size - len(self._tail[0]) >= self._tail_most:
            self._tail_size -= len(self._tail.popleft())

    def kept(self, secrets: Iterable[str] = ()) -> Kept:
        """What is kept of all that was added. `secrets` are texts that must not be in it."""
        known = tuple(secrets)
        head = bytes(self._head)
        tail = b"".join(self._tail)[-self._tail_most :]
        if b"\0" in head[:1024]:
            return Kept(text=None, size=self.size)
        if len(head) + len(tail) == self.size:
            return Kept(text=redacted_body((head + tail).decode("utf-8", "replace"), known), size=self.size)
        first = redacted_body(head.decode("utf-8", "replace"), known)[:-_MARGIN]
        last = redacted_body(tail.decode("utf-8", "replace"), known)[_MARGIN:]
        left_out = self.size - len(first.encode()) - len(last.encode())
        return Kept(
            text=f"{first}\n[... {left_out} bytes left out ...]\n{last}", size=self.size, left_out=left_out
        )
