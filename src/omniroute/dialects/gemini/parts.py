"""What a part of this API means: wire to representation.

A part that came from here has this dialect as its origin and keeps every unknown field in `extra`, those of the
object inside it under that object's name. A null in `extra` says how the wire had it and means nothing to others:
`id` that a call or a result had none, `output`, `error`, `result` or `content` that a tool result stood under it.
"""

import msgspec

from omniroute.dialects.gemini.callids import CallIds
from omniroute.dialects.gemini.wire import NAME, without
from omniroute.dialects.look import as_array, as_object, as_text
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue, RawJson
from omniroute.ir.parts import AnyPart, Media, Reasoning, Text, ToolCall, ToolResult, Unknown

ANY_MIME = "*/*"
"""The media type of a file by address where the wire does not say it."""

RESULT_WORDS = ("output", "error", "result", "content")
"""Where tool results put one text; the API's documentation names the first two, clients use all."""

_DATA = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
)
_OWN_STORAGE = ("gs://", "https://generativelanguage.googleapis.com/", "https://storage.googleapis.com/", "files/")


def decode_part(value: JsonValue, path: str, ids: CallIds) -> AnyPart:
    """The part that `value` means; one that nobody here knows is kept whole.

    Raises `InvalidRequest` naming the field under `path` that a known part cannot do without.
    """
    if isinstance(value, str):
        return Text(text=value, origin=NAME)
    fields = as_object(value)
    if fields is None:
        raise InvalidRequest(f"{path}: expected a part (an object such as {{'text': ...}}), got {kind_of(value)}")
    kinds = [name for name in _DATA if fields.get(name) is not None]
    thought = fields.get("thought") is True
    if len(kinds) != 1 or (thought and kinds[0] != "text"):
        return Unknown(data=fields, origin=NAME)
    part: AnyPart
    match kinds[0]:
        case "text":
            part = _text(fields, path, thought=thought)
        case "inlineData":
            part = _inline(fields, path)
        case "fileData":
            part = _file(fields, path)
        case "functionCall":
            part = _call(fields, path, ids)
        case "functionResponse":
            part = _result(fields, path, ids)
        case _:
            return Unknown(data=fields, origin=NAME)
    seal = as_text(fields.get("thoughtSignature"))
    if seal is None:
        return part
    extra = {name: value for name, value in (part.extra or {}).items() if name != "thoughtSignature"}
    return msgspec.structs.replace(part, seal=seal, extra=extra or None)


def is_own_file(uri: str) -> bool:
    """Whether an address is one that only Google can open for its caller: the files API or Cloud Storage."""
    return uri.startswith(_OWN_STORAGE)


def needs_bytes(part: Media) -> bool:
    """Google opens its own files only."""
    return part.url is not None and not is_own_file(part.url)


def kind_of(value: JsonValue) -> str:
    return "nothing" if value is None else type(value).__name__


def _text(fields: JsonObject, path: str, *, thought: bool) -> Text | Reasoning:
    text = _required(fields, "text", path)
    extra = without(fields, "text", "thought")
    if thought:
        return Reasoning(text=text, origin=NAME, extra=extra)
    return Text(text=text, origin=NAME, extra=extra)


def _inline(fields: JsonObject, path: str) -> Media:
    blob = _object(fields, "inlineData", path)
    at = f"{path}.inlineData"
    return Media(
        mime=_required(blob, "mimeType", at),
        data=_required(blob, "data", at),
        name=as_text(blob.get("displayName")),
        origin=NAME,
        extra=_rest(fields, "inlineData", without(blob, "mimeType", "data", "displayName")),
    )


def _file(fields: JsonObject, path: str) -> Media:
    file = _object(fields, "fileData", path)
    uri = _required(file, "fileUri", f"{path}.fileData")
    own = is_own_file(uri)
    return Media(
        mime=as_text(file.get("mimeType")) or ANY_MIME,
        url=None if own else uri,
        file_id=uri if own else None,
        name=as_text(file.get("displayName")),
        origin=NAME,
        extra=_rest(fields, "fileData", without(file, "mimeType", "fileUri", "displayName")),
    )


def _call(fields: JsonObject, path: str, ids: CallIds) -> ToolCall | Unknown:
    call = _object(fields, "functionCall", path)
    name = as_text(call.get("name"))
    if name is None:
        return Unknown(data=fields, origin=NAME)
    said = as_text(call.get("id"))
    args = call.get("args")
    return ToolCall(
        call_id=ids.call(said, name),
        name=name,
        arguments=RawJson("" if args is None else msgspec.json.encode(args).decode()),
        origin=NAME,
        extra=_marked(_rest(fields, "functionCall", without(call, "id", "name", "args")), id=said),
    )


def _result(fields: JsonObject, path: str, ids: CallIds) -> ToolResult:
    answer = _object(fields, "functionResponse", path)
    name = _required(answer, "name", f"{path}.functionResponse")
    said = as_text(answer.get("id"))
    content: list[Text | Media | Unknown] = []
    extra = _rest(fields, "functionResponse", without(answer, "id", "name", "response", "parts"))
    extra = _marked(extra, id=said)
    failed = False
    if answer.get("response") is not None:
        response = answer["response"]
        word, text = _said(response)
        failed = "error" in (as_object(response) or {})
        content.append(Text(text=text, origin=NAME))
        if word is not None:
            extra = {**(extra or {}), word: None}
    for piece in as_array(answer.get("parts")) or ():
        part = decode_part(piece, f"{path}.functionResponse.parts", ids)
        if isinstance(part, (Media, Unknown)):
            content.append(part)
        else:
            content.append(Unknown(data=as_object(piece) or {}, origin=NAME))
    return ToolResult(
        call_id=ids.result(said, name),
        name=name,
        content=tuple(content),
        is_error=failed,
        origin=NAME,
        extra=extra,
    )


def _said(response: JsonValue) -> tuple[str | None, str]:
    """The text of a result and the word it stood under; a result of any other shape is its own JSON."""
    fields = as_object(response) or {}
    if len(fields) == 1:
        word = next(iter(fields))
        text = as_text(fields[word])
        if word in RESULT_WORDS and text is not None:
            return word, text
    return None, msgspec.json.encode(response).decode()


def _rest(fields: JsonObject, member: str, inner: JsonObject | None) -> JsonObject | None:
    """Unknown fields beside `member`, and those inside it under its name."""
    rest = without(fields, member, "thought")
    return rest if inner is None else {**(rest or {}), member: inner}


def _marked(extra: JsonObject | None, *, id: str | None) -> JsonObject | None:
    return extra if id is not None else {**(extra or {}), "id": None}


def _object(fields: JsonObject, name: str, path: str) -> JsonObject:
    value = as_object(fields.get(name))
    if value is None:
        raise InvalidRequest(f"{path}.{name}: expected an object, got {kind_of(fields.get(name))}")
    return value


def _required(fields: JsonObject, name: str, path: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise InvalidRequest(f"{path}.{name}: expected a string, got {kind_of(value)}")
    return value
