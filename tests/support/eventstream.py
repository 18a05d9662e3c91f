"""Writes messages of Amazon's binary event streams, as the provider would."""

import zlib


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """One message; every header is a text."""
    block = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + len(value.encode()).to_bytes(2) + value.encode()
        for name, value in headers.items()
    )
    prelude = (16 + len(block) + len(payload)).to_bytes(4) + len(block).to_bytes(4)
    whole = prelude + zlib.crc32(prelude).to_bytes(4) + block + payload
    return whole + zlib.crc32(whole).to_bytes(4)


def event(kind: str, payload: bytes) -> bytes:
    return message({":message-type": "event", ":event-type": kind, ":content-type": "application/json"}, payload)


def exception(kind: str, payload: bytes) -> bytes:
    return message(
        {":message-type": "exception", ":exception-type": kind, ":content-type": "application/json"}, payload
    )
