"""One output item of a stream on its way: what its events said so far, turned into events of its parts.

Every event of the wire that opens, fills or closes something may be missing (servers differ), and each later one
repeats what the earlier ones said in pieces. So an item is reconciled when it is done: what was said is not said
again, and what was not said is made up for.
"""

from typing import Protocol

import msgspec

from omniroute.dialects.look import as_object, as_text, objects_in
from omniroute.dialects.objects import rest_of, said
from omniroute.dialects.openai_responses import marks
from omniroute.dialects.openai_responses.items import (
    SEPARATOR,
    answered_reasoning,
    decode_output_item,
    message_extra,
    thoughts_of,
)
from omniroute.dialects.openai_responses.wire import NAME
from omniroute.errors import InvalidRequest
from omniroute.ir.events import (
    ArgumentsDelta,
    CitationDelta,
    Event,
    PartClosed,
    PartOpened,
    ReasoningDelta,
    TextDelta,
)
from omniroute.ir.json import JsonObject, RawJson
from omniroute.ir.parts import AnyPart, Reasoning, Refusal, Text, ToolCall

_ELEMENT = ("type", "text", "refusal", "annotations", "logprobs")
_CUSTOM_START = '{"input":"'
_CUSTOM_END = '"}'


class Numbers:
    """Hands out the indices of parts."""

    def __init__(self) -> None:
        self.next = 0

    def take(self) -> int:
        self.next += 1
        return self.next - 1


class Heard(Protocol):
    """An item that is being heard. `done` gets the item as the wire gave it at its end, or as it began."""

    def done(self, item: JsonObject, events: list[Event]) -> None: ...

    def settle(self, events: list[Event]) -> None:
        """The stream ended before the item did."""
        ...


class HeardMessage:
    """A message: each element of its content is a part, one open at a time."""

    def __init__(self, item: JsonObject, numbers: Numbers) -> None:
        self._item = item
        self._numbers = numbers
        self._open: int | None = None
        self._element = -1
        self._heard: set[int] = set()
        self._unknown: dict[int, JsonObject] = {}
        self._spoke = False
        self._cited = False

    def announced(self, index: int, element: JsonObject) -> None:
        """An element is about to be said; what is unknown of it is known from the start."""
        unknown = said(rest_of(element, _ELEMENT))
        if unknown is not None:
            self._unknown[index] = unknown

    def element(self, index: int, kind: type[Text | Refusal], events: list[Event]) -> int:
        """The part for an element of the content, opened when it is new."""
        if self._open is not None and self._element == index:
            return self._open
        self.settle(events)
        self._element = index
        self._heard.add(index)
        self._spoke = self._cited = False
        extra = self._extra(index)
        shell = kind(text="", origin=NAME, extra=extra)
        self._open = self._numbers.take()
        events.append(PartOpened(index=self._open, shell=shell))
        return self._open

    def speak(self, index: int, kind: type[Text | Refusal], text: str, events: list[Event]) -> None:
        part = self._open
        if part is None or self._element != index:
            if not text or self._is_over(index):
                return
            part = self.element(index, kind, events)
        if text:
            self._spoke = True
            events.append(TextDelta(index=part, text=text))

    def speak_whole(self, index: int, kind: type[Text | Refusal], text: str, events: list[Event]) -> None:
        """The text once more, as a whole; for a server that sent no pieces."""
        if text and not self._is_over(index):
            self.element(index, kind, events)
            if not self._spoke:
                self.speak(index, kind, text, events)

    def cite(self, index: int, annotation: JsonObject, events: list[Event]) -> None:
        if self._is_over(index):
            return
        part = self.element(index, Text, events)
        self._cited = True
        events.append(CitationDelta(index=part, citation=annotation))

    def element_done(self, index: int, element: JsonObject, events: list[Event]) -> None:
        """The element whole: what was not heard of it."""
        if self._is_over(index):
            return
        kind = element.get("type")
        if kind == "refusal":
            self.announced(index, element)
            part = self.element(index, Refusal, events)
            self.speak_whole(index, Refusal, as_text(element.get("refusal")) or "", events)
        elif kind in ("output_text", "text"):
            self.announced(index, element)
            part = self.element(index, Text, events)
            self.speak_whole(index, Text, as_text(element.get("text")) or "", events)
        else:
            self._whole_element(index, element, events)
            return
        if not self._cited:
            for annotation in objects_in(element.get("annotations")):
                events.append(CitationDelta(index=part, citation=annotation))
        self.settle(events)

    def done(self, item: JsonObject, events: list[Event]) -> None:
        for index, element in enumerate(objects_in(item.get("content"))):
            self.element_done(index, element, events)
        self.speak_whole(0, Text, as_text(item.get("content")) or "", events)
        self.settle(events)

    def settle(self, events: list[Event]) -> None:
        if self._open is not None:
            events.append(PartClosed(index=self._open))
            self._open = None

    def _is_over(self, index: int) -> bool:
        return index in self._heard and not (self._open is not None and self._element == index)

    def _extra(self, index: int) -> JsonObject | None:
        extra = dict(self._unknown.get(index, {}))
        if index:
            extra[marks.CONTINUED] = None
        elif (message := said(as_object((message_extra(self._item) or {}).get(marks.MESSAGE)))) is not None:
            extra[marks.MESSAGE] = message
        return extra or None

    def _whole_element(self, index: int, element: JsonObject, events: list[Event]) -> None:
        self.settle(events)
        self._heard.add(index)
        frame = {**self._item, "content": [{"type": "output_text", "text": ""}] * index + [element]}
        for part in _decoded(frame)[index:]:
            _open_and_close(part, self._numbers, events)


