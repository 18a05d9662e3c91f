"""Whole answers of the Converse API."""

import msgspec

from omniroute.dialects.bedrock_converse.errors import decode_exception, is_failure
from omniroute.dialects.bedrock_converse.media import MIMES
from omniroute.dialects.bedrock_converse.usage import decode_finish, decode_usage
from omniroute.dialects.bedrock_converse.wire import NAME, without
from omniroute.dialects.look import as_array, as_object, as_text, objects_in
from omniroute.dialects.objects import read_object
from omniroute.errors import UpstreamError
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject, JsonValue, RawJson
from omniroute.ir.parts import AnyPart, Executor, Media, Reasoning, Text, ToolCall, Unknown
from omniroute.ir.result import GenerateResponse

_ENVELOPE = ("output", "stopReason", "usage", "metrics")


def decode_response(body: bytes) -> GenerateResponse | Failure:
    """Raises `UpstreamError(kind="protocol")` when `body` is not an answer. It has neither id nor model."""
    answer = read_object(body)
    if answer is None:
        raise UpstreamError("protocol", "the provider's answer is not a JSON object")
    if is_failure(answer):
        return decode_exception("", body)
    message = as_object((as_object(answer.get("output")) or {}).get("message"))
    content = as_array((message or {}).get("content"))
    if content is None:
        raise UpstreamError("protocol", "the provider's answer has no message with a list of content blocks")
    parts = tuple(part for block in content if (part := decode_block(block)) is not None)
    called = any(isinstance(part, ToolCall) and part.executor == "client" for part in parts)
    usage = as_object(answer.get("usage"))
    return GenerateResponse(
        id="",
        model="",
        parts=parts,
        finish=decode_finish(answer.get("stopReason"), called=called),
        usage=decode_usage(usage) if usage else None,
        origin=NAME,
        extra=without(answer, *_ENVELOPE),
    )


def decode_block(value: JsonValue) -> AnyPart | None:
    """The part that a block means; None for what is no block. One that nobody here knows is kept whole."""
    block = as_object(value)
    if not block:
        return None
    part: AnyPart | None = None
    if isinstance(block.get("text"), str):
        part = Text(text=block["text"], origin=NAME)
    elif (use := as_object(block.get("toolUse"))) is not None:
        arguments = use.get("input")
        raw = RawJson(msgspec.json.encode(arguments).decode()) if arguments is not None else RawJson("")
        part = call(use, raw)
    elif (thought := as_object(block.get("reasoningContent"))) is not None:
        part = _reasoning(thought)
    elif (cited := as_object(block.get("citationsContent"))) is not None:
        said = "".join(as_text(piece.get("text")) or "" for piece in objects_in(cited.get("content")))
        part = Text(text=said, citations=tuple(objects_in(cited.get("citations"))), origin=NAME)
    elif (image := as_object(block.get("image"))) is not None:
        part = picture(image.get("format"), (as_object(image.get("source")) or {}).get("bytes"))
    return part or Unknown(data=block, origin=NAME)


def call(use: JsonObject, arguments: RawJson) -> ToolCall:
    executor: Executor = "client" if use.get("type") is None else "provider"
    return ToolCall(
        call_id=as_text(use.get("toolUseId")) or "",
        name=as_text(use.get("name")) or "",
        arguments=arguments,
        executor=executor,
        origin=NAME,
    )


def picture(form: JsonValue, data: JsonValue) -> Media | None:
    mime = MIMES.get(form) if isinstance(form, str) else None
    if mime is None or not isinstance(data, str) or not data:
        return None
    return Media(mime=mime, data=data, origin=NAME)


def _reasoning(thought: JsonObject) -> Reasoning | None:
    told = as_object(thought.get("reasoningText"))
    if told is not None:
        seal = as_text(told.get("signature")) or None
        return Reasoning(text=as_text(told.get("text")) or "", seal=seal, origin=NAME)
    redacted = as_text(thought.get("redactedContent"))
    return Reasoning(redacted=True, seal=redacted, origin=NAME) if redacted else None
