"""Media by address, for providers that take bytes only: which these are, and the bytes put in their place. Pure.

Nothing is opened here: somebody else fetches what `wanted` names and says what it found.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

import msgspec

from omniroute.dialects.losses import Losses
from omniroute.ir.parts import AnyPart, Media, Text, ToolResult, Unknown
from omniroute.ir.request import GenerateRequest

Needs: TypeAlias = Callable[[Media], bool]
"""Whether a dialect can carry a medium only when its bytes are there."""

HEAD_BYTES: Final = 16
"""As much of a file as `sniffed` looks at."""

_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_BRANDS: Final = {b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heif", b"avif": "image/avif"}


class Fetched(NamedTuple):
    """A file: `data` is base64."""

    mime: str
    data: str


class Filled(NamedTuple):
    request: GenerateRequest
    losses: Losses


def sniffed(head: bytes) -> str | None:
    """The media type that a file's first bytes show; None for any that is not let through. What a server says of
    its files is not asked: it may say anything."""
    for magic, mime in _MAGIC:
        if head.startswith(magic):
            return mime
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    return None


def wanted(request: GenerateRequest, needs: Needs) -> dict[str, str]:
    """The addresses of the media that must be fetched, each with the media type that its client gave it."""
    found: dict[str, str] = {}
    for turn in request.turns:
        for part in turn.parts:
            if isinstance(part, Media):
                _note(part, needs, found)
            elif isinstance(part, ToolResult):
                for piece in part.content:
                    if isinstance(piece, Media):
                        _note(piece, needs, found)
    return found


def filled(request: GenerateRequest, files: Mapping[str, Fetched], needs: Needs) -> Filled:
    """`request` with the files in it, and an entry for each: what goes upstream is more than the client sent."""
    losses = Losses()
    turns = tuple(
        msgspec.structs.replace(
            turn,
            parts=tuple(
                _filled(part, files, needs, f"turns[{index}].parts[{place}]", losses)
                for place, part in enumerate(turn.parts)
            ),
        )
        for index, turn in enumerate(request.turns)
    )
    return Filled(msgspec.structs.replace(request, turns=turns) if losses else request, losses)


def fits(mime: str, declared: str) -> bool:
    """Whether a file of type `mime` is what the client said: a family, or nothing certain, allows any of it."""
    declared = declared.partition(";")[0].strip().lower().replace("image/jpg", "image/jpeg")
    if declared in ("", "*/*", "application/octet-stream", mime):
        return True
    family = declared.partition("/")[0]
    return family in ("image", "audio", "video") and mime.startswith(f"{family}/")


def _note(part: Media, needs: Needs, found: dict[str, str]) -> None:
    if part.url is not None and part.data is None and _is_web(part.url) and needs(part):
        found.setdefault(part.url, part.mime)


def _filled(part: AnyPart, files: Mapping[str, Fetched], needs: Needs, path: str, losses: Losses) -> AnyPart:
    if isinstance(part, Media):
        return _with_bytes(part, files, needs, path, losses)
    if not isinstance(part, ToolResult) or not any(isinstance(piece, Media) for piece in part.content):
        return part
    content: list[Text | Media | Unknown] = []
    for place, piece in enumerate(part.content):
        if isinstance(piece, Media):
            piece = _with_bytes(piece, files, needs, f"{path}.content[{place}]", losses)
        content.append(piece)
    return msgspec.structs.replace(part, content=tuple(content))


def _with_bytes(part: Media, files: Mapping[str, Fetched], needs: Needs, path: str, losses: Losses) -> Media:
    file = files.get(part.url) if part.url is not None and part.data is None else None
    if file is None or not needs(part):
        return part
    losses.added(path, "content fetched from its address", "cost")
    return msgspec.structs.replace(part, mime=file.mime, data=file.data, url=None)


def _is_web(url: str) -> bool:
    return url[:8].lower().startswith(("http://", "https://"))
