"""How images and documents travel in the Messages API: as data, by address, or as a stored file."""

import base64
import binascii

from omniroute.dialects.anthropic.wire import NAME
from omniroute.dialects.losses import Losses
from omniroute.ir.json import JsonObject
from omniroute.ir.parts import Media


def media_type(part: Media) -> str | None:
    if part.mime.startswith("image/"):
        return "image"
    if part.mime.startswith(("audio/", "video/")):
        return None
    return "document"


def media_source(part: Media, path: str, losses: Losses) -> JsonObject | None:
    if part.file_id is not None:
        if part.origin == NAME:
            return {"type": "file", "file_id": part.file_id}
        losses.dropped(path, "file stored at another provider", "meaning")
        return None
    if part.url is not None:
        return {"type": "url", "url": part.url}
    data = part.data or ""
    if part.origin != NAME and part.mime == "image/jpg":
        # Many clients write this; the API only knows the registered name.
        return {"type": "base64", "media_type": "image/jpeg", "data": data}
    if part.origin == NAME or part.mime == "application/pdf" or part.mime.startswith("image/"):
        return {"type": "base64", "media_type": part.mime, "data": data}
    return _plain_text_source(data, path, part.mime, losses)


def _plain_text_source(data: str, path: str, mime: str, losses: Losses) -> JsonObject | None:
    """The API takes base64 for PDF only; any other document must be plain text."""
    try:
        text = base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        losses.dropped(path, f"{mime} content", "meaning")
        return None
    return {"type": "text", "media_type": "text/plain", "data": text}
