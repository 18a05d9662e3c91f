"""Which content block of the Converse API a part becomes, and what it loses on the way."""

from typing import assert_never

import msgspec

from omniroute.dialects.bedrock_converse.media import Documents, media_block
from omniroute.dialects.bedrock_converse.wire import NAME
from omniroute.dialects.look import as_object
from omniroute.dialects.losses import Losses
from omniroute.dialects.rounds import NO_RESPONSE, Called, Place
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

_TTLS = ("5m", "1h")


class Blocks:
    """The blocks of one request. `caches` says whether the model takes cache points, `status` whether it may be
    told that a tool failed."""

    def __init__(self, losses: Losses, *, caches: bool, status: bool) -> None:
        self._losses = losses
        self._caches = caches
        self._status = status
        self._documents = Documents()

    def write(self, part: AnyPart, path: str, place: Place) -> JsonObject | None:
        """The block for a part that is no call and no result; `rounds.Write`."""
        match part:
            case Text():
                return self._text(part, path)
            case Refusal():
                self._own(part, path)
                return {"text": part.text} if part.text.strip() else None
            case Reasoning():
                return self._reasoning(part, path)
            case Media():
                if place == "assistant":
                    self._losses.dropped(path, f"{part.mime} content in an assistant turn", "meaning")
                    return None
                return self._media(part, path, in_result=False)
            case Unknown():
                if part.origin == NAME and place != "system":
                    return part.data
                self._losses.dropped(path, _unknown_name(part), "meaning")
                return None
            case ToolCall() | ToolResult():
                raise AssertionError("calls and results have blocks of their own")
            case _:
                assert_never(part)

    def tool_use(self, called: Called, name: str) -> JsonObject:
        call = called.call
        self._own(call, called.path)
        if not call.call_id:
            self._losses.added(f"{called.path}.call_id", "id of a tool call", "quality")
        return {"toolUse": {"toolUseId": called.id, "name": name, "input": self._input(call, called.path)}}

    def tool_result(self, called: Called) -> JsonObject:
        result = called.result
        if result is None:
            return {"toolResult": {"toolUseId": called.id, "content": [{"text": NO_RESPONSE}]}}
        path = called.result_path
        self._own(result, path)
        if result.name and result.name != called.call.name:
            self._losses.dropped(f"{path}.name", "name of a tool result", "cost")
        content: list[JsonObject] = []
        for i, piece in enumerate(result.content):
            place = f"{path}.content[{i}]"
            if piece.cache is not None:
                self._losses.dropped(f"{place}.cache", "cache mark inside a tool result", "cost")
            if isinstance(piece, Text) and not piece.text.strip():
                continue
            if isinstance(piece, Media):
                block = self._media(piece, place, in_result=True)
            else:
                block = self.write(piece, place, "user")
            if block is not None and "audio" in block:
                self._losses.dropped(place, "audio in a tool result", "meaning")
            elif block is not None:
                content.append(block)
        answer: JsonObject = {"toolUseId": called.id, "content": content}
        if result.is_error and self._status:
            answer["status"] = "error"
        elif result.is_error:
            self._losses.dropped(f"{path}.is_error", "failure of a tool", "quality")
        return {"toolResult": answer}

    def point(self, mark: CacheMark | None, path: str) -> list[JsonObject]:
        """The cache point behind something that is marked; nothing for a model that takes none."""
        if mark is None:
            return []
        if not self._caches:
            self._losses.dropped(f"{path}.cache", "cache mark", "cost")
            return []
        point: JsonObject = {"type": "default"}
        if mark.ttl in _TTLS:
            point["ttl"] = mark.ttl
        elif mark.ttl is not None:
            self._losses.dropped(f"{path}.cache.ttl", "life of a cache mark", "cost")
        self._losses.foreign(f"{path}.cache", mark.extra)
        return [{"cachePoint": point}]

    def _media(self, part: Media, path: str, *, in_result: bool) -> JsonObject | None:
        return media_block(part, path, self._documents, self._losses, in_result=in_result)

    def _text(self, part: Text, path: str) -> JsonObject:
        self._own(part, path)
        if part.citations:
            self._losses.dropped(f"{path}.citations", "citations", "quality")
        return {"text": part.text}

    def _reasoning(self, part: Reasoning, path: str) -> JsonObject | None:
        if part.origin != NAME or part.seal is None:
            self._losses.dropped(path, "thinking without a seal of this dialect", "quality")
            return None
        if part.redacted:
            return {"reasoningContent": {"redactedContent": part.seal}}
        return {"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.seal}}}

    def _own(self, part: Part, path: str) -> None:
        """What every part may carry and no block of this dialect does."""
        if part.seal is not None:
            self._losses.dropped(f"{path}.seal", "seal", "quality")
        if part.origin != NAME:
            self._losses.foreign(path, part.extra)

    def _input(self, call: ToolCall, path: str) -> JsonValue:
        """The arguments; what is not a JSON object is kept as text under one key."""
        if not call.arguments.strip():
            return {}
        try:
            value = as_object(msgspec.json.decode(call.arguments))
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            value = None
        if value is not None:
            return value
        self._losses.approximated(f"{path}.arguments", "arguments that are not a JSON object", "quality")
        return {"_raw_arguments": call.arguments}


def _unknown_name(part: Unknown) -> str:
    return f"{part.data.get('type', 'unknown')} block of {part.origin or 'an unknown dialect'}"
