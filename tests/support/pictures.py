"""Small real image files."""

import base64
import struct
import zlib


def png(side: int = 2) -> bytes:
    """A square of one colour."""
    rows = b"".join(b"\x00" + b"\xff\x80\x00" * side for _ in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, data) for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )


def png_base64(side: int = 2) -> str:
    return base64.b64encode(png(side)).decode()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
