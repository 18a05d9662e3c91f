"""Items that the model made: reasoning, messages, tool calls; from the wire to parts of an assistant turn.

The same items stand in the `input` of a request and in the `output` of an answer. Of a request everything is kept,
so that it can be written again exactly. An answer says more than it means: its items lose `id`, `status` and what
is null or empty (an encoder gives out ids of its own), an item of reasoning without any content is none, and the
texts of one item of reasoning are one thought.
"""

from collections.abc import Mapping

import msgspec

from omniroute.dialects.look import as_array, as_object, as_text, kind_of, objects_in
from omniroute.dialects.objects import rest_of, said
from omniroute.dialects.openai_responses import marks
from omniroute.dialects.openai_responses.content import OUTPUT, decode_element
from omniroute.dialects.openai_responses.names import Called, qualified
from omniroute.dialects.openai_responses.wire import NAME
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue, RawJson
from omniroute.ir.parts import AnyPart, Media, Reasoning, Refusal, Text, ToolCall, Unknown

SEPARATOR = "\n\n"
"""Between the texts of one thought."""

_CALL = ("type", "call_id", "name", "arguments")
_CUSTOM_CALL = ("type", "call_id", "name", "input")


def decode_item(item: JsonObject, path: str, names: Mapping[str, Called]) -> list[AnyPart]:
    """The parts of one item of a request; an item that is not known is one part, whole."""
    match item.get("type", "message"):
        case "message":
            return decode_message(item, path)
        case "function_call":
            return [decode_call(item, path, names)]
        case "custom_tool_call":
            return [_custom_call(item, path, names)]
        case "reasoning":
            return [_reasoning(item)]
        case _:
            return [Unknown(data=item, origin=NAME)]


def decode_output(output: list[JsonObject], path: str) -> list[AnyPart]:
    """The parts of an answer."""
    parts: list[AnyPart] = []
    for index, item in enumerate(output):
        parts += decode_output_item(item, f"{path}[{index}]")
    return parts


def decode_output_item(item: JsonObject, path: str) -> list[AnyPart]:
    match item.get("type"):
        case "message":
            return [_said_part(part) for part in decode_message(item, path)] if item.get("content") else []
        case "function_call" | "custom_tool_call" as kind:
            call = decode_call(item, path, {}) if kind == "function_call" else _custom_call(item, path, {})
            extra = {name: value for name, value in (call.extra or {}).items() if name != marks.ITEM}
            if marks.CUSTOM not in extra:
                extra = said(extra) or {}
            call = msgspec.structs.replace(call, extra=extra or None)
            return [call] if call.name else []
        case "reasoning":
            thought = answered_reasoning(item)
            return [] if thought is None else [thought]
        case "image_generation_call":
            return [generated_image(item)]
        case _:
            return [Unknown(data=item, origin=NAME)]


def answered_reasoning(item: JsonObject) -> Reasoning | None:
    """The thought of an answer; None when the item has no content at all."""
    text = SEPARATOR.join(thoughts_of(item))
    seal = as_text(item.get("encrypted_content")) or None
    if not text and seal is None:
        return None
    return Reasoning(text=text, seal=seal, origin=NAME)


def thoughts_of(item: JsonObject) -> list[str]:
    """The texts of an item of reasoning that are not empty, summaries first."""
    texts = [as_text(part.get("text")) for name in ("summary", "content") for part in objects_in(item.get(name))]
    return [text for text in texts if text]


def generated_image(item: JsonObject) -> Media | Unknown:
    data = as_text(item.get("result"))
    if not data:
        return Unknown(data=item, origin=NAME)
    image_format = as_text(item.get("output_format")) or "png"
    extra = said(rest_of(item, ("id", "type", "status", "result", "output_format")))
    return Media(mime=f"image/{image_format}", data=data, origin=NAME, extra=extra)


def custom_arguments(text: str) -> RawJson:
    """The free text of a custom tool as the arguments that the tool has in other dialects."""
    return RawJson(msgspec.json.encode({"input": text}).decode())


def custom_input(arguments: str) -> str:
    """The way back; arguments of another shape are the text themselves."""
    try:
        fields = as_object(msgspec.json.decode(arguments))
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return arguments
    text = as_text((fields or {}).get("input"))
    return text if fields is not None and text is not None and len(fields) == 1 else arguments


def message_extra(item: JsonObject) -> JsonObject | None:
    """What the first part of an assistant's message remembers of its item."""
    extra: JsonObject = {}
    identified = marks.identity(item)
    if identified is not None:
        extra[marks.ITEM] = identified
    others = rest_of(item, ("id", "status", "type", "role", "content"))
    if others is not None:
        extra[marks.MESSAGE] = others
    return extra or None


