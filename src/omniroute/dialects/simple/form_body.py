"""Writing `multipart/form-data`, as RFC 7578 and browsers do."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from omniroute.dialects.simple.base import Upload


class Form(NamedTuple):
    content_type: str
    body: bytes


def form(fields: Iterable[tuple[str, str]], uploads: Iterable[Upload], token: str) -> Form:
    """`fields` first, in order. The boundary is derived from `token`, which is unique to the request."""
    boundary = hashlib.sha256(token.encode()).hexdigest()[:40]
    pieces: list[bytes] = []
    for name, value in fields:
        head = f"--{boundary}\r\ncontent-disposition: form-data; name={_quoted(name)}\r\n\r\n"
        pieces += (head.encode(), value.encode(), b"\r\n")
    for upload in uploads:
        head = (
            f"--{boundary}\r\ncontent-disposition: form-data; name={_quoted(upload.field)};"
            f" filename={_quoted(upload.filename or 'file')}\r\n"
            f"content-type: {_plain(upload.content_type) or 'application/octet-stream'}\r\n\r\n"
        )
        pieces += (head.encode(), upload.data, b"\r\n")
    pieces.append(f"--{boundary}--\r\n".encode())
    return Form(f"multipart/form-data; boundary={boundary}", b"".join(pieces))


def _quoted(text: str) -> str:
    escaped = text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
    return f'"{escaped}"'


def _plain(text: str) -> str:
    return text if text.isascii() and text.isprintable() else ""
