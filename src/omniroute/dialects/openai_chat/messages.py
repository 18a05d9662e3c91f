"""The messages of a request: turns to wire.

A turn that came from a chat client goes back as it was. A turn of another dialect is fitted: blank texts go,
texts of system, assistant and tool messages become one string (joined by a line end), images in tool results
follow in a user message, every call of an assistant is answered at once. What comes later never
changes what was written for earlier turns, so a conversation keeps its prefix (with one exception: tool turns
directly behind each other, whose images must wait for the last result).
"""

import hashlib
from typing import Literal, NamedTuple, TypeAlias

from omniroute.dialects.look import as_object
from omniroute.dialects.losses import Losses
from omniroute.dialects.objects import rest_of
from omniroute.dialects.openai_chat.content import (
    encode_element,
    put_cache,
    put_reasoning,
)
from omniroute.dialects.openai_chat.details import put_details
from omniroute.dialects.openai_chat.wire import MAX_CALL_ID, NAME
from omniroute.dialects.openai_chat.wire import ToolCall as WireToolCall
from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.request import Turn

Wanted: TypeAlias = Literal["content", "details"]
"""How a provider wants thinking back: as `reasoning_content`, or sealed as `reasoning_details`."""

NO_RESPONSE = "[No response received]"
"""What stands for the result of a call that nobody answered; chat providers refuse an unanswered call."""


def encode_turns(
    turns: tuple[Turn, ...], *, native: bool, reasoning: Wanted | None, losses: Losses
) -> list[JsonObject]:
    """`native` says that the request is a chat client's own; `reasoning` how the target wants thinking back."""
    writer = _Writer(native, reasoning, losses)
    for index, turn in enumerate(turns):
        writer.write(turn, f"turns[{index}]")
    writer.show_images()
    return writer.messages


class _Placed(NamedTuple):
    """A part of some content, and its path for losses."""

    part: Text | Media | Refusal | Unknown
    path: str