def decode_message(item: JsonObject, path: str) -> list[AnyPart]:
    """The parts of an assistant's message. A message without content is kept whole."""
    content = item.get("content")
    frame = message_extra(item) or {}
    if "type" not in item:
        frame[marks.UNTYPED] = None
    if isinstance(content, str):
        return [Text(text=content, origin=NAME, extra={**frame, marks.PLAIN: None})]
    elements = as_array(content)
    if elements is None and content is not None:
        raise InvalidRequest(f"{path}.content: expected a string or an array, got {kind_of(content)}")
    if not elements:
        return [Unknown(data=item, origin=NAME)]
    parts: list[AnyPart] = []
    for index, element in enumerate(elements):
        part = decode_element(element, f"{path}.content[{index}]", OUTPUT)
        if index:
            frame = {marks.CONTINUED: None}
        elif isinstance(part, Unknown):
            frame = {marks.MESSAGE: None, **frame}
        if frame:
            part = msgspec.structs.replace(part, extra={**(part.extra or {}), **frame})
        parts.append(part)
    return parts


def _said_part(part: AnyPart) -> AnyPart:
    """A part of an answer's message, without what says nothing."""
    continued = marks.has(part.extra, marks.CONTINUED)
    extra = {name: value for name, value in (said(part.extra) or {}).items() if name != marks.ITEM}
    message = said(as_object(extra.pop(marks.MESSAGE, None)))
    if message is not None or (isinstance(part, Unknown) and not continued):
        extra[marks.MESSAGE] = message
    if continued:
        extra[marks.CONTINUED] = None
    if isinstance(part, Text | Refusal | Media | Unknown):
        return msgspec.structs.replace(part, extra=extra or None)
    return part


def decode_call(item: JsonObject, path: str, names: Mapping[str, Called]) -> ToolCall:
    arguments = item.get("arguments")
    text = arguments if isinstance(arguments, str) else _json(arguments)
    return _call(item, path, RawJson(text), marks.item_marks(item, _CALL), names)


def _custom_call(item: JsonObject, path: str, names: Mapping[str, Called]) -> ToolCall:
    text = as_text(item.get("input")) or ""
    extra = {marks.CUSTOM: None, **marks.item_marks(item, _CUSTOM_CALL)}
    return _call(item, path, custom_arguments(text), extra, names)


def _call(
    item: JsonObject, path: str, arguments: RawJson, extra: JsonObject, names: Mapping[str, Called]
) -> ToolCall:
    call_id = as_text(item.get("call_id")) or as_text(item.get("id"))
    if not call_id:
        raise InvalidRequest(f"{path}.call_id: expected the id of the call")
    name = as_text(item.get("name")) or ""
    namespace = as_text(item.get("namespace"))
    if namespace is not None:
        declared = names.get(qualified(namespace, name))
        if declared is not None and (declared.name, declared.namespace) == (name, namespace):
            name = qualified(namespace, name)
            extra[marks.NAMESPACE] = None
    return ToolCall(call_id=call_id, name=name, arguments=arguments, origin=NAME, extra=extra or None)


def _json(value: JsonValue) -> str:
    return "" if value is None else msgspec.json.encode(value).decode()


def _reasoning(item: JsonObject) -> Reasoning:
    """Reasoning that a client sends back. Content of any unusual shape stays as it is, beside its texts."""
    known = ["type"]
    extra: JsonObject = {}
    summary = as_array(item.get("summary"))
    texts: tuple[str, ...] = ()
    if summary is not None:
        texts = tuple(text for part in objects_in(summary) if (text := as_text(part.get("text"))) is not None)
        if [{"type": "summary_text", "text": text} for text in texts] == summary:
            known.append("summary")
    elif item.get("summary") is None:
        known.append("summary")
        extra[marks.NO_SUMMARY] = None
    content = objects_in(item.get("content"))
    text = SEPARATOR.join(one for part in content if (one := as_text(part.get("text"))))
    if text and item.get("content") == [{"type": "reasoning_text", "text": text}]:
        known.append("content")
        extra[marks.THOUGHT] = None
    seal = as_text(item.get("encrypted_content"))
    if seal is not None:
        known.append("encrypted_content")
    extra = {**extra, **marks.item_marks(item, tuple(known))}
    return Reasoning(text=text, summary=texts, seal=seal, origin=NAME, extra=extra or None)
