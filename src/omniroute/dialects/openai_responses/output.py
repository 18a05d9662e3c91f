"""The items of an answer on their way: parts and their deltas to the events that open, fill and close items.

Items get dense numbers in the order in which they open. Thinking and text are never open beside each other: they
are closed before another item opens, and go on in a new item should more of them come. Calls may be open side by
side until their parts are closed.
"""

import msgspec

from omniroute.dialects.base import Context
from omniroute.dialects.look import as_object
from omniroute.dialects.openai_responses import marks
from omniroute.dialects.openai_responses.citations import annotation_of
from omniroute.dialects.openai_responses.items import SEPARATOR, custom_input
from omniroute.dialects.openai_responses.names import Called, called_names
from omniroute.dialects.openai_responses.wire import NAME, OutputText, Status
from omniroute.dialects.sse import event_frame
from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown

_json = msgspec.json.Encoder().encode


class _Part:
    """A part as its events tell it. `item` is set for calls, which keep one item to the end."""

    __slots__ = ("closed", "item", "opened", "shell")

    def __init__(self, shell: AnyPart) -> None:
        self.shell = shell
        self.item: _Item | None = None
        self.opened = False
        self.closed = False


class _Item:
    """An item that is open. A delta event is `head`, the text as JSON, `tail` and the sequence number."""

    __slots__ = ("annotations", "content", "custom", "fields", "head", "index", "pieces", "seal", "tail")

    def __init__(self, index: int, fields: JsonObject) -> None:
        self.index = index
        self.fields = fields
        self.head = b""
        self.tail = b""
        self.custom = False
        self.pieces: list[str] = []
        self.annotations: list[JsonObject] = []
        self.content: list[JsonObject] = []
        self.seal: str | None = None

    @property
    def place(self) -> JsonObject:
        return {"item_id": self.fields["id"], "output_index": self.index}

    @property
    def speech(self) -> JsonObject:
        """Where the element of a message that is being spoken stands."""
        return {**self.place, "content_index": len(self.content)}

    def speak(self, event: str, where: JsonObject, tail: bytes = b"") -> None:
        """Everything that the deltas of one element share, encoded once."""
        start = _json({"type": event, **where})[:-1]
        self.head = b"event: " + event.encode() + b"\ndata: " + start + b',"delta":'
        self.tail = tail + b',"sequence_number":'