class _Writer:
    def __init__(self, native: bool, reasoning: Wanted | None, losses: Losses) -> None:
        self.messages: list[JsonObject] = []
        self._native = native
        self._wanted = reasoning
        self._losses = losses
        self._open: dict[str, str] = {}
        self._images: list[JsonObject] = []

    def write(self, turn: Turn, path: str) -> None:
        if turn.role == "tool":
            self._results(turn, path)
            if turn.origin != NAME:
                self._bare(turn, path)
            return
        if turn.role == "user":
            self._results(turn, path)
        self._answer_the_rest(path)
        self.show_images()
        message = self._assistant(turn, path) if turn.role == "assistant" else self._plain(turn, path)
        if message is not None:
            self.messages.append(message)

    def show_images(self) -> None:
        """Images that tools returned, in a user message behind the results."""
        if self._images:
            self.messages.append({"role": "user", "content": self._images})
            self._images = []

    def _plain(self, turn: Turn, path: str) -> JsonObject | None:
        content: list[_Placed] = []
        for index, part in enumerate(turn.parts):
            at = f"{path}.parts[{index}]"
            match part:
                case Text() | Media() | Refusal() | Unknown():
                    content.append(_Placed(part, at))
                case ToolResult() if turn.role == "user":
                    pass
                case Reasoning() | ToolCall() | ToolResult():
                    self._losses.dropped(at, "misplaced block", "quality")
        encoded = self._content(turn, content, joined=turn.role != "user")
        if encoded is None and turn.origin != NAME:
            self._bare(turn, path)
            return None
        return self._framed(turn, {"role": turn.role, "content": "" if encoded is None else encoded}, path)

    def _assistant(self, turn: Turn, path: str) -> JsonObject | None:
        content: list[_Placed] = []
        message: JsonObject = {"role": "assistant", "content": None}
        calls: list[JsonObject] = []
        refusals: list[str] = []
        for index, part in enumerate(turn.parts):
            at = f"{path}.parts[{index}]"
            match part:
                case Reasoning():
                    self._think(message, part, at)
                case Refusal() if part.origin != NAME:
                    refusals.append(part.text)
                    self._plainly(part, at)
                case Text() | Refusal():
                    if calls and turn.origin != NAME and part.text:
                        self._losses.moved(at, "text after a tool call", "quality")
                    content.append(_Placed(part, at))
                case Media() | Unknown():
                    if part.origin == NAME:
                        content.append(_Placed(part, at))
                    else:
                        self._losses.dropped(at, "block of the assistant", "quality")
                case ToolCall(executor="client"):
                    calls.append(self._call(part, at))
                case ToolCall() | ToolResult():
                    self._losses.dropped(at, "hosted tool use", "quality")
        message["content"] = self._content(turn, content, joined=True)
        if refusals:
            message["refusal"] = "\n".join(refusals)
        if calls:
            message["tool_calls"] = calls
        elif message["content"] is None and turn.origin != NAME and not refusals:
            self._bare(turn, path)
            return None
        return self._framed(turn, message, path)

    def _framed(self, turn: Turn, message: JsonObject, path: str) -> JsonObject:
        if turn.name:
            message["name"] = turn.name
        put_cache(message, turn.cache, turn.origin == NAME, path, self._losses)
        if turn.origin == NAME:
            message.update(turn.extra or {})
        else:
            self._losses.foreign(path, turn.extra)
        return message

    def _bare(self, turn: Turn, path: str) -> None:
        """What stood on a turn of which no message of its own is left."""
        if turn.name:
            self._losses.dropped(f"{path}.name", "name", "quality")
        put_cache({}, turn.cache, False, path, self._losses)
        self._losses.foreign(path, turn.extra)

    def _content(self, turn: Turn, placed: list[_Placed], *, joined: bool) -> str | list[JsonObject] | None:
        """A string for plain text, an array for anything else, None for nothing."""
        if turn.origin != NAME:
            placed = self._without_blanks(placed)
        if not placed:
            return None
        texts = [part.text for part, _ in placed if isinstance(part, Text) and part.origin != NAME]
        if len(texts) == len(placed) and (joined or len(texts) == 1):
            for part, at in placed:
                self._plainly(part, at)
            return "\n".join(texts)
        elements = (encode_element(part, at, self._losses) for part, at in placed)
        return [element for element in elements if element is not None] or None

    def _without_blanks(self, placed: list[_Placed]) -> list[_Placed]:
        blank = [one for one in placed if isinstance(one.part, (Text, Refusal)) and not one.part.text]
        for part, at in blank:
            self._plainly(part, at)
        return [one for one in placed if one not in blank] if blank else placed

    def _plainly(self, part: AnyPart, at: str) -> None:
        """What a text loses by becoming a part of a string, or by going because it is blank."""
        if part.extra:
            self._losses.foreign(at, part.extra)
        if part.cache is not None:
            self._losses.dropped(f"{at}.cache", "cache mark", "cost")
        if part.seal is not None:
            self._losses.dropped(f"{at}.seal", "seal", "quality")
        if isinstance(part, Text) and part.citations:
            self._losses.dropped(f"{at}.citations", "citations", "quality")

    def _think(self, message: JsonObject, part: Reasoning, path: str) -> None:
        if self._wanted == "content":
            put_reasoning(message, part, path, self._losses)
        elif self._wanted == "details" and part.origin == NAME and part.seal and put_details(message, part.seal):
            pass  # the entries hold the text as well
        else:
            self._losses.dropped(path, "reasoning", "quality")

    def _call(self, part: ToolCall, path: str) -> JsonObject:
        call_id = self._fitted_id(part.call_id, path)
        if not self._native:
            self._open[part.call_id] = call_id
        if part.seal is not None:
            self._losses.dropped(f"{path}.seal", "seal", "quality")
        put_cache({}, part.cache, False, path, self._losses)
        extra = part.extra or {}
        if part.origin != NAME:
            self._losses.foreign(path, part.extra)
        elif extra.get("type") == "custom":
            inner = as_object(extra.get("custom")) or {}
            custom = {"name": part.name, "input": part.arguments, **inner}
            return {"id": call_id, **(rest_of(extra, ("custom",)) or {}), "custom": custom}
        call = WireToolCall(id=call_id, type="function", function={"name": part.name, "arguments": part.arguments})
        if part.origin != NAME or part.extra is None:
            return {**call}
        function = {**call["function"], **(as_object(extra.get("function")) or {})}
        return {**call, **extra, "function": function}

    def _results(self, turn: Turn, path: str) -> None:
        for index, part in enumerate(turn.parts):
            at = f"{path}.parts[{index}]"
            if not isinstance(part, ToolResult):
                if turn.role == "tool":
                    self._losses.dropped(at, "misplaced block", "quality")
            elif part.executor == "provider":
                self._losses.dropped(at, "hosted tool use", "quality")
            elif self._native:
                self._result(turn, part, part.call_id, at)
            elif part.call_id in self._open:
                self._result(turn, part, self._open.pop(part.call_id), at)
            else:
                self._losses.dropped(at, "result without a call", "quality")

    def _result(self, turn: Turn, part: ToolResult, call_id: str, path: str) -> None:
        message: JsonObject = {"role": "tool", "tool_call_id": call_id, "content": ""}
        content: list[_Placed] = []
        for index, piece in enumerate(part.content):
            at = f"{path}.content[{index}]"
            if isinstance(piece, Media) and piece.origin != NAME:
                self._show_later(piece, at)
            else:
                content.append(_Placed(piece, at))
        encoded = self._content(turn, content, joined=True)
        message["content"] = "" if encoded is None else encoded
        if part.name:
            message["name"] = part.name
        if part.is_error:
            self._losses.dropped(f"{path}.is_error", "error flag", "quality")
        put_cache({}, part.cache, False, path, self._losses)
        if part.origin != NAME:
            self._losses.foreign(path, part.extra)
        if turn.origin == NAME:
            put_cache(message, turn.cache, True, path, self._losses)
            message.update(turn.extra or {})
        self.messages.append(message)

    def _show_later(self, piece: Media, path: str) -> None:
        element = encode_element(piece, path, self._losses)
        if element is not None:
            self._losses.moved(path, f"{piece.mime.partition('/')[0]} in a tool result", "quality")
            self._images.append(element)

    def _answer_the_rest(self, path: str) -> None:
        """A turn is about to follow calls that nobody answered."""
        for call_id in self._open.values():
            self._losses.added(path, "missing tool result", "quality")
            self.messages.append({"role": "tool", "tool_call_id": call_id, "content": NO_RESPONSE})
        self._open.clear()

    def _fitted_id(self, call_id: str, path: str) -> str:
        if self._native or len(call_id) <= MAX_CALL_ID:
            return call_id
        self._losses.approximated(f"{path}.call_id", "tool call id", "quality")
        return "call_" + hashlib.sha256(call_id.encode()).hexdigest()[:24]
