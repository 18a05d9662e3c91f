"""Which part of this API a part of the representation becomes, and what it loses on the way."""

from typing import assert_never

import msgspec

from omniroute.dialects.gemini.names import Names
from omniroute.dialects.gemini.parts import ANY_MIME, RESULT_WORDS, is_own_file
from omniroute.dialects.gemini.wire import NAME
from omniroute.dialects.look import as_object
from omniroute.dialects.losses import Losses
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.parts import (
    AnyPart,
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)


def encode_part(part: AnyPart, path: str, losses: Losses, names: Names | None = None) -> JsonObject | None:
    """The wire part for `part` (at `path` of the representation), or None with a Loss when there is none.

    `names` fits the names of tools; without it they stay, as they do in this dialect's own conversations.
    """
    match part:
        case Text():
            if part.citations:
                losses.dropped(f"{path}.citations", "citations", "quality")
            return _framed({"text": part.text}, part, path, losses)
        case Refusal():
            return _framed({"text": part.text}, part, path, losses)
        case Reasoning():
            return _thought(part, path, losses)
        case Media():
            return _media(part, path, losses)
        case ToolCall():
            return _call(part, path, losses, names)
        case ToolResult():
            return _native_result(part, path, losses)
        case Unknown():
            if part.origin == NAME:
                return part.data
            losses.dropped(path, _unknown_name(part), "meaning")
            return None
        case _:
            assert_never(part)


def encode_result(
    part: ToolResult, call_id: str, name: str, path: str, losses: Losses
) -> tuple[JsonObject, list[JsonObject]]:
    """The `functionResponse` of another dialect's result, and its media, which follow as parts of their own."""
    texts: list[str] = []
    media: list[JsonObject] = []
    for i, piece in enumerate(part.content):
        at = f"{path}.content[{i}]"
        match piece:
            case Text():
                texts.append(piece.text)
                _spare(piece, at, losses)
                if piece.citations:
                    losses.dropped(f"{at}.citations", "citations", "quality")
            case Media():
                wire = _media(piece, at, losses)
                if wire is not None:
                    losses.moved(at, "media of a tool result", "quality")
                    media.append(wire)
            case Unknown():
                losses.dropped(at, _unknown_name(piece), "meaning")
    _spare(part, path, losses)
    response: JsonObject = {"error" if part.is_error else "output": "\n".join(texts)}
    return {"functionResponse": {"id": call_id, "name": name, "response": response}}, media


def arguments_object(part: ToolCall, path: str, losses: Losses) -> JsonValue:
    """`args` for the arguments of a call; what is not a JSON object is kept as text under one key."""
    if not part.arguments.strip():
        return {}
    try:
        value: JsonValue = msgspec.json.decode(part.arguments)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        pass
    else:
        if part.origin == NAME or as_object(value) is not None:
            return value
    losses.approximated(f"{path}.arguments", "arguments that are not a JSON object", "quality")
    return {"_raw_arguments": part.arguments}


def _framed(wire: JsonObject, part: Part, path: str, losses: Losses) -> JsonObject:
    """`wire` with what every part may carry: unknown fields and the seal, both of this dialect only."""
    if part.origin != NAME:
        _spare(part, path, losses)
        return wire
    if part.cache is not None:
        losses.dropped(f"{path}.cache", "cache mark", "cost")
    for name, value in (part.extra or {}).items():
        inner, unknown = as_object(wire.get(name)), as_object(value)
        if inner is not None and unknown is not None:
            wire[name] = {**inner, **unknown}
        elif value is not None:
            wire[name] = value
    if part.seal is not None:
        wire["thoughtSignature"] = part.seal
    return wire


def _spare(part: Part, path: str, losses: Losses) -> None:
    """What a part of another dialect carries and this one has no place for."""
    losses.foreign(path, part.extra)
    if part.seal is not None:
        losses.dropped(f"{path}.seal", "seal", "quality")
    if part.cache is not None:
        losses.dropped(f"{path}.cache", "cache mark", "cost")


def _thought(part: Reasoning, path: str, losses: Losses) -> JsonObject | None:
    text = part.text or "\n\n".join(part.summary)
    if part.origin != NAME and not text:
        losses.dropped(path, "redacted reasoning" if part.redacted else "empty reasoning", "quality")
        return None
    return _framed({"text": text, "thought": True}, part, path, losses)


def _media(part: Media, path: str, losses: Losses) -> JsonObject | None:
    native = part.origin == NAME
    if part.detail is not None and part.detail != "auto":
        losses.dropped(f"{path}.detail", "image detail", "quality")
    named: JsonObject = {}
    if part.name is not None and native:
        named = {"displayName": part.name}
    elif part.name is not None:
        losses.dropped(f"{path}.name", "file name", "quality")
    if part.data is not None:
        return _framed({"inlineData": {"mimeType": part.mime, "data": part.data, **named}}, part, path, losses)
    uri = part.file_id or part.url or ""
    if not native and not is_own_file(uri):
        if part.file_id is not None:
            losses.dropped(path, "file at another vendor", "meaning")
            return None
        raise InvalidRequest(
            f"{path}: the Gemini API cannot open {uri[:80]!r}: send the content as base64, or upload it to the "
            "provider's file API first",
            code="unsupported_feature",
        )
    mime: JsonObject = {} if part.mime == ANY_MIME or part.mime.endswith("/*") else {"mimeType": part.mime}
    return _framed({"fileData": {**mime, "fileUri": uri, **named}}, part, path, losses)


def _call(part: ToolCall, path: str, losses: Losses, names: Names | None) -> JsonObject | None:
    if part.executor == "provider":
        losses.dropped(path, "call of a hosted tool", "meaning")
        return None
    call: JsonObject = {}
    if not _says_null(part, "id"):
        call["id"] = part.call_id
    call["name"] = part.name
    if names is not None:
        call["name"] = names.wire(part.name)
        if call["name"] != part.name:
            losses.approximated(f"{path}.name", "tool name", "quality")
    if part.arguments or part.origin != NAME:
        call["args"] = arguments_object(part, path, losses)
    return _framed({"functionCall": call}, part, path, losses)


def _native_result(part: ToolResult, path: str, losses: Losses) -> JsonObject | None:
    """A result of this dialect's own conversations, in the shape that it came in."""
    if part.executor == "provider":
        losses.dropped(path, "result of a hosted tool", "meaning")
        return None
    answer: JsonObject = {} if _says_null(part, "id") else {"id": part.call_id}
    answer["name"] = part.name or ""
    pieces: list[JsonObject] = []
    for i, piece in enumerate(part.content):
        if not isinstance(piece, Text):
            wire = encode_part(piece, f"{path}.content[{i}]", losses)
            if wire is not None:
                pieces.append(wire)
    texts = [piece.text for piece in part.content if isinstance(piece, Text)]
    if texts:
        answer["response"] = _response(part, "\n".join(texts))
    if pieces:
        answer["parts"] = pieces
    return _framed({"functionResponse": answer}, part, path, losses)


def _response(part: ToolResult, text: str) -> JsonValue:
    for word in RESULT_WORDS:
        if _says_null(part, word):
            return {word: text}
    try:
        value: JsonValue = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        value = None
    if part.origin == NAME and value is not None:
        return value
    return {"error" if part.is_error else "output": text}


def _says_null(part: Part, name: str) -> bool:
    extra = part.extra if part.origin == NAME else None
    return extra is not None and name in extra and extra[name] is None


def _unknown_name(part: Unknown) -> str:
    return f"{part.data.get('type', 'unknown')} part of {part.origin or 'an unknown dialect'}"
