"""The messages of a request: turns to wire.

A turn that came from an Ollama client goes back as it was. A turn of another dialect is fitted: a message has one
text (texts are joined by a line end) and its images, which Ollama puts before the text; results follow their calls
directly and in the order of the calls, because without ids nothing else says which is which. What comes later
never changes what was written for earlier turns, except that tool turns directly behind each other are sorted.
"""

from typing import Literal

import msgspec

from omniroute.dialects.losses import Losses
from omniroute.dialects.ollama.calls import encode_call
from omniroute.dialects.ollama.ids import is_made_up
from omniroute.dialects.ollama.images import encode_image
from omniroute.dialects.ollama.wire import NAME, Message
from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.request import Role, Turn

NO_RESPONSE = "[No response received]"
"""What stands for the result of a call that nobody answered."""

_ROLES: dict[Role, Literal["system", "user", "assistant", "tool"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}


def encode_turns(turns: tuple[Turn, ...], *, native: bool, losses: Losses) -> list[JsonObject]:
    """`native` says that the request is an Ollama client's own. Raises `InvalidRequest` for content that would be
    lost in a way nobody could notice: documents, audio, images by address."""
    writer = _Writer(native, losses)
    for index, turn in enumerate(turns):
        writer.write(turn, f"turns[{index}]")
    writer.settle()
    return writer.messages


class _Asked(msgspec.Struct):
    """A call of the last assistant message, and the message that answers it."""

    call_id: str
    name: str
    answer: JsonObject | None = None


class _Writer:
    def __init__(self, native: bool, losses: Losses) -> None:
        self.messages: list[JsonObject] = []
        self._native = native
        self._losses = losses
        self._asked: list[_Asked] = []

    def write(self, turn: Turn, path: str) -> None:
        self._lose_frame(turn, path)
        results = any(isinstance(part, ToolResult) for part in turn.parts)
        if turn.role == "tool" or (results and turn.role == "user"):
            self._results(turn, path)
            if turn.role == "tool":
                return
        self.settle(path)
        message = self._message(turn, path)
        if message is not None:
            self.messages.append(message)

    def settle(self, path: str | None = None) -> None:
        """Writes the results, in the order of their calls. `path` is the turn that is about to follow, which
        leaves no call unanswered."""
        for asked in self._asked:
            if asked.answer is not None:
                self.messages.append(asked.answer)
            elif path is not None:
                self._losses.added(path, "missing tool result", "quality")
                self.messages.append({"role": "tool", "content": NO_RESPONSE, "tool_name": asked.name})
        self._asked = []

    def _message(self, turn: Turn, path: str) -> JsonObject | None:
        texts: list[str] = []
        thoughts: list[str] = []
        images: list[str] = []
        calls: list[JsonObject] = []
        spoke = False
        for index, part in enumerate(turn.parts):
            at = f"{path}.parts[{index}]"
            match part:
                case Text(text=text) | Refusal(text=text):
                    self._lose(part, at)
                    if not text and not self._native:
                        continue
                    if calls:
                        self._losses.moved(at, "text after a tool call", "quality")
                    if isinstance(part, Refusal):
                        self._losses.approximated(at, "refusal as text", "quality")
                    texts.append(text)
                    spoke = True
                case Media():
                    self._lose(part, at)
                    images.append(encode_image(part))
                    if spoke:
                        self._losses.moved(at, "image after the text", "quality")
                case Reasoning() if turn.role == "assistant":
                    self._think(part, thoughts, at)
                    if spoke or calls:
                        self._losses.moved(at, "reasoning after the text", "quality")
                case ToolCall(executor="client") if turn.role == "assistant":
                    calls.append(self._call(part, at))
                case ToolResult():
                    if turn.role != "user":
                        self._losses.dropped(at, "misplaced block", "quality")
                case ToolCall(executor="provider"):
                    self._losses.dropped(at, "hosted tool use", "quality")
                case Unknown():
                    self._losses.dropped(at, "unknown block", "meaning")
                case Reasoning() | ToolCall():
                    self._losses.dropped(at, "misplaced block", "quality")
        if not (texts or thoughts or images or calls) and turn.origin != NAME:
            return None
        message: Message = {"role": _ROLES[turn.role], "content": "\n".join(texts)}
        if thoughts:
            message["thinking"] = "\n\n".join(thoughts)
        if images:
            message["images"] = images
        if calls:
            message["tool_calls"] = calls
        return {**message, **self._own(turn)}

    def _own(self, owner: Turn | ToolResult) -> JsonObject:
        return (owner.extra or {}) if owner.origin == NAME else {}

    def _think(self, part: Reasoning, thoughts: list[str], path: str) -> None:
        self._lose(part, path)
        text = part.text or "\n\n".join(part.summary)
        if text:
            thoughts.append(text)
        elif part.redacted:
            self._losses.dropped(path, "redacted reasoning", "quality")

    def _call(self, part: ToolCall, path: str) -> JsonObject:
        self._lose(part, path, extra=False)
        if not self._native:
            self._asked.append(_Asked(part.call_id, part.name))
        return encode_call(part, path, self._losses)

    def _results(self, turn: Turn, path: str) -> None:
        for index, part in enumerate(turn.parts):
            at = f"{path}.parts[{index}]"
            if not isinstance(part, ToolResult):
                if turn.role == "tool":
                    self._losses.dropped(at, "misplaced block", "quality")
            elif part.executor == "provider":
                self._losses.dropped(at, "hosted tool use", "quality")
            elif self._native:
                self.messages.append(self._result(part, part.name, at))
            else:
                self._answer(part, at)

    def _answer(self, part: ToolResult, path: str) -> None:
        for position, asked in enumerate(self._asked):
            if asked.call_id == part.call_id and asked.answer is None:
                asked.answer = self._result(part, asked.name, path)
                if any(later.answer is not None for later in self._asked[position + 1 :]):
                    self._losses.moved(path, "tool result", "quality")
                return
        self._losses.dropped(path, "result without a call", "quality")

    def _result(self, part: ToolResult, name: str | None, path: str) -> JsonObject:
        self._lose(part, path)
        if part.is_error:
            self._losses.dropped(f"{path}.is_error", "error flag", "quality")
        texts: list[str] = []
        images: list[str] = []
        for index, piece in enumerate(part.content):
            at = f"{path}.content[{index}]"
            match piece:
                case Text(text=text):
                    self._lose(piece, at)
                    texts.append(text)
                case Media():
                    self._lose(piece, at)
                    images.append(encode_image(piece))
                case Unknown():
                    self._losses.dropped(at, "unknown block", "meaning")
        message: Message = {"role": "tool", "content": "\n".join(text for text in texts if text)}
        if images:
            message["images"] = images
        if name:
            message["tool_name"] = name
        own = self._own(part)
        if "tool_call_id" in own and own["tool_call_id"] is None:
            return {**message, **{name: value for name, value in own.items() if name != "tool_call_id"}}
        if self._native and not is_made_up(part.call_id):
            message["tool_call_id"] = part.call_id
        return {**message, **own}

    def _lose(self, part: AnyPart, path: str, *, extra: bool = True) -> None:
        """What every part may carry and this wire cannot."""
        losses = self._losses
        if part.cache is not None:
            losses.dropped(f"{path}.cache", "cache mark", "cost")
        if part.seal is not None:
            losses.dropped(f"{path}.seal", "seal", "quality")
        if extra and part.origin != NAME:
            losses.foreign(path, part.extra)
        match part:
            case Text(citations=citations) if citations:
                losses.dropped(f"{path}.citations", "citations", "quality")
            case Media(name=name, detail=detail):
                if name is not None:
                    losses.dropped(f"{path}.name", "file name", "quality")
                if detail is not None and detail != "auto":
                    losses.dropped(f"{path}.detail", "image detail", "quality")
            case _:
                pass

    def _lose_frame(self, turn: Turn, path: str) -> None:
        if turn.name:
            self._losses.dropped(f"{path}.name", "name of the speaker", "quality")
        if turn.cache is not None:
            self._losses.dropped(f"{path}.cache", "cache mark", "cost")
        if turn.origin != NAME:
            self._losses.foreign(path, turn.extra)
