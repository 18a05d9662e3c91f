"""The `input` of a request: turns to items.

A turn that came from a client of this API goes back as it was. A conversation of another dialect is fitted: the
system turns that lead it become `instructions`, blank texts go, reasoning of other vendors goes (only the server
knows the ids it gave), every call is answered before anything else is said. What comes later never changes what
was written for earlier turns, so a conversation keeps its prefix.
"""

import hashlib
from typing import Literal

from omniroute.dialects.look import as_object
from omniroute.dialects.losses import Losses
from omniroute.dialects.openai_responses import marks
from omniroute.dialects.openai_responses.content import INPUT, OUTPUT, encode_element
from omniroute.dialects.openai_responses.items import custom_input
from omniroute.dialects.openai_responses.names import Called
from omniroute.dialects.openai_responses.wire import MAX_CALL_ID, NAME
from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.request import Turn

NO_RESPONSE = "[No response received]"
"""What stands for the result of a call that nobody answered; this API refuses an unanswered call."""


def encode_instructions(turns: tuple[Turn, ...], *, native: bool, losses: Losses) -> tuple[str | None, int]:
    """The text for `instructions`, and how many leading turns it took."""
    texts: list[str] = []
    taken = 0
    for index, turn in enumerate(turns):
        if turn.role != "system" or not all(isinstance(part, Text) for part in turn.parts):
            break
        if native and turn.origin == NAME:
            break
        taken += 1
        _shed(turn, f"turns[{index}]", losses)
        for position, part in enumerate(turn.parts):
            if isinstance(part, Text) and (part.text.strip() or native):
                _plainly(part, f"turns[{index}].parts[{position}]", losses)
                texts.append(part.text)
    return "\n\n".join(texts) if texts else None, taken


def encode_turns(
    turns: tuple[Turn, ...], first: int, names: dict[str, Called], *, native: bool, losses: Losses
) -> list[JsonObject]:
    """Items for the turns from `first` on. `native` says that the request is this API's own."""
    writer = _Writer(names, native, losses)
    for index in range(first, len(turns)):
        writer.write(turns[index], f"turns[{index}]")
    writer.answer_the_rest(f"turns[{len(turns)}]")
    return writer.items


def message_item(role: str, content: str | list[JsonObject]) -> JsonObject:
    return {"type": "message", "role": role, "content": content}


