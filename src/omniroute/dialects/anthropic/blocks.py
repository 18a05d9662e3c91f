"""Which content block of the Messages API a part becomes, and what it loses on the way."""

from typing import assert_never

import msgspec

from omniroute.dialects.anthropic.media import media_source, media_type
from omniroute.dialects.anthropic.wire import NAME, without
from omniroute.dialects.look import as_object
from omniroute.dialects.losses import Losses
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.parts import (
    AnyPart,
    CacheMark,
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)


def encode_block(part: AnyPart, path: str, losses: Losses) -> JsonObject | None:
    """The block for `part` (at `path` of the representation), or None with a Loss when there is no such block."""
    match part:
        case Text():
            return _text_block(part, path, losses)
        case Reasoning():
            return _reasoning_block(part, path, losses)
        case Media():
            return _media_block(part, path, losses)
        case ToolCall():
            return _call_block(part, path, losses)
        case ToolResult():
            return _result_block(part, path, losses)
        case Refusal():
            return _framed({"type": "text", "text": part.text}, part, path, losses)
        case Unknown():
            if part.origin == NAME:
                return part.data
            losses.dropped(path, _unknown_name(part), "meaning")
            return None
        case _:
            assert_never(part)


def encode_cache(mark: CacheMark) -> JsonObject:
    control: JsonObject = {"type": "ephemeral", **(mark.extra or {})}
    if mark.ttl is not None:
        control["ttl"] = mark.ttl
    return control


def is_string(parts: tuple[AnyPart, ...]) -> bool:
    """Whether `parts` stood as a plain string on the wire: one text that never was a block."""
    if len(parts) != 1:
        return False
    part = parts[0]
    return isinstance(part, Text) and part == Text(text=part.text)


def _framed(block: JsonObject, part: Part, path: str, losses: Losses) -> JsonObject:
    """`block` with what every part may carry: unknown fields of this dialect, and the cache mark."""
    if part.extra:
        if part.origin == NAME:
            block.update(part.extra)
        else:
            losses.foreign(path, part.extra)
    if part.seal is not None and not isinstance(part, Reasoning):
        losses.dropped(f"{path}.seal", "seal", "quality")
    if part.cache is not None:
        block["cache_control"] = encode_cache(part.cache)
    return block


def _text_block(part: Text, path: str, losses: Losses) -> JsonObject:
    block: JsonObject = {"type": "text", "text": part.text}
    if part.origin == NAME and part.extra and "type" in part.extra:
        block = {"type": "document", "source": _text_source(part.extra.get("source"), part.text)}
        return _framed(block, msgspec.structs.replace(part, extra=without(part.extra, "source")), path, losses)
    if part.citations:
        if part.origin == NAME:
            block["citations"] = list(part.citations)
        else:
            losses.dropped(f"{path}.citations", "citations", "quality")
    return _framed(block, part, path, losses)


def _text_source(frame: JsonValue, text: str) -> JsonObject:
    source = dict(as_object(frame) or {"type": "text", "media_type": "text/plain"})
    if source.get("type") == "content":
        source.setdefault("content", text)
    else:
        source["data"] = text
    return source


def _reasoning_block(part: Reasoning, path: str, losses: Losses) -> JsonObject | None:
    if part.origin != NAME:
        losses.dropped(path, "thinking without a seal of this dialect", "quality")
        return None
    if part.redacted:
        return _framed({"type": "redacted_thinking", "data": part.seal or ""}, part, path, losses)
    block: JsonObject = {"type": "thinking", "thinking": part.text}
    if part.seal is not None:
        block["signature"] = part.seal
    return _framed(block, part, path, losses)


def _call_block(part: ToolCall, path: str, losses: Losses) -> JsonObject | None:
    if part.executor == "provider" and part.origin != NAME:
        losses.dropped(path, "call of a hosted tool", "meaning")
        return None
    return _framed(
        {
            "type": "tool_use" if part.executor == "client" else "server_tool_use",
            "id": part.call_id,
            "name": part.name,
            "input": arguments_object(part, path, losses),
        },
        part,
        path,
        losses,
    )


def arguments_object(part: ToolCall, path: str, losses: Losses) -> JsonValue:
    """`input` for the arguments of a call; what is not a JSON object is kept as text under one key."""
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


def _result_block(part: ToolResult, path: str, losses: Losses) -> JsonObject | None:
    if part.executor == "provider":
        losses.dropped(path, "result of a hosted tool", "meaning")
        return None
    block: JsonObject = {"type": "tool_result", "tool_use_id": part.call_id}
    if part.origin == NAME and is_string(part.content):
        block["content"] = part.content[0].text if isinstance(part.content[0], Text) else ""
    elif part.content:
        pieces = (encode_block(piece, f"{path}.content[{i}]", losses) for i, piece in enumerate(part.content))
        block["content"] = [piece for piece in pieces if piece is not None]
    if part.is_error:
        block["is_error"] = True
    return _framed(block, part, path, losses)


def _unknown_name(part: Unknown) -> str:
    return f"{part.data.get('type', 'unknown')} block of {part.origin or 'an unknown dialect'}"


def _media_block(part: Media, path: str, losses: Losses) -> JsonObject | None:
    own = part.extra if part.origin == NAME else None
    kind = (own or {}).get("type") or media_type(part)
    source = media_source(part, path, losses) if kind is not None else None
    if kind is None or source is None:
        if kind is None:
            losses.dropped(path, f"{part.mime} content", "meaning")
        return None
    if own is not None and (frame := as_object(own.get("source"))):
        source = {**source, **frame}
        part = msgspec.structs.replace(part, extra=without(own, "source"))
    block: JsonObject = {"type": kind, "source": source}
    if part.name is not None:
        if kind == "document" or own is not None or part.origin == NAME:
            block["title"] = part.name
        else:
            losses.dropped(f"{path}.name", "file name", "quality")
    if part.detail is not None and part.detail != "auto":
        losses.dropped(f"{path}.detail", "image detail", "quality")
    return _framed(block, part, path, losses)
