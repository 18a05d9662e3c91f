"""How records lie in a segment: length, CRC32, msgpack, one after the other, then zeros.

    u32 length of the payload | u32 CRC32 of the payload | payload            (integers little-endian)

A process may be killed in the middle of any write, so whatever follows the last whole frame is never trusted.
"""

import struct
from typing import Final, NamedTuple
from zlib import crc32

HEADER_BYTES: Final = 8
MAX_PAYLOAD_BYTES: Final = 256 * 1024
MAX_FRAME_BYTES: Final = HEADER_BYTES + MAX_PAYLOAD_BYTES

_HEADER: Final = struct.Struct("<II")


class Frames(NamedTuple):
    """Payloads of frames that lie one after the other, and the offset just behind the last one."""

    payloads: list[bytes]
    end: int


def framed(payload: bytes) -> bytes:
    return _HEADER.pack(len(payload), crc32(payload)) + payload


def frames(data: bytes, offset: int, limit: int) -> Frames:
    """The whole frames from `offset` on, at most `limit`, ending before one that is cut short or damaged."""
    payloads: list[bytes] = []
    size = len(data)
    while len(payloads) < limit:
        start = offset + HEADER_BYTES
        if start > size:
            break
        length, checksum = _HEADER.unpack_from(data, offset)
        end = start + length
        # An empty payload is never written, and its frame of eight zeros is what unused space looks like.
        if end > size or not 0 < length <= MAX_PAYLOAD_BYTES:
            break
        payload = data[start:end]
        if crc32(payload) != checksum:
            break
        payloads.append(payload)
        offset = end
    return Frames(payloads, offset)


def resume_at(data: bytes, offset: int) -> int | None:
    """Where the next whole frame begins behind damage at `offset`; None when the rest holds none.

    A killed process leaves none. After a power cut the disk may have kept later pages and lost earlier ones.
    """
    written = len(data.rstrip(b"\0"))
    for candidate in range(offset + 1, written - HEADER_BYTES):
        if frames(data, candidate, 1).payloads:
            return candidate
    return None