class _Writer:
    def __init__(self, names: dict[str, Called], native: bool, losses: Losses) -> None:
        self.items: list[JsonObject] = []
        self._names = names
        self._native = native
        self._losses = losses
        self._open: dict[str, tuple[str, str]] = {}
        self._message: list[JsonObject] | None = None

    def write(self, turn: Turn, path: str) -> None:
        self._message = None
        if turn.role == "tool":
            self._only_results(turn, path)
        elif turn.role == "assistant":
            self.answer_the_rest(path)
            self._assistant(turn, path)
        else:
            self._plain(turn, path)
        if turn.origin != NAME:
            _shed(turn, path, self._losses)
        elif turn.cache is not None:
            self._losses.dropped(f"{path}.cache", "cache mark", "cost")

    def answer_the_rest(self, path: str) -> None:
        """Something is about to follow calls that nobody answered."""
        if self._native:
            return
        for call_id, kind in self._open.values():
            self._losses.added(path, "missing tool result", "quality")
            self.items.append({"type": f"{kind}_output", "call_id": call_id, "output": NO_RESPONSE})
        self._open.clear()

    def _plain(self, turn: Turn, path: str) -> None:
        """A user, system or developer turn: its results first, for they must follow their calls."""
        for index, part in enumerate(turn.parts):
            if isinstance(part, ToolResult):
                self._result(part, f"{path}.parts[{index}]")
        if turn.origin == NAME:
            if marks.has(turn.extra, marks.WHOLE):
                self.items += [part.data for part in turn.parts if isinstance(part, Unknown)]
                return
            self.answer_the_rest(path)
            self.items.append(self._own_message(turn, path))
            return
        self.answer_the_rest(path)
        content: list[JsonObject] = []
        for index, part in enumerate(turn.parts):
            at = f"{path}.parts[{index}]"
            if isinstance(part, Reasoning | ToolCall):
                self._losses.dropped(at, "misplaced block", "quality")
            elif not isinstance(part, ToolResult):
                element = self._element(part, at, INPUT)
                if element is not None:
                    content.append(element)
        if content:
            self.items.append(message_item(turn.role, content))

    def _own_message(self, turn: Turn, path: str) -> JsonObject:
        """A message item of this API's own client, exactly."""
        item: JsonObject = {"role": turn.role}
        if not marks.has(turn.extra, marks.UNTYPED):
            item["type"] = "message"
        only = turn.parts[0] if len(turn.parts) == 1 else None
        if isinstance(only, Text) and only == Text(text=only.text):
            item["content"] = only.text
        else:
            encoded = [
                encode_element(part, f"{path}.parts[{index}]", INPUT, self._losses)
                for index, part in enumerate(turn.parts)
            ]
            item["content"] = [element for element in encoded if element is not None]
        marks.restore_item(item, turn.extra)
        return item

    def _assistant(self, turn: Turn, path: str) -> None:
        for index, part in enumerate(turn.parts):
            at = f"{path}.parts[{index}]"
            match part:
                case Text() | Refusal():
                    self._say(part, at)
                case Media() | Unknown() if part.origin == NAME:
                    if isinstance(part, Unknown) and part.extra is None:
                        self._item(part.data)
                    else:
                        self._say(part, at)
                case Media() | Unknown():
                    self._losses.dropped(at, "block of the assistant", "meaning")
                case Reasoning():
                    self._think(part, at)
                case ToolCall(executor="client"):
                    self._call(part, at)
                case ToolCall() | ToolResult():
                    self._losses.dropped(at, "hosted tool use", "meaning")

    def _item(self, item: JsonObject) -> None:
        self._message = None
        self.items.append(item)

    def _say(self, part: AnyPart, path: str) -> None:
        """An element of an assistant's message: of the message before it, or of a new one."""
        own = part.extra if part.origin == NAME else None
        if marks.has(own, marks.PLAIN) and isinstance(part, Text):
            self._item(_framed(message_item("assistant", part.text), own))
            return
        element = self._element(part, path, OUTPUT)
        if element is None:
            return
        continues = marks.has(own, marks.CONTINUED) if part.origin == NAME else True
        if continues and self._message is not None:
            self._message.append(element)
            return
        content = [element]
        self._item(_framed(message_item("assistant", content), own))
        self._message = content

    def _element(self, part: AnyPart, path: str, usual: str) -> JsonObject | None:
        """An element for a content array; blank texts of other dialects go."""
        if isinstance(part, Text) and part.origin != NAME and not part.text.strip() and not self._native:
            if part.text or part.cache is not None or part.extra:
                self._losses.dropped(path, "blank text", "cost")
            return None
        return encode_element(part, path, usual, self._losses)

    def _think(self, part: Reasoning, path: str) -> None:
        if part.cache is not None:
            self._losses.dropped(f"{path}.cache", "cache mark", "cost")
        if part.origin != NAME or (part.seal is None and not self._native):
            self._losses.dropped(path, "reasoning", "quality")
            return
        item: JsonObject = {"type": "reasoning"}
        summary = part.summary
        if marks.has(part.extra, marks.THOUGHT):
            item["content"] = [{"type": "reasoning_text", "text": part.text}]
        elif part.text and not summary and not marks.has(part.extra, "content"):
            summary = (part.text,)
        if not marks.has(part.extra, marks.NO_SUMMARY):
            item["summary"] = [{"type": "summary_text", "text": text} for text in summary]
        if part.seal is not None:
            item["encrypted_content"] = part.seal
        marks.restore_item(item, part.extra)
        self._item(item)

    def _call(self, part: ToolCall, path: str) -> None:
        if part.seal is not None:
            self._losses.dropped(f"{path}.seal", "seal", "quality")
        if part.cache is not None:
            self._losses.dropped(f"{path}.cache", "cache mark", "cost")
        if not self._native and not part.name.strip():
            self._losses.dropped(path, "tool call without a name", "meaning")
            return
        own = part.extra if part.origin == NAME else None
        if part.origin != NAME:
            self._losses.foreign(path, part.extra)
        called = self._names.get(part.name) if own is None or marks.has(own, marks.NAMESPACE) else None
        custom = marks.has(own, marks.CUSTOM)
        kind: Literal["function_call", "custom_tool_call"] = "custom_tool_call" if custom else "function_call"
        call_id = self._fitted_id(part.call_id, path)
        item: JsonObject = {"type": kind, "call_id": call_id, "name": called.name if called else part.name}
        if custom:
            item["input"] = custom_input(part.arguments)
        else:
            item["arguments"] = part.arguments if self._native else part.arguments or "{}"
        marks.restore_item(item, own)
        namespace = called.namespace if called is not None else (own or {}).get(marks.NAMESPACE)
        if namespace is not None:
            item["namespace"] = namespace
        if not self._native:
            self._open[part.call_id] = (call_id, kind)
        self._item(item)

    def _only_results(self, turn: Turn, path: str) -> None:
        for index, part in enumerate(turn.parts):
            if isinstance(part, ToolResult):
                self._result(part, f"{path}.parts[{index}]")
            else:
                self._losses.dropped(f"{path}.parts[{index}]", "misplaced block", "quality")

    def _result(self, part: ToolResult, path: str) -> None:
        if part.executor == "provider":
            self._losses.dropped(path, "hosted tool use", "meaning")
            return
        own = part.extra if part.origin == NAME else None
        call_id = part.call_id
        kind = "custom_tool_call" if marks.has(own, marks.CUSTOM) else "function_call"
        if not self._native:
            if part.call_id not in self._open:
                self._losses.dropped(path, "result without a call", "quality")
                return
            call_id, kind = self._open.pop(part.call_id)
        if part.is_error:
            self._losses.dropped(f"{path}.is_error", "error flag", "quality")
        if part.cache is not None:
            self._losses.dropped(f"{path}.cache", "cache mark", "cost")
        if part.name is not None and not self._native:
            self._losses.dropped(f"{path}.name", "name of the tool", "cost")
        if part.origin != NAME:
            self._losses.foreign(path, part.extra)
        item: JsonObject = {"type": f"{kind}_output", "call_id": call_id, "output": self._output(part, path)}
        marks.restore_item(item, own)
        self.items.append(item)

    def _output(self, part: ToolResult, path: str) -> str | list[JsonObject]:
        only = part.content[0] if len(part.content) == 1 else None
        if isinstance(only, Text) and only.origin != NAME:
            _plainly(only, f"{path}.content[0]", self._losses)
            return only.text
        content: list[JsonObject] = []
        for index, piece in enumerate(part.content):
            at = f"{path}.content[{index}]"
            if isinstance(piece, Media) and piece.origin != NAME and piece.mime.startswith("audio/"):
                self._losses.dropped(at, "audio in a tool result", "meaning")
                continue
            element = self._element(piece, at, INPUT)
            if element is not None:
                content.append(element)
        return content if content or part.origin == NAME else ""

    def _fitted_id(self, call_id: str, path: str) -> str:
        if self._native or 0 < len(call_id) <= MAX_CALL_ID:
            return call_id
        self._losses.approximated(f"{path}.call_id", "tool call id", "quality")
        return "call_" + hashlib.sha256((call_id or path).encode()).hexdigest()[:24]


def _framed(item: JsonObject, own: JsonObject | None) -> JsonObject:
    """A message with the fields of the item that its first part came from."""
    extra = own or {}
    if marks.UNTYPED in extra:
        del item["type"]
    item.update(as_object(extra.get(marks.ITEM)) or {})
    item.update(as_object(extra.get(marks.MESSAGE)) or {})
    return item


def _plainly(part: Text, path: str, losses: Losses) -> None:
    """What a text loses by becoming a plain string."""
    if part.origin != NAME:
        losses.foreign(path, part.extra)
    if part.cache is not None:
        losses.dropped(f"{path}.cache", "cache mark", "cost")
    if part.seal is not None:
        losses.dropped(f"{path}.seal", "seal", "quality")
    if part.citations:
        losses.dropped(f"{path}.citations", "citations", "quality")


def _shed(turn: Turn, path: str, losses: Losses) -> None:
    """What a turn of another dialect has and an item has not."""
    if turn.name:
        losses.dropped(f"{path}.name", "name of the speaker", "quality")
    if turn.cache is not None:
        losses.dropped(f"{path}.cache", "cache mark", "cost")
    if turn.origin != NAME:
        losses.foreign(path, turn.extra)
