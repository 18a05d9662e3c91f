"""The elements of a content array, and the members of a message that carry reasoning: wire to parts and back.

A text that stood in a content array has `openai_chat` as its origin, a text that was a plain string has none; so
a request that is decoded and encoded again keeps its shape.
"""

import re

import msgspec

from omniroute.dialects.look import as_object, as_text, kind_of, objects_in
from omniroute.dialects.losses import Losses
from omniroute.dialects.objects import rest_of
from omniroute.dialects.openai_chat.details import MEMBER, put_details, seal_of
from omniroute.dialects.openai_chat.wire import NAME
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.parts import CacheMark, Media, Reasoning, Refusal, Text, Unknown

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,", re.ASCII)
_AUDIO_MIMES = {"mp3": "audio/mpeg"}
_AUDIO_FORMATS = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav"}
_REASONING = ("reasoning_content", "reasoning", "reasoning_details")


def decode_element(element: JsonValue, path: str) -> Text | Media | Refusal | Unknown:
    """One element of a content array; what it does not know stays whole as `Unknown`."""
    fields = as_object(element)
    if fields is None:
        if isinstance(element, str):
            return Text(text=element, origin=NAME)
        raise InvalidRequest(f"{path}: expected an object, got {kind_of(element)}")
    match fields.get("type"):
        case "text" | "input_text" | "output_text":
            cache, rest = take_cache(rest_of(fields, ("type", "text")))
            return Text(text=required_text(fields, "text", path), cache=cache, origin=NAME, extra=rest)
        case "refusal":
            text = required_text(fields, "refusal", path)
            return Refusal(text=text, origin=NAME, extra=rest_of(fields, ("type", "refusal")))
        case "image_url":
            return _image(fields, fields.get("image_url"), "image_url", path)
        case "image":
            return _image(fields, fields.get("image"), "image", path)
        case "file":
            return _file(fields, path)
        case "input_audio":
            return _audio(fields, path)
        case _:
            return Unknown(data=fields, origin=NAME)


def encode_element(part: Text | Media | Refusal | Unknown, path: str, losses: Losses) -> JsonObject | None:
    """An element for a content array; None, and a loss, when chat has no place for the part."""
    native = part.origin == NAME
    if isinstance(part, Unknown):
        element = part.data if native else None
        if element is None:
            losses.dropped(path, "unknown block", "meaning")
    else:
        element = _encode_known(part, path, losses)
    if element is None:
        put_cache({}, part.cache, native, path, losses)
        return None
    if isinstance(part, Unknown):
        return element
    if native:
        _restore(element, part.extra)
    else:
        losses.foreign(path, part.extra)
    if part.seal is not None:
        losses.dropped(f"{path}.seal", "seal", "quality")
    put_cache(element, part.cache, native, path, losses)
    return element


def text_element(text: str) -> JsonObject:
    return {"type": "text", "text": text}


def required_text(fields: JsonObject, name: str, path: str) -> str:
    value = as_text(fields.get(name))
    if value is None:
        raise InvalidRequest(f"{path}.{name}: expected a string, got {kind_of(fields.get(name))}")
    return value


def take_cache(extra: JsonObject | None) -> tuple[CacheMark | None, JsonObject | None]:
    """Splits a `cache_control` that is a breakpoint off the unknown fields."""
    control = as_object((extra or {}).get("cache_control"))
    if extra is None or control is None or control.get("type") != "ephemeral":
        return None, extra
    ttl = as_text(control.get("ttl"))
    mark = CacheMark(ttl=ttl, extra=rest_of(control, ("type",) if ttl is None else ("type", "ttl")))
    return mark, rest_of(extra, ("cache_control",))


def put_cache(fields: JsonObject, cache: CacheMark | None, native: bool, path: str, losses: Losses) -> None:
    """A breakpoint goes back where a chat client put it; one of another dialect has no place in chat."""
    if cache is None:
        return
    if native:
        ttl = {} if cache.ttl is None else {"ttl": cache.ttl}
        fields["cache_control"] = {"type": "ephemeral", **ttl, **(cache.extra or {})}
    else:
        losses.dropped(f"{path}.cache", "cache mark", "cost")


