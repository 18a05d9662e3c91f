"""Amazon's binary event streams (`application/vnd.amazon.eventstream`): bytes in any chunking to messages.

A message is: total length and headers length (big-endian, 4 bytes each), CRC32 of these eight bytes, headers,
payload, CRC32 of everything before it. A header is a name behind a byte of length, a byte of type, and a value.
Source: docs.aws.amazon.com/transcribe, "Event stream encoding", and the parser of botocore 1.44.5.
"""

import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from omniroute.errors import UpstreamError

MAX_HEADERS_BYTES = 128 * 1024
MAX_MESSAGE_BYTES = 24 * 1024 * 1024
"""The encoding's own limits; what announces more is not an event stream."""

HeaderValue: TypeAlias = bool | int | bytes | str

_PRELUDE = 12
_LENGTHS = struct.Struct(">III")
_OVERHEAD = _PRELUDE + 4
_FIXED: dict[int, tuple[int, Callable[[bytes], HeaderValue]]] = {
    0: (0, lambda _: True),
    1: (0, lambda _: False),
    2: (1, lambda raw: int.from_bytes(raw, signed=True)),
    3: (2, lambda raw: int.from_bytes(raw, signed=True)),
    4: (4, lambda raw: int.from_bytes(raw, signed=True)),
    5: (8, lambda raw: int.from_bytes(raw, signed=True)),
    8: (8, lambda raw: int.from_bytes(raw, signed=True)),
    9: (16, bytes.hex),
}
"""Types of a fixed size: booleans, integers, a time in ms, a UUID. 6 (bytes) and 7 (text) say their size."""


class Message(NamedTuple):
    headers: dict[str, HeaderValue]
    payload: bytes

    def word(self, name: str) -> str:
        """The text under `name`; empty when there is none."""
        value = self.headers.get(name)
        return value if isinstance(value, str) else ""


class MessageFramer:
    """Cuts a byte stream into messages. Both checksums are checked; after an error it must not be fed again."""

    __slots__ = ("_headers", "_held", "_read")

    def __init__(self) -> None:
        self._held = bytearray()
        self._headers = b""
        self._read: dict[str, HeaderValue] = {}

    @property
    def torn(self) -> bool:
        """Whether a message has begun and is not whole."""
        return bool(self._held)

    def feed(self, chunk: bytes) -> list[Message]:
        """The messages that became whole. Raises `UpstreamError(kind="protocol")` where there is none."""
        held = self._held
        if held:
            held += chunk
        there = held or chunk
        found: list[Message] = []
        start = 0
        while len(there) - start >= _PRELUDE:
            total, headers = _prelude(there, start)
            if len(there) - start < total:
                break
            found.append(self._message(bytes(there[start : start + total]), headers))
            start += total
        if there is held:
            del held[:start]
        else:
            held += chunk[start:]
        return found

    def _message(self, raw: bytes, size: int) -> Message:
        if zlib.crc32(raw[:-4]) != int.from_bytes(raw[-4:]):
            raise _broken("the checksum of an event is wrong")
        end = _PRELUDE + size
        headers = raw[_PRELUDE:end]
        # One piece of text after the other has the same headers.
        if headers != self._headers:
            self._read = _headers(headers)
            self._headers = headers
        return Message(self._read, raw[end:-4])


def _prelude(held: bytes | bytearray, start: int) -> tuple[int, int]:
    total, headers, checksum = _LENGTHS.unpack_from(held, start)
    if zlib.crc32(held[start : start + 8]) != checksum:
        raise _broken("the checksum of an event's prelude is wrong")
    if headers > MAX_HEADERS_BYTES or not headers + _OVERHEAD <= total <= MAX_MESSAGE_BYTES:
        raise _broken(f"an event announces {total} bytes, {headers} of them headers")
    return total, headers


def _headers(raw: bytes) -> dict[str, HeaderValue]:
    found: dict[str, HeaderValue] = {}
    at = 0
    try:
        while at < len(raw):
            name_end = at + 1 + raw[at]
            name, kind = raw[at + 1 : name_end].decode(), raw[name_end]
            at = name_end + 1
            fixed = _FIXED.get(kind)
            if fixed is not None:
                size, read = fixed
            elif kind in (6, 7):
                size, read = int.from_bytes(raw[at : at + 2]), bytes.decode if kind == 7 else bytes
                at += 2
            else:
                raise _broken(f"a header of an event has the unknown type {kind}")
            value = raw[at : at + size]
            if len(value) < size:
                raise _broken("a header of an event is cut off")
            found[name] = read(value)
            at += size
    except (IndexError, UnicodeDecodeError):
        raise _broken("the headers of an event cannot be read") from None
    return found


def _broken(why: str) -> UpstreamError:
    return UpstreamError("protocol", f"the provider's event stream cannot be read: {why}")
