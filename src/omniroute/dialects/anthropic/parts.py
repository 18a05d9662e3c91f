"""What a content block of the Messages API means.

A part that came from a block has this dialect as its origin and keeps every unknown field in `extra`; a part
without origin stood for a plain string. A document made of text is a `Text` whose `extra` holds the rest of the
block: `extra["type"]` cannot be there otherwise, since the type of a block is always consumed.
"""

import msgspec

from omniroute.dialects.anthropic.wire import NAME, without
from omniroute.dialects.look import as_array, as_object, as_text
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue, RawJson
from omniroute.ir.parts import AnyPart, CacheMark, Media, Reasoning, Text, ToolCall, ToolResult, Unknown


def decode_block(block: JsonValue, path: str) -> AnyPart:
    """The part that `block` means; a type that nobody here knows is kept whole.

    Raises `InvalidRequest` naming the field under `path` that a known type cannot do without.
    """
    fields = as_object(block)
    if fields is None:
        raise InvalidRequest(f"{path}: expected a content block (an object with a `type`), got {_kind(block)}")
    cache = decode_cache(fields["cache_control"]) if "cache_control" in fields else None
    if cache is not None:
        fields = {name: value for name, value in fields.items() if name != "cache_control"}
    part: AnyPart
    match fields.get("type"):
        case "text":
            part = _text(fields, path)
        case "image":
            part = _image(fields, path)
        case "document":
            part = _document(fields, path)
        case "thinking":
            part = _thinking(fields, path)
        case "redacted_thinking":
            part = Reasoning(
                redacted=True,
                seal=_required(fields, "data", path),
                origin=NAME,
                extra=without(fields, "type", "data"),
            )
        case "tool_use" | "server_tool_use" | "mcp_tool_use":
            part = _tool_call(fields, path)
        case "tool_result":
            part = _tool_result(fields, path)
        case str():
            part = Unknown(data=fields)
        case _:
            raise InvalidRequest(f"{path}.type: expected the name of a content block")
    if isinstance(part, Unknown):
        return Unknown(data=as_object(block) or {}, origin=NAME)
    return msgspec.structs.replace(part, cache=cache) if cache else part


def decode_cache(value: JsonValue) -> CacheMark | None:
    """The mark of a `cache_control` object; None when it is absent or not one that is understood."""
    control = as_object(value)
    if control is None or control.get("type") != "ephemeral":
        return None
    ttl = control.get("ttl")
    if ttl is None:
        return None if "ttl" in control else CacheMark(extra=without(control, "type"))
    return CacheMark(ttl=ttl, extra=without(control, "type", "ttl")) if isinstance(ttl, str) else None


def _text(block: JsonObject, path: str) -> Text:
    text = _required(block, "text", path)
    if "citations" not in block:
        return Text(text=text, origin=NAME, extra=without(block, "type", "text"))
    found = as_array(block.get("citations")) or []
    citations = tuple(citation for citation in map(as_object, found) if citation is not None)
    if citations and len(citations) == len(found):
        return Text(text=text, citations=citations, origin=NAME, extra=without(block, "type", "text", "citations"))
    return Text(text=text, origin=NAME, extra=without(block, "type", "text"))


def _image(block: JsonObject, path: str) -> Media | Unknown:
    return _media(block, path, family="image/*") or Unknown(data=block)


def _document(block: JsonObject, path: str) -> Media | Text | Unknown:
    source = as_object(block.get("source"))
    if source is None:
        raise InvalidRequest(f"{path}.source: expected an object")
    match source.get("type"):
        case "text":
            plain = {name: value for name, value in source.items() if name != "data"}
            return Text(
                text=_required(source, "data", f"{path}.source"), origin=NAME, extra={**block, "source": plain}
            )
        case "content":
            return _composed_document(block, source)
        case "url":
            return _media(block, path, family="application/pdf") or Unknown(data=block)
        case _:
            return _media(block, path, family="application/*") or Unknown(data=block)


def _composed_document(block: JsonObject, source: JsonObject) -> Text | Unknown:
    content = source.get("content")
    if isinstance(content, str):
        frame = {name: value for name, value in source.items() if name != "content"}
        return Text(text=content, origin=NAME, extra={**block, "source": frame})
    pieces = as_array(content) or []
    texts = [as_text((as_object(piece) or {}).get("text")) for piece in pieces]
    if texts and all(text is not None for text in texts):
        return Text(text="\n".join(text or "" for text in texts), origin=NAME, extra=block)
    return Unknown(data=block)


def _media(block: JsonObject, path: str, family: str) -> Media | None:
    """An image or document that is data, an address or a file; None for any other source."""
    source = as_object(block.get("source"))
    if source is None:
        raise InvalidRequest(f"{path}.source: expected an object")
    mime, data, url, file_id = family, None, None, None
    match source.get("type"):
        case "base64":
            mime = _required(source, "media_type", f"{path}.source")
            data = _required(source, "data", f"{path}.source")
            frame = without(source, "type", "media_type", "data")
        case "url":
            url = _required(source, "url", f"{path}.source")
            frame = without(source, "type", "url")
        case "file":
            file_id = _required(source, "file_id", f"{path}.source")
            frame = without(source, "type", "file_id")
        case _:
            return None
    name = as_text(block.get("title"))
    rest = without(block, "type", "source", "title") if name is not None else without(block, "type", "source")
    if frame is not None:
        rest = {**(rest or {}), "source": frame}
    if (family == "image/*") != mime.startswith("image/"):
        rest = {**(rest or {}), "type": block["type"]}
    return Media(mime=mime, data=data, url=url, file_id=file_id, name=name, origin=NAME, extra=rest)


def _thinking(block: JsonObject, path: str) -> Reasoning:
    text = _required(block, "thinking", path)
    seal = as_text(block.get("signature"))
    used = ("type", "thinking", "signature") if seal is not None else ("type", "thinking")
    return Reasoning(text=text, seal=seal, origin=NAME, extra=without(block, *used))


def _tool_call(block: JsonObject, path: str) -> ToolCall:
    kind = block["type"]
    extra = without(block, "type", "id", "name", "input")
    if kind == "mcp_tool_use":
        extra = {**(extra or {}), "type": kind}
    return ToolCall(
        call_id=_required(block, "id", path),
        name=_required(block, "name", path),
        arguments=RawJson(msgspec.json.encode(block.get("input", {})).decode()),
        executor="client" if kind == "tool_use" else "provider",
        origin=NAME,
        extra=extra,
    )


def _tool_result(block: JsonObject, path: str) -> ToolResult:
    used = ["type", "tool_use_id"]
    content: tuple[Text | Media | Unknown, ...] = ()
    said = block.get("content")
    if isinstance(said, str):
        used.append("content")
        content = (Text(text=said),)
    elif pieces := as_array(said):
        used.append("content")
        content = tuple([_result_piece(piece, f"{path}.content[{i}]") for i, piece in enumerate(pieces)])
    failed = block.get("is_error") is True
    if failed:
        used.append("is_error")
    return ToolResult(
        call_id=_required(block, "tool_use_id", path),
        content=content,
        is_error=failed,
        origin=NAME,
        extra=without(block, *used),
    )


def _result_piece(block: JsonValue, path: str) -> Text | Media | Unknown:
    part = decode_block(block, path)
    if isinstance(part, (Text, Media, Unknown)):
        return part
    return Unknown(data=as_object(block) or {}, origin=NAME)


def _required(fields: JsonObject, name: str, path: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise InvalidRequest(f"{path}.{name}: expected a string, got {_kind(value)}")
    return value


def _kind(value: JsonValue) -> str:
    return "nothing" if value is None else type(value).__name__