def decode_reasoning(message: JsonObject) -> Reasoning | None:
    """The thinking of an assistant message, from whichever member has it; the others stay as unknown fields."""
    present = {name: message[name] for name in _REASONING if message.get(name)}
    text = reasoning_text(message)
    if not present or (text is None and not present.get("reasoning_details")):
        return None
    plain = isinstance(present.get("reasoning_content"), str) and len(present) == 1
    seal = seal_of(objects_in(present.get(MEMBER)))
    return Reasoning(text=text or "", seal=seal, origin=NAME, extra=None if plain else present)


def reasoning_text(fields: JsonObject) -> str | None:
    """Thinking in a message or a delta; where several members repeat it, it counts once."""
    for name in ("reasoning_content", "reasoning"):
        text = as_text(fields.get(name))
        if text:
            return text
    details = [_detail_text(detail) for detail in objects_in(fields.get("reasoning_details"))]
    return "".join(details) or None


def put_reasoning(message: JsonObject, part: Reasoning, path: str, losses: Losses) -> None:
    """Thinking for an assistant message, without the seal, which chat cannot carry unless it is its own."""
    if part.origin == NAME and part.extra is not None:
        message.update(part.extra)
        return
    if part.origin != NAME:
        losses.foreign(path, part.extra)
    if part.seal is not None and not (part.origin == NAME and put_details(message, part.seal)):
        losses.dropped(f"{path}.seal", "seal", "quality")
    put_cache({}, part.cache, False, path, losses)
    text = part.text or "\n\n".join(part.summary)
    if text:
        message["reasoning_content"] = message.get("reasoning_content", "") + text
    elif part.redacted:
        losses.dropped(path, "redacted reasoning", "quality")


def _detail_text(detail: JsonObject) -> str:
    for name in ("text", "content", "summary"):
        text = as_text(detail.get(name))
        if text:
            return text
    return ""


def _image(fields: JsonObject, said: JsonValue, member: str, path: str) -> Media:
    image = as_object(said)
    url = as_text(said) if image is None else as_text(image.get("url"))
    if url is None:
        raise InvalidRequest(f"{path}.{member}.url: expected a string")
    detail = None if image is None else as_text(image.get("detail"))
    rest = rest_of(fields, ("type", member))
    inner = None if image is None else rest_of(image, ("url",) if detail is None else ("url", "detail"))
    cache, extra = take_cache(_nested(rest, "image_url", inner))
    mime, data = _split_data_url(url)
    return Media(
        mime=mime or "image/*",
        data=data,
        url=None if data is not None else url,
        detail=detail,
        cache=cache,
        origin=NAME,
        extra=extra,
    )


def _file(fields: JsonObject, path: str) -> Media | Unknown:
    file = as_object(fields.get("file"))
    if file is None:
        raise InvalidRequest(f"{path}.file: expected an object, got {kind_of(fields.get('file'))}")
    rest = rest_of(fields, ("type", "file"))
    name = as_text(file.get("filename"))
    file_data, file_id, file_url = (as_text(file.get(member)) for member in ("file_data", "file_id", "file_url"))
    used = ["filename"] if name is not None else []
    mime, data = _split_data_url(file_data) if file_data is not None else (None, None)
    if file_data is not None and data is not None:
        used.append("file_data")
        file_id = file_url = None
    elif file_data is not None:
        return Unknown(data=fields, origin=NAME)
    elif file_id is not None:
        used.append("file_id")
        file_url = None
    elif file_url is not None:
        used.append("file_url")
    else:
        raise InvalidRequest(f"{path}.file: needs file_data or file_id")
    cache, extra = take_cache(_nested(rest, "file", rest_of(file, used)))
    return Media(
        mime=mime or "application/octet-stream",
        data=data,
        url=file_url,
        file_id=file_id,
        name=name,
        cache=cache,
        origin=NAME,
        extra=extra,
    )


