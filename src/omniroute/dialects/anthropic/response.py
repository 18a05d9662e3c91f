"""Whole answers of the Messages API, read and written."""

import msgspec

from omniroute.dialects.anthropic.blocks import encode_block
from omniroute.dialects.anthropic.errors import decode_error_body
from omniroute.dialects.anthropic.parts import decode_block
from omniroute.dialects.anthropic.toolids import ToolIds
from omniroute.dialects.anthropic.usage import decode_finish, decode_usage, encode_finish, encode_usage
from omniroute.dialects.anthropic.wire import NAME, Answer, without
from omniroute.dialects.base import Context, Encoded
from omniroute.dialects.look import as_array, as_object, as_text
from omniroute.dialects.losses import Losses
from omniroute.dialects.objects import read_object
from omniroute.errors import InvalidRequest, UpstreamError
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.parts import AnyPart, Media, Reasoning, Refusal, Text, ToolCall
from omniroute.ir.result import GenerateResponse, Usage

EMPTY_ANSWER = "(empty response)"
"""What an answer without any content says; coding agents stumble over an empty list of blocks."""

_SOUND = object()
_SILENT: dict[str, JsonValue] = {"citations": [], "signature": "", "caller": {"type": "direct"}}
"""Values of an answer's blocks that say no more than the field's absence would."""

_ENVELOPE = ("id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage")


def decode_response(body: bytes) -> GenerateResponse | Failure:
    """Raises `UpstreamError(kind="protocol")` when `body` is not a message."""
    answer = read_object(body)
    if answer is None:
        raise UpstreamError("protocol", "the provider's answer is not a JSON object")
    if as_object(answer.get("error")) is not None:
        return decode_error_body(answer)
    content = as_array(answer.get("content"))
    if content is None:
        raise UpstreamError("protocol", "the provider's answer has no list of content blocks")
    try:
        parts = tuple(decode_answer_block(block, f"content[{i}]") for i, block in enumerate(content))
    except InvalidRequest as broken:
        raise UpstreamError("protocol", f"the provider's answer cannot be read: {broken.message}") from broken
    usage = as_object(answer.get("usage"))
    called = any(isinstance(part, ToolCall) and part.executor == "client" for part in parts)
    return GenerateResponse(
        id=as_text(answer.get("id")) or "",
        model=as_text(answer.get("model")) or "",
        parts=parts,
        finish=decode_finish(answer.get("stop_reason"), answer.get("stop_sequence"), called=called),
        usage=decode_usage(usage) if usage is not None else None,
        origin=NAME,
        extra=said(without(answer, *_ENVELOPE)),
    )


def decode_answer_block(block: JsonValue, path: str) -> AnyPart:
    """A block of an answer. What the API spells out though it says nothing is not taken for information."""
    fields = as_object(block)
    if fields is not None:
        silent = [name for name, value in fields.items() if value is None or _SILENT.get(name, _SOUND) == value]
        if silent:
            block = without(fields, *silent)
    return decode_block(block, path)


def said(extra: JsonObject | None) -> JsonObject | None:
    """`extra` without its nulls: a field that was not asked for is null in every answer."""
    return {name: value for name, value in (extra or {}).items() if value is not None} or None


def encode_response(response: GenerateResponse, context: Context) -> Encoded:
    losses = Losses()
    native = response.origin == NAME
    ids = ToolIds(f"toolu_{context.token}")
    content: list[JsonObject] = []
    before: AnyPart | None = None
    for i, part in enumerate(response.parts):
        block = encode_answer_block(part, f"parts[{i}]", ids, losses)
        if block is None:
            continue
        if before is not None and flows_on(before, part):
            content[-1]["text"] += block["text"]
        else:
            content.append(block)
        before = part
    if not content and not native:
        losses.added("parts", "text of an empty answer", "quality")
        content.append({"type": "text", "text": EMPTY_ANSWER})
    if not native:
        losses.foreign("", response.extra)
    usage = response.usage or Usage(input=context.input_tokens)
    body: Answer = {
        "id": message_id(response.id, context),
        "type": "message",
        "role": "assistant",
        "model": context.model,
        "content": content,
        "stop_reason": encode_finish(
            response.finish,
            called=any(isinstance(part, ToolCall) and part.executor == "client" for part in response.parts),
            refused=any(isinstance(part, Refusal) for part in response.parts),
            native=native,
        ),
        "stop_sequence": response.finish.stop_sequence,
        "usage": encode_usage(usage, native=native),
    }
    extra = response.extra if native else None
    return Encoded(msgspec.json.encode({**body, **(extra or {})}), tuple(losses))


def flows_on(before: AnyPart, part: AnyPart) -> bool:
    """Whether two texts that follow each other are one block; this API's own blocks stay apart."""
    return isinstance(before, Text) and isinstance(part, Text) and NAME not in (before.origin, part.origin)


def message_id(given: str, context: Context) -> str:
    """Ids of messages start with `msg_`; a foreign one is kept behind it, so that it can still be found."""
    return given if given.startswith("msg_") else f"msg_{given or context.token}"


def encode_answer_block(part: AnyPart, path: str, ids: ToolIds, losses: Losses) -> JsonObject | None:
    """The block of a part of an answer; blank text is left out unless it came from this API."""
    match part:
        case Text() if not part.text and part.origin != NAME:
            return None
        case Reasoning() if part.origin != NAME:
            return _foreign_thinking(part, path, losses)
        case Media():
            losses.approximated(path, f"{part.mime} content as a link", "quality")
            return {"type": "text", "text": media_link(part)}
        case ToolCall() if part.executor == "client":
            block = encode_block(part, path, losses)
            if block is not None:
                block["id"] = ids.fresh(part.call_id)
            return block
        case Reasoning(redacted=False):
            block = encode_block(part, path, losses)
            return {"signature": "", **block} if block is not None else None
        case _:
            return encode_block(part, path, losses)


def _foreign_thinking(part: Reasoning, path: str, losses: Losses) -> JsonObject | None:
    """Thinking of another vendor is shown, without a signature: one is never invented."""
    text = thinking_text(part)
    if part.seal is not None:
        losses.dropped(f"{path}.seal", "seal of another vendor", "quality")
    if not text:
        return None
    losses.foreign(path, part.extra)
    return {"type": "thinking", "thinking": text, "signature": ""}


def thinking_text(part: Reasoning) -> str:
    return part.text or "\n\n".join(part.summary)


def media_link(part: Media) -> str:
    """An answer's image as Markdown, since this API has no block for it."""
    name = part.name or part.mime.split("/")[0]
    place = part.url or (f"data:{part.mime};base64,{part.data}" if part.data else part.file_id or "")
    return f"![{name}]({place})"
