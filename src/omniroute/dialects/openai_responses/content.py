"""The elements of a content array: wire to parts and back.

A text that stood in a content array has this dialect as its origin, a text that was a plain string has none; so a
request that is decoded and encoded again keeps its shape. Normal forms: `"annotations": null` is an empty list.
"""

import re

from omniroute.dialects.look import as_array, as_object, as_text, kind_of, objects_in
from omniroute.dialects.losses import Losses
from omniroute.dialects.objects import rest_of
from omniroute.dialects.openai_responses import marks
from omniroute.dialects.openai_responses.wire import NAME
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.parts import AnyPart, Media, Refusal, Text, Unknown

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,", re.ASCII)
_BASE64_START = re.compile(r"[A-Za-z0-9+/]{1,64}={0,2}", re.ASCII)
_AUDIO_MIMES = {"mp3": "audio/mpeg"}
_AUDIO_FORMATS = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav"}
_FILE_MIMES = {"pdf": "application/pdf", "txt": "text/plain", "md": "text/markdown", "csv": "text/csv"}

INPUT = "input_text"
OUTPUT = "output_text"


def decode_element(element: JsonValue, path: str, usual: str) -> Text | Media | Refusal | Unknown:
    """One element of a content array; `usual` is the type of texts where it stands. What nobody knows stays
    whole."""
    fields = as_object(element)
    if fields is None:
        raise InvalidRequest(f"{path}: expected an object, got {kind_of(element)}")
    match fields.get("type"):
        case "input_text" | "output_text" | "text":
            return _text(fields, path, usual)
        case "refusal":
            text = required_text(fields, "refusal", path)
            return Refusal(text=text, origin=NAME, extra=rest_of(fields, ("type", "refusal")))
        case "input_image":
            return _image(fields)
        case "input_file":
            return _file(fields)
        case "input_audio":
            return _audio(fields)
        case _:
            return Unknown(data=fields, origin=NAME)


def encode_element(part: AnyPart, path: str, usual: str, losses: Losses) -> JsonObject | None:
    """An element for a content array; None, and a loss, when this API has no place for the part."""
    native = part.origin == NAME
    if part.cache is not None:
        losses.dropped(f"{path}.cache", "cache mark", "cost")
    if part.seal is not None:
        losses.dropped(f"{path}.seal", "seal", "quality")
    match part:
        case Text(text=text, citations=citations):
            element: JsonObject = {"type": usual, "text": text}
            if citations and native:
                element["annotations"] = list(citations)
            elif citations:
                losses.dropped(f"{path}.citations", "citations", "quality")
        case Refusal(text=text):
            element = {"type": "refusal", "refusal": text}
        case Media():
            medium = _encode_media(part, path, losses)
            if medium is None:
                return None
            element = medium
        case Unknown(data=data) if native:
            return data
        case _:
            losses.dropped(path, "unknown block", "meaning")
            return None
    if native:
        marks.restore(element, part.extra)
    else:
        losses.foreign(path, part.extra)
    return element


def required_text(fields: JsonObject, name: str, path: str) -> str:
    value = as_text(fields.get(name))
    if value is None:
        raise InvalidRequest(f"{path}.{name}: expected a string, got {kind_of(fields.get(name))}")
    return value


def _text(fields: JsonObject, path: str, usual: str) -> Text:
    text = required_text(fields, "text", path)
    annotations = as_array(fields.get("annotations")) or ()
    citations = objects_in(fields.get("annotations"))
    known = ["text"] + (["type"] if fields["type"] == usual else [])
    if citations and len(citations) == len(annotations):
        known.append("annotations")
    else:
        citations = []
    extra = marks.quieted(rest_of(fields, known), "annotations", "logprobs")
    return Text(text=text, citations=tuple(citations), origin=NAME, extra=extra)


def _image(fields: JsonObject) -> Media | Unknown:
    url, file_id, detail = (as_text(fields.get(name)) for name in ("image_url", "file_id", "detail"))
    known = ["type"] + (["detail"] if detail is not None else [])
    if url is not None:
        mime, data = _split_data_url(url)
        return Media(
            mime=mime or "image/*",
            data=data,
            url=None if data is not None else url,
            detail=detail,
            origin=NAME,
            extra=_image_marks(rest_of(fields, [*known, "image_url"]), mime),
        )
    if file_id is None:
        return Unknown(data=fields, origin=NAME)
    extra = rest_of(fields, [*known, "file_id"])
    return Media(mime="image/*", file_id=file_id, detail=detail, origin=NAME, extra=extra)