class HeardReasoning:
    """Thinking: all its texts are one part, and the seal comes with the end."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self._part: int | None = None
        self._place: tuple[str, int] | None = None
        self._over = False

    def think(self, place: tuple[str, int], text: str, events: list[Event]) -> None:
        """`place` tells one text of the item from the next."""
        if not text or self._over:
            return
        if self._place is not None and place != self._place:
            text = SEPARATOR + text
        self._place = place
        events.append(ReasoningDelta(index=self._opened(events), text=text))

    def done(self, item: JsonObject, events: list[Event]) -> None:
        if self._over:
            return
        whole = answered_reasoning(item)
        if whole is not None:
            if self._place is None and whole.text:
                text = SEPARATOR.join(thoughts_of(item))
                events.append(ReasoningDelta(index=self._opened(events), text=text))
            if whole.seal is not None:
                events.append(ReasoningDelta(index=self._opened(events), seal=whole.seal))
        self.settle(events)

    def settle(self, events: list[Event]) -> None:
        if self._part is not None and not self._over:
            events.append(PartClosed(index=self._part))
        self._over = True

    def _opened(self, events: list[Event]) -> int:
        if self._part is None:
            self._part = self._numbers.take()
            events.append(PartOpened(index=self._part, shell=Reasoning(origin=NAME)))
        return self._part


class HeardCall:
    """A call. It opens when its name is known, which may be at its end; one that never gets a name is dropped."""

    def __init__(self, item: JsonObject, numbers: Numbers, events: list[Event]) -> None:
        self._numbers = numbers
        self._custom = item.get("type") == "custom_tool_call"
        self._part: int | None = None
        self._waiting: list[str] = []
        self._spoke = False
        self._over = False
        self._open(item, events)

        self.call_id = as_text(item.get("call_id"))

    @property
    def called(self) -> bool:
        return self._part is not None

    def fragment(self, text: str, events: list[Event]) -> None:
        if not text or self._over:
            return
        self._spoke = True
        if self._custom:
            text = msgspec.json.encode(text).decode()[1:-1]
        if self._part is None:
            self._waiting.append(text)
        else:
            events.append(ArgumentsDelta(index=self._part, fragment=text))

    def whole(self, text: str | None, events: list[Event]) -> None:
        """The arguments once more, as a whole; for a server that sent no pieces."""
        if text and not self._spoke:
            self.fragment(text, events)

    def done(self, item: JsonObject, events: list[Event]) -> None:
        if self._over:
            return
        self._open(item, events)
        self.whole(as_text(item.get("input" if self._custom else "arguments")), events)
        self.settle(events)

    def settle(self, events: list[Event]) -> None:
        if self._part is not None and not self._over:
            if self._custom:
                events.append(ArgumentsDelta(index=self._part, fragment=_CUSTOM_END))
            events.append(PartClosed(index=self._part))
        self._over = True

    def _open(self, item: JsonObject, events: list[Event]) -> None:
        if self._part is not None or not as_text(item.get("name")):
            return
        blank = {**item, "input": ""} if self._custom else {**item, "arguments": ""}
        call = next((part for part in _decoded(blank) if isinstance(part, ToolCall)), None)
        if call is None:
            return
        self._part = self._numbers.take()
        events.append(PartOpened(index=self._part, shell=msgspec.structs.replace(call, arguments=RawJson(""))))
        if self._custom:
            events.append(ArgumentsDelta(index=self._part, fragment=_CUSTOM_START))
        for text in self._waiting:
            events.append(ArgumentsDelta(index=self._part, fragment=text))
        self._waiting = []


class HeardWhole:
    """An item of any other type: nothing until it is done, and then all at once."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self._over = False

    def done(self, item: JsonObject, events: list[Event]) -> None:
        if not self._over:
            for part in _decoded(item):
                _open_and_close(part, self._numbers, events)
        self._over = True

    def settle(self, events: list[Event]) -> None:
        """What was only announced said nothing yet."""


def _decoded(item: JsonObject) -> list[AnyPart]:
    """The parts of an item; none of one that is malformed, for one item is no reason to give up an answer."""
    try:
        return decode_output_item(item, "item")
    except InvalidRequest:
        return []


def _open_and_close(part: AnyPart, numbers: Numbers, events: list[Event]) -> None:
    index = numbers.take()
    events.append(PartOpened(index=index, shell=part))
    events.append(PartClosed(index=index))
