"""Images on this wire: bare base64, whose kind only the first bytes tell."""

import base64
import binascii
import re

from omniroute.dialects.ollama.wire import NAME
from omniroute.errors import InvalidRequest
from omniroute.ir.parts import Media

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,", re.ASCII)
_SNIFFED_CHARACTERS = 16
_LONGEST_ADDRESS = 80


def decode_image(text: str) -> Media:
    """An image of a message. A data URL, which Ollama itself refuses, is understood and loses its prefix."""
    found = _DATA_URL.match(text)
    if found is not None:
        return Media(mime=found[1], data=text[found.end() :], origin=NAME)
    return Media(mime=sniffed(text), data=text, origin=NAME)


def needs_bytes(part: Media) -> bool:
    """Images are all that this wire carries, and only as bytes."""
    return part.mime.startswith("image/")


def encode_image(part: Media) -> str:
    """Raises `InvalidRequest` for what this wire cannot carry: an answer that never saw it would mislead."""
    if not part.mime.startswith("image/") and part.origin != NAME:
        raise _unsupported(f"{part.mime} content cannot be sent to an Ollama model: it takes text and images only")
    if part.data is not None:
        return part.data
    if part.url is not None:
        shown = part.url.partition("?")[0][:_LONGEST_ADDRESS]
        raise _unsupported(f"the image at {shown!r} cannot be sent to an Ollama model: send it as base64 data")
    raise _unsupported(
        f"the stored file {part.file_id!r} cannot be sent to an Ollama model: send it as base64 data"
    )


def sniffed(data: str) -> str:
    """The media type of base64 text by its magic bytes; `image/png` when they are of no known kind."""
    try:
        head = base64.b64decode(data[:_SNIFFED_CHARACTERS])
    except (binascii.Error, ValueError):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"GIF8"):
        return "image/gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith(b"BM"):
        return "image/bmp"
    return "image/png"


def _unsupported(message: str) -> InvalidRequest:
    return InvalidRequest(message, code="unsupported_feature")