def _image_marks(extra: JsonObject | None, mime: str | None) -> JsonObject | None:
    """A data URL of another family would otherwise come back as a file."""
    if mime is None or mime.startswith("image/"):
        return extra
    return {**(extra or {}), "type": "input_image"}


def _file(fields: JsonObject) -> Media | Unknown:
    name, file_data, file_id, file_url = (
        as_text(fields.get(member)) for member in ("filename", "file_data", "file_id", "file_url")
    )
    known = ["type"] + (["filename"] if name is not None else [])
    written: JsonObject = {}
    mime, data = "application/octet-stream", None
    if file_data is not None:
        found, data = _split_data_url(file_data)
        if data is None and _BASE64_START.fullmatch(file_data[:64]):
            found = _FILE_MIMES.get((name or "").rpartition(".")[2].lower())
            data = file_data
            written[marks.BARE_DATA] = None
        elif data is None:
            return Unknown(data=fields, origin=NAME)
        mime = found or mime
        known.append("file_data")
        file_id = file_url = None
    elif file_id is not None:
        known.append("file_id")
        file_url = None
    elif file_url is not None:
        known.append("file_url")
    else:
        return Unknown(data=fields, origin=NAME)
    if mime.startswith(("image/", "audio/")):
        written[marks.AS_FILE] = None
    extra = {**(rest_of(fields, known) or {}), **written} or None
    return Media(mime=mime, data=data, url=file_url, file_id=file_id, name=name, origin=NAME, extra=extra)


def _audio(fields: JsonObject) -> Media | Unknown:
    audio = as_object(fields.get("input_audio"))
    data, sound = as_text((audio or {}).get("data")), as_text((audio or {}).get("format"))
    if audio is None or data is None or sound is None or set(audio) != {"data", "format"}:
        return Unknown(data=fields, origin=NAME)
    mime = _AUDIO_MIMES.get(sound, f"audio/{sound}")
    if _audio_format(mime) != sound:
        return Unknown(data=fields, origin=NAME)
    return Media(mime=mime, data=data, origin=NAME, extra=rest_of(fields, ("type", "input_audio")))


def _audio_format(mime: str) -> str:
    return _AUDIO_FORMATS.get(mime, mime.partition("/")[2])


def _encode_media(part: Media, path: str, losses: Losses) -> JsonObject | None:
    native = part.origin == NAME
    if part.file_id is not None and not native:
        losses.dropped(path, "file at another vendor", "meaning")
        return None
    family = part.mime.partition("/")[0]
    as_file = native and (marks.has(part.extra, marks.AS_FILE) or part.name is not None)
    if (family == "image" and not as_file) or (native and (part.extra or {}).get("type") == "input_image"):
        return _encode_image(part, path, native, losses)
    if part.detail is not None and not native:
        losses.dropped(f"{path}.detail", "image detail", "quality")
    if family == "audio" and part.data is not None and not as_file:
        if part.name is not None:
            losses.dropped(f"{path}.name", "file name", "quality")
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": _audio_format(part.mime)}}
    element: JsonObject = {"type": "input_file"}
    if part.data is not None:
        bare = native and marks.has(part.extra, marks.BARE_DATA)
        element["file_data"] = part.data if bare else f"data:{part.mime};base64,{part.data}"
    elif part.file_id is not None:
        element["file_id"] = part.file_id
    else:
        element["file_url"] = part.url
    name = part.name if native or part.data is None else part.name or _file_name(part.mime)
    return element if name is None else {**element, "filename": name}


def _encode_image(part: Media, path: str, native: bool, losses: Losses) -> JsonObject:
    element: JsonObject = {"type": "input_image"}
    if part.file_id is not None:
        element["file_id"] = part.file_id
    else:
        element["image_url"] = part.url if part.data is None else f"data:{part.mime};base64,{part.data}"
    if part.detail is not None:
        element["detail"] = part.detail
    if part.name is not None and not native:
        losses.dropped(f"{path}.name", "file name", "quality")
    return element


def _file_name(mime: str) -> str:
    """OpenAI refuses file data without a name, so a foreign document gets one."""
    for ending, known in _FILE_MIMES.items():
        if known == mime:
            return f"document.{ending}"
    return "document"


def _split_data_url(url: str) -> tuple[str | None, str | None]:
    """Media type and base64 text of a plain data URL; (None, None) for any other address."""
    found = _DATA_URL.match(url)
    return (found[1], url[found.end() :]) if found else (None, None)