def _audio(fields: JsonObject, path: str) -> Media:
    audio = as_object(fields.get("input_audio"))
    if audio is None:
        raise InvalidRequest(f"{path}.input_audio: expected an object, got {kind_of(fields.get('input_audio'))}")
    data = required_text(audio, "data", f"{path}.input_audio")
    audio_format = required_text(audio, "format", f"{path}.input_audio")
    rest = rest_of(fields, ("type", "input_audio"))
    cache, extra = take_cache(_nested(rest, "input_audio", rest_of(audio, ("data", "format"))))
    mime = _AUDIO_MIMES.get(audio_format, f"audio/{audio_format}")
    return Media(mime=mime, data=data, cache=cache, origin=NAME, extra=extra)


def _encode_known(part: Text | Media | Refusal, path: str, losses: Losses) -> JsonObject | None:
    match part:
        case Text(text=text, citations=citations):
            if citations:
                losses.dropped(f"{path}.citations", "citations", "quality")
            return text_element(text)
        case Refusal(text=text):
            return {"type": "refusal", "refusal": text}
        case Media():
            return _encode_media(part, path, losses)


def _encode_media(part: Media, path: str, losses: Losses) -> JsonObject | None:
    family = part.mime.partition("/")[0]
    if part.file_id is not None:
        if part.origin != NAME:
            losses.dropped(path, "file at another vendor", "meaning")
            return None
        return {"type": "file", "file": _named({"file_id": part.file_id}, part.name)}
    is_file = part.origin == NAME and part.name is not None
    if family == "image" and not is_file:
        _drop_name(part, path, losses)
        url = part.url if part.data is None else f"data:{part.mime};base64,{part.data}"
        detail = {} if part.detail is None else {"detail": part.detail}
        return {"type": "image_url", "image_url": {"url": url, **detail}}
    if part.data is None:
        if part.origin != NAME:
            losses.dropped(path, f"{family} by address", "meaning")
            return None
        return {"type": "file", "file": _named({"file_url": part.url}, part.name)}
    if family == "audio" and not is_file:
        _drop_name(part, path, losses)
        audio_format = _AUDIO_FORMATS.get(part.mime, part.mime.partition("/")[2])
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": audio_format}}
    return {
        "type": "file",
        "file": _named({"file_data": f"data:{part.mime};base64,{part.data}"}, _file_name(part)),
    }


def _drop_name(part: Media, path: str, losses: Losses) -> None:
    """Pictures and sounds have no name here."""
    if part.name is not None:
        losses.dropped(f"{path}.name", "file name", "quality")


def _file_name(part: Media) -> str | None:
    """OpenAI refuses file data without a name, so a foreign document gets one."""
    if part.name is not None or part.origin == NAME:
        return part.name
    return "document.pdf" if part.mime == "application/pdf" else "document"


def _named(file: JsonObject, name: str | None) -> JsonObject:
    return file if name is None else {**file, "filename": name}


def _nested(rest: JsonObject | None, member: str, inner: JsonObject | None) -> JsonObject | None:
    return rest if inner is None else {**(rest or {}), member: inner}


def _restore(element: JsonObject, extra: JsonObject | None) -> None:
    """Unknown fields go back, those of the inner object into the inner object."""
    for name, value in (extra or {}).items():
        inner, unknown = as_object(element.get(name)), as_object(value)
        element[name] = {**inner, **unknown} if inner is not None and unknown is not None else value


def _split_data_url(url: str) -> tuple[str | None, str | None]:
    """Media type and base64 text of a plain data URL; (None, None) for any other address."""
    found = _DATA_URL.match(url)
    return (found[1], url[found.end() :]) if found else (None, None)


def raw_arguments(value: JsonValue) -> str:
    """Tool arguments as text; some clients send the object itself."""
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
