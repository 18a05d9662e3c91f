"""Embeddings as texts: OpenAI's base64 of little-endian 32-bit floats, and JSON arrays of numbers.

The base64 form is what the openai SDKs ask for and decode (`embeddings.create`, observed in 1.x to 3.x).
"""

import binascii
import struct
from base64 import b64decode, b64encode
from collections.abc import Sequence

import msgspec

_NUMBERS = msgspec.json.Decoder(list[float])
_TEXT = msgspec.json.Decoder(str)


def is_packed(embedding: msgspec.Raw) -> bool:
    """Whether the embedding is base64 rather than an array. Raises `ValueError` when it is neither."""
    match bytes(embedding).lstrip()[:1]:
        case b'"':
            return True
        case b"[":
            return False
        case _:
            raise _unreadable()


def packed(embedding: msgspec.Raw) -> msgspec.Raw:
    """An array of numbers as base64. Raises `ValueError` when it is something else."""
    try:
        numbers = _NUMBERS.decode(embedding)
    except msgspec.DecodeError:
        raise _unreadable() from None
    return msgspec.Raw(b'"%b"' % pack(numbers))


def unpacked(embedding: msgspec.Raw) -> msgspec.Raw:
    """Base64 as an array of numbers. Raises `ValueError` when it is something else."""
    try:
        data = b64decode(_TEXT.decode(embedding), validate=True)
        numbers = struct.unpack(f"<{len(data) // 4}f", data)
    except (msgspec.DecodeError, binascii.Error, struct.error, ValueError):
        raise _unreadable() from None
    return msgspec.Raw(msgspec.json.encode(numbers))


def pack(numbers: Sequence[float]) -> bytes:
    """Base64 of the numbers as 32-bit floats. Raises `ValueError` for a number too large for one."""
    try:
        return b64encode(struct.pack(f"<{len(numbers)}f", *numbers))
    except OverflowError:
        raise _unreadable() from None


def _unreadable() -> ValueError:
    return ValueError("an embedding in it is neither base64 nor an array of numbers")
