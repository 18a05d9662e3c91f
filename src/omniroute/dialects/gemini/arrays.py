"""The other framing of a Gemini stream: one JSON array whose elements arrive one by one.

It is what `streamGenerateContent` gives without `alt=sse`.
"""

import re

from omniroute.dialects.sse import MAX_FRAME_BYTES
from omniroute.errors import UpstreamError

_MARKS = re.compile(rb'["\\{}]')


class ArrayFramer:
    """Cuts an array into its objects; a chunk may end anywhere. What is between the objects is not looked at."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._at: int = 0
        self._start: int = 0
        self._depth: int = 0
        self._quoted = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The objects that became whole. Raises `UpstreamError(kind="protocol")` for an endless one."""
        self._held += chunk
        found: list[bytes] = []
        while (mark := _MARKS.search(self._held, self._at)) is not None:
            at = mark.start()
            byte = self._held[at]
            self._at = at + 1
            if self._quoted and byte == 0x5C:
                if at + 1 >= len(self._held):
                    self._at = at
                    break
                self._at = at + 2
            elif byte == 0x22:
                self._quoted = self._depth > 0 and not self._quoted
            elif not self._quoted and byte == 0x7B:
                self._start = at if self._depth == 0 else self._start
                self._depth += 1
            elif not self._quoted and byte == 0x7D and self._depth:
                self._depth -= 1
                if not self._depth:
                    found.append(bytes(self._held[self._start : at + 1]))
        else:
            self._at = len(self._held)
        self._forget()
        return found

    def close(self) -> list[bytes]:
        """A torn object is no object."""
        return []

    def _forget(self) -> None:
        done = self._start if self._depth else self._at
        del self._held[:done]
        self._at -= done
        self._start = 0
        if len(self._held) > MAX_FRAME_BYTES:
            raise UpstreamError("protocol", f"the provider sent an event of more than {MAX_FRAME_BYTES} bytes")


class ArrayWriter:
    """Writes payloads as the elements of one array."""

    def __init__(self) -> None:
        self._begun = False

    def write(self, payload: bytes) -> bytes:
        lead = b",\r\n" if self._begun else b"["
        self._begun = True
        return lead + payload

    def end(self) -> bytes:
        return b"]" if self._begun else b"[]"
