"""How images, documents, audio and video travel in the Converse API: as bytes, or from a bucket."""

import re

from omniroute.dialects.bedrock_converse.wire import NAME
from omniroute.dialects.losses import Losses
from omniroute.ir.json import JsonObject
from omniroute.ir.parts import Media

_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
_VIDEOS = {
    "video/x-matroska": "mkv",
    "video/quicktime": "mov",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/x-flv": "flv",
    "video/mpeg": "mpeg",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "three_gp",
}
_AUDIOS = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/opus": "opus",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/mp4": "mp4",
    "audio/m4a": "m4a",
    "audio/ogg": "ogg",
    "audio/webm": "webm",
}
_KINDS = {"image": _IMAGES, "document": _DOCUMENTS, "video": _VIDEOS, "audio": _AUDIOS}
_REFUSED_IN_NAMES = re.compile(r"[^A-Za-z0-9\s\-()\[\]]+")
_BLANKS = re.compile(r"\s+")
_LONGEST_NAME = 200
_NUMBERS = re.compile(r"\d+")
MIMES = {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
"""The media type for a format of images."""


class Documents:
    """Names for documents: of few kinds of characters, each used once in a request.

    A later turn changes no name of an earlier one. Results are written after all turns, so a document in one has
    its place in its name; in a turn that is so only for the second of a name.
    """

    def __init__(self) -> None:
        self._used: set[str] = set()

    def name(self, given: str | None, path: str, *, in_result: bool) -> str:
        plain = _BLANKS.sub(" ", _REFUSED_IN_NAMES.sub(" ", (given or "").encode("ascii", "replace").decode()))
        base = plain.strip()[: _LONGEST_NAME - 32].strip() or "document"
        name = base
        if in_result or name in self._used:
            name = f"{base} {' '.join(_NUMBERS.findall(path))}"
        while name in self._used:
            name += " again"
        self._used.add(name)
        return name


def media_block(
    part: Media, path: str, documents: Documents, losses: Losses, *, in_result: bool
) -> JsonObject | None:
    """The block for `part`, or None with a Loss."""
    found = _format(part)
    if found is None:
        losses.dropped(path, f"{part.mime} content", "meaning")
        return None
    kind, name = found
    source = _source(part, path, losses)
    if source is None:
        return None
    block: JsonObject = {"format": name, "source": source}
    if kind == "document":
        block["name"] = documents.name(part.name, path, in_result=in_result)
        if part.name is not None and part.name != block["name"]:
            losses.approximated(f"{path}.name", "file name", "cost")
    elif part.name is not None:
        losses.dropped(f"{path}.name", "file name", "quality")
    if part.detail is not None and part.detail != "auto":
        losses.dropped(f"{path}.detail", "image detail", "quality")
    if part.seal is not None:
        losses.dropped(f"{path}.seal", "seal", "quality")
    if part.origin != NAME:
        losses.foreign(path, part.extra)
    return {kind: block}


def needs_bytes(part: Media) -> bool:
    """Only files in a bucket are opened by address."""
    return part.url is not None and not part.url.startswith("s3://")


def _format(part: Media) -> tuple[str, str] | None:
    """The kind of block and the format in it; of a file in a bucket also by the end of its name."""
    mime = part.mime.partition(";")[0].strip().lower()
    ending = (part.url or "").rpartition(".")[2].lower().replace("jpg", "jpeg")
    for kind, formats in _KINDS.items():
        if mime in formats:
            return kind, formats[mime]
        if mime == f"{kind}/*" and ending in formats.values():
            return kind, ending
    return None


def _source(part: Media, path: str, losses: Losses) -> JsonObject | None:
    if part.data:
        return {"bytes": part.data}
    if part.url is not None and part.url.startswith("s3://"):
        return {"s3Location": {"uri": part.url}}
    if part.file_id is not None:
        losses.dropped(path, "file stored at another provider", "meaning")
    elif part.url is not None:
        losses.dropped(path, f"{part.mime} content by address, which this provider does not fetch", "meaning")
    else:
        losses.dropped(path, f"{part.mime} content without data", "meaning")
    return None
