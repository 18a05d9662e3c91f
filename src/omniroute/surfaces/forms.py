"""Reading `multipart/form-data` bodies: what a client of the audio API sends."""

from email.message import Message
from typing import Final

# The package has types and no marker that says so.
from multipart import (  # pyright: ignore[reportMissingTypeStubs]
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
)

from omniroute.dialects.simple.base import Upload
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject
from omniroute.pipeline.inquiry import Asked

_MAX_PARTS: Final = 128
_MAX_TEXT_BYTES: Final = 1024 * 1024
_CHUNK_BYTES: Final = 1024 * 1024


def in_form(body: bytes, content_type: str) -> Asked:
    """A form: its text fields (of a repeated one, a list) and its files. Raises `InvalidRequest`."""
    fields: JsonObject = {}
    uploads: list[Upload] = []
    for segment, data in _parts(body, _boundary(content_type)):
        name = segment.name or ""
        if segment.filename is not None:
            kind = segment.content_type or ""
            uploads.append(Upload(field=name, filename=segment.filename, content_type=kind, data=data))
        else:
            _add(fields, name, _text(name, data))
    model = fields.get("model")
    if not isinstance(model, str) or not model.strip():
        raise InvalidRequest("Missing model")
    return Asked(
        model=model.strip(),
        fields=fields,
        raw=body,
        content_type=content_type,
        uploads=tuple(uploads),
        stream=fields.get("stream") in ("true", "True", "1"),
    )


def _boundary(content_type: str) -> str:
    head = Message()
    head["content-type"] = content_type
    boundary = head.get_boundary()
    if head.get_content_type() != "multipart/form-data" or not boundary:
        raise _invalid("the content type must be multipart/form-data with a boundary")
    return boundary


def _parts(body: bytes, boundary: str) -> list[tuple[MultipartSegment, bytes]]:
    found: list[tuple[MultipartSegment, bytes]] = []
    segment: MultipartSegment | None = None
    pieces: list[bytes] = []
    try:
        with PushMultipartParser(boundary, max_segment_count=_MAX_PARTS) as parser:
            for start in range(0, len(body), _CHUNK_BYTES):
                for event in parser.parse(body[start : start + _CHUNK_BYTES]):
                    if isinstance(event, MultipartSegment):
                        segment, pieces = event, []
                    elif event is not None:
                        pieces.append(bytes(event))
                    elif segment is not None:
                        found.append((segment, b"".join(pieces)))
    except MultipartError as error:
        raise _invalid(str(error)) from None
    return found


def _text(name: str, data: bytes) -> str:
    if len(data) > _MAX_TEXT_BYTES:
        raise _invalid(f"the field {name[:80]!r} is longer than {_MAX_TEXT_BYTES} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise _invalid(f"the field {name[:80]!r} is not UTF-8") from None


def _add(fields: JsonObject, name: str, value: str) -> None:
    if name not in fields:
        fields[name] = value
    elif isinstance(fields[name], list):
        fields[name].append(value)
    else:
        fields[name] = [fields[name], value]


def _invalid(why: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid multipart form data: {why}")