class Output:
    """The items of one answer, and the running number of its events."""

    def __init__(self, context: Context) -> None:
        self.sequence = 0
        self._token = context.token
        request = context.request
        self._names: dict[str, Called] = called_names(request.tools) if request is not None else {}
        self._parts: dict[int, _Part] = {}
        self._items = 0
        self._closed: dict[int, JsonObject] = {}
        self._narrative: _Item | None = None
        self._speaker: _Part | None = None
        self._calls: dict[int, _Part] = {}

    @property
    def done(self) -> list[JsonObject]:
        """The items that are closed, in the order in which they opened."""
        return [self._closed[index] for index in sorted(self._closed)]

    def frame(self, kind: str, fields: JsonObject) -> bytes:
        number = self.sequence
        self.sequence += 1
        return event_frame(kind.encode(), _json({"type": kind, **fields, "sequence_number": number}))

    def opened(self, index: int, shell: AnyPart) -> bytes:
        part = self._parts[index] = _Part(shell)
        match shell:
            case Text(text=text, citations=citations):
                said = self.text(index, text)
                return said + b"".join(self.citation(index, citation) for citation in citations)
            case Refusal(text=text):
                return self.text(index, text)
            case Reasoning(text=text, summary=summary, seal=seal):
                return self.thought(index, text or SEPARATOR.join(summary), seal)
            case ToolCall(executor="client"):
                return self._open_call(index, part, shell) + self.arguments(index, shell.arguments)
            case Media(mime=mime, data=data, url=url) if mime.startswith("image/") and (data or url):
                return self._image(shell, data) if data else self.text(index, f"![image]({url})")
            case Unknown(data=data) if shell.origin == NAME:
                return self._whole(data) if shell.extra is None else self._element(data, shell.extra)
            case Media() | Unknown() | ToolCall() | ToolResult():
                return b""

    def text(self, index: int, text: str) -> bytes:
        if not text:
            return b""
        part = self._parts.get(index)
        if part is None or not isinstance(part.shell, Text | Refusal | Media):
            return b""
        opened = b"" if part is self._speaker else self._open_text(part)
        item = self._narrative
        assert item is not None
        item.pieces.append(text)
        return opened + self._delta(item, text)

    def citation(self, index: int, citation: JsonObject) -> bytes:
        part = self._parts.get(index)
        if part is None or not isinstance(part.shell, Text):
            return b""
        native = part.shell.origin == NAME
        opened = b"" if part is self._speaker else self._open_text(part)
        item = self._narrative
        assert item is not None
        length = sum(len(piece) for piece in item.pieces)
        annotation = citation if native else annotation_of(citation, 0, length)
        if annotation is None:
            return opened
        place = {**item.speech, "annotation_index": len(item.annotations)}
        item.annotations.append(annotation)
        return opened + self.frame("response.output_text.annotation.added", {**place, "annotation": annotation})

    def thought(self, index: int, text: str, seal: str | None) -> bytes:
        part = self._parts.get(index)
        if part is None or not isinstance(part.shell, Reasoning):
            return b""
        own = seal if part.shell.origin == NAME else None
        if not text and own is None:
            return b""
        opened = b"" if part is self._speaker else self._open_reasoning(part)
        item = self._narrative
        assert item is not None
        if own is not None:
            item.seal = own
        if not text:
            return opened
        if not item.pieces:
            summary: JsonObject = {"type": "summary_text", "text": ""}
            where = {**item.place, "summary_index": 0}
            opened += self.frame("response.reasoning_summary_part.added", {**where, "part": summary})
        item.pieces.append(text)
        return opened + self._delta(item, text)

    def arguments(self, index: int, fragment: str) -> bytes:
        part = self._calls.get(index)
        if part is None or part.item is None or not fragment:
            return b""
        part.item.pieces.append(fragment)
        # Free text cannot be told from half of its JSON: a custom tool's input goes out when it is whole.
        return b"" if part.item.custom else self._delta(part.item, fragment)

    def closed(self, index: int) -> bytes:
        part = self._parts.get(index)
        if part is None or part.closed:
            return b""
        part.closed = True
        if index in self._calls:
            return self._close_call(index, "completed")
        if part is self._speaker:
            return self._hush_part()
        if not part.opened and isinstance(part.shell, Text | Refusal) and part.shell.origin == NAME:
            return self._open_text(part) + self._hush_part()
        return b""

    def finish(self, status: Status, *, empty: bool) -> bytes:
        """Closes what is open. `empty` says that an answer without any item gets an empty message."""
        written = self._hush("incomplete" if status == "incomplete" else "completed")
        for index in list(self._calls):
            written += self._close_call(index, status)
        if empty and not self._items:
            written += self._open_text(_Part(Text(text=""))) + self._hush("completed")
        return written

    def _next(self, kind: str, fields: JsonObject) -> _Item:
        item = _Item(self._items, {"id": f"{kind}_{self._token}_{self._items}", **fields})
        self._items += 1
        return item

    def _added(self, item: _Item) -> bytes:
        return self.frame("response.output_item.added", {"output_index": item.index, "item": item.fields})

    def _ended(self, item: _Item, fields: JsonObject) -> bytes:
        self._closed[item.index] = fields
        return self.frame("response.output_item.done", {"output_index": item.index, "item": fields})

    def _delta(self, item: _Item, text: str) -> bytes:
        number = self.sequence
        self.sequence += 1
        return b"%b%b%b%d}\n\n" % (item.head, _json(text), item.tail, number)

    def _open_text(self, part: _Part) -> bytes:
        shell = part.shell
        own = shell.extra if shell.origin == NAME else None
        continues = marks.has(own, marks.CONTINUED) if shell.origin == NAME else True
        item = self._narrative
        written = b""
        if part.opened or not continues or item is None or item.fields["type"] != "message":
            written = self._hush("completed")
            item = self._narrative = self._next("msg", _message("in_progress", [], own))
            written += self._added(item)
        else:
            written = self._hush_part()
        part.opened = True
        self._speaker = part
        item.pieces, item.annotations = [], []
        if isinstance(shell, Refusal):
            element: JsonObject = {"type": "refusal", "refusal": ""}
            item.speak("response.refusal.delta", item.speech)
        else:
            element = _output_text("", [])
            item.speak("response.output_text.delta", item.speech, b',"logprobs":[]')
        marks.restore(element, own)
        return written + self.frame("response.content_part.added", {**item.speech, "part": element})

    def _open_reasoning(self, part: _Part) -> bytes:
        written = self._hush("completed")
        item = self._narrative = self._next("rs", {"type": "reasoning", "summary": []})
        part.opened = True
        self._speaker = part
        item.speak("response.reasoning_summary_text.delta", {**item.place, "summary_index": 0})
        return written + self._added(item)

    def _open_call(self, index: int, part: _Part, shell: ToolCall) -> bytes:
        written = self._hush("completed")
        own = shell.extra if shell.origin == NAME else None
        called = self._names.get(shell.name)
        custom = marks.has(own, marks.CUSTOM) or (called is not None and called.custom)
        namespace = called.namespace if called is not None else (own or {}).get(marks.NAMESPACE)
        fields: JsonObject = {"type": "custom_tool_call", "call_id": shell.call_id}
        if not custom:
            fields = {"type": "function_call", "status": "in_progress", "call_id": shell.call_id}
        fields["name"] = shell.name if called is None else called.name
        fields["input" if custom else "arguments"] = ""
        if namespace is not None:
            fields["namespace"] = namespace
        marks.restore(fields, own)
        item = part.item = self._next("ctc" if custom else "fc", fields)
        item.custom = custom
        item.speak("response.function_call_arguments.delta", item.place)
        self._calls[index] = part
        return written + self._added(item)

    def _close_call(self, index: int, status: Status) -> bytes:
        item = self._calls.pop(index).item
        assert item is not None
        text = "".join(item.pieces)
        if item.custom:
            said = custom_input(text)
            written = self.frame("response.custom_tool_call_input.delta", {**item.place, "delta": said})
            written += self.frame("response.custom_tool_call_input.done", {**item.place, "input": said})
            return written + self._ended(item, {**item.fields, "input": said})
        written = self.frame("response.function_call_arguments.done", {**item.place, "arguments": text})
        return written + self._ended(item, {**item.fields, "status": status, "arguments": text})

    def _hush_part(self) -> bytes:
        """Closes what is being spoken. A message stays open for more, thinking does not."""
        part, item = self._speaker, self._narrative
        self._speaker = None
        if part is None or item is None:
            return b""
        text = "".join(item.pieces)
        if item.fields["type"] == "reasoning":
            return self._end_reasoning(item, text)
        if isinstance(part.shell, Refusal):
            element: JsonObject = {"type": "refusal", "refusal": text}
            written = self.frame("response.refusal.done", {**item.speech, "refusal": text})
        else:
            element = _output_text(text, item.annotations)
            done: JsonObject = {**item.speech, "text": text, "logprobs": []}
            written = self.frame("response.output_text.done", done)
        if part.shell.origin == NAME:
            marks.restore(element, part.shell.extra)
        written += self.frame("response.content_part.done", {**item.speech, "part": element})
        item.content.append(element)
        return written

    def _end_reasoning(self, item: _Item, text: str) -> bytes:
        self._narrative = None
        written = b""
        fields = dict(item.fields)
        if item.pieces:
            summary: JsonObject = {"type": "summary_text", "text": text}
            where = {**item.place, "summary_index": 0}
            written += self.frame("response.reasoning_summary_text.done", {**where, "text": text})
            written += self.frame("response.reasoning_summary_part.done", {**where, "part": summary})
            fields["summary"] = [summary]
        if item.seal is not None:
            fields["encrypted_content"] = item.seal
        return written + self._ended(item, fields)

    def _hush(self, status: Status) -> bytes:
        """Closes the thinking or the message that is open."""
        written = self._hush_part()
        item = self._narrative
        if item is None:
            return written
        self._narrative = None
        return written + self._ended(item, {**item.fields, "status": status, "content": item.content})

    def _image(self, shell: Media, data: str) -> bytes:
        fields: JsonObject = {"type": "image_generation_call", "status": "completed", "result": data}
        if shell.origin == NAME:
            marks.restore(fields, shell.extra)
        written = self._hush("completed")
        item = self._next("ig", fields)
        return written + self._added(item) + self._ended(item, fields | {"id": item.fields["id"]})

    def _whole(self, fields: JsonObject) -> bytes:
        """An item that nobody here knows, with the id its provider gave it."""
        written = self._hush("completed")
        item = _Item(self._items, fields)
        self._items += 1
        return written + self._added(item) + self._ended(item, fields)

    def _element(self, element: JsonObject, extra: JsonObject) -> bytes:
        """An element of a message that nobody here knows: of the open message, or of a new one."""
        item = self._narrative
        written = self._hush_part()
        if not marks.has(extra, marks.CONTINUED) or item is None or item.fields["type"] != "message":
            written += self._hush("completed")
            item = self._narrative = self._next("msg", _message("in_progress", [], extra))
            written += self._added(item)
        written += self.frame("response.content_part.added", {**item.speech, "part": element})
        written += self.frame("response.content_part.done", {**item.speech, "part": element})
        item.content.append(element)
        return written


def _message(status: Status, content: list[JsonObject], own: JsonObject | None) -> JsonObject:
    others = as_object((own or {}).get(marks.MESSAGE)) or {}
    return {"type": "message", "status": status, "role": "assistant", "content": content, **others}


def _output_text(text: str, annotations: list[JsonObject]) -> JsonObject:
    element: OutputText = {"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}
    return {**element}
