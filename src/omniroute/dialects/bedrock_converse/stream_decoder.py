"""A provider's binary event stream of the Converse API, read into the one alphabet of streams.

`messageStop` tells why the answer ended and `metadata`, the last event, what it cost. An answer is complete once
its stop reason is known: a stream that ends between the two lost its bill, but nothing of the answer. Blocks of
text have no event that opens them.
"""

import base64
import binascii

import msgspec

from omniroute.dialects.bedrock_converse.errors import decode_exception
from omniroute.dialects.bedrock_converse.response import call, picture
from omniroute.dialects.bedrock_converse.usage import decode_finish, decode_usage
from omniroute.dialects.bedrock_converse.wire import NAME, without
from omniroute.dialects.eventstream import Message, MessageFramer
from omniroute.dialects.failures import cut_short
from omniroute.dialects.look import as_object, as_text
from omniroute.dialects.objects import read_object
from omniroute.errors import UpstreamError
from omniroute.ir.events import (
    ArgumentsDelta,
    CitationDelta,
    Event,
    Failed,
    Finished,
    Opaque,
    PartClosed,
    PartOpened,
    ReasoningDelta,
    Started,
    TextDelta,
    UsageReported,
)
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject, JsonValue, RawJson
from omniroute.ir.parts import AnyPart, Reasoning, Text, ToolCall


class _Open(msgspec.Struct):
    """A part that is open."""

    index: int
    part: AnyPart


class _Held(msgspec.Struct):
    """Bytes in pieces, which are a part only when they are whole: redacted thinking, or an image of a `form`."""

    data: bytearray
    form: JsonValue = None


class ConverseStreamDecoder:
    def __init__(self) -> None:
        self._framer = MessageFramer()
        self._open: dict[int, _Open | _Held] = {}
        self._next = 0
        self._started = False
        self._done = False
        self._called = False
        self._stop_reason: str | None = None

    def feed(self, chunk: bytes) -> list[Event]:
        events: list[Event] = []
        if self._done:
            return events
        try:
            messages = self._framer.feed(chunk)
        except UpstreamError as broken:
            self._fail(Failure(kind="protocol", status=502, message=broken.message), events)
            return events
        for message in messages:
            self._read(message, events)
        return events

    def close(self) -> list[Event]:
        events: list[Event] = []
        if self._done:
            return events
        if self._stop_reason is not None and not self._framer.torn:
            self._finish(events)
        else:
            self._fail(cut_short(), events)
        return events

    def _read(self, message: Message, events: list[Event]) -> None:
        if self._done:
            return
        match message.word(":message-type"):
            case "exception":
                self._fail(decode_exception(message.word(":exception-type"), message.payload), events)
                return
            case "error":
                told = msgspec.json.encode({"message": message.word(":error-message")})
                self._fail(decode_exception(message.word(":error-code"), told), events)
                return
            case _:
                pass
        data = read_object(message.payload)
        if data is None:
            # One unreadable event is no reason to give up an answer; a missing end is noticed anyway.
            return
        kind = message.word(":event-type")
        self._begin(events)
        match kind:
            case "contentBlockDelta":
                self._delta(data, events)
            case "contentBlockStart":
                self._start(data, events)
            case "contentBlockStop":
                self._stop(data.get("contentBlockIndex"), events)
            case "messageStart":
                pass
            case "messageStop":
                self._close_all(events)
                self._stop_reason = as_text(data.get("stopReason")) or ""
                self._wonder(without(data, "stopReason", "p"), events)
            case "metadata":
                usage = as_object(data.get("usage"))
                if usage:
                    events.append(UsageReported(usage=decode_usage(usage)))
                self._wonder(without(data, "usage", "metrics", "p"), events)
                if self._stop_reason is not None:
                    self._finish(events)
            case _:
                self._wonder({kind: data}, events)

    def _begin(self, events: list[Event]) -> None:
        if not self._started:
            self._started = True
            events.append(Started(id="", model="", origin=NAME))

    def _wonder(self, data: JsonObject | None, events: list[Event]) -> None:
        if data:
            events.append(Opaque(origin=NAME, data=data))

    def _start(self, data: JsonObject, events: list[Event]) -> None:
        wire = data.get("contentBlockIndex")
        start = as_object(data.get("start")) or {}
        use, image = as_object(start.get("toolUse")), as_object(start.get("image"))
        if not isinstance(wire, int) or (use is None and image is None):
            self._wonder({"contentBlockStart": start}, events)
            return
        self._stop(wire, events)
        if use is not None:
            part = call(use, RawJson(""))
            self._called = self._called or part.executor == "client"
            self._append(wire, part, events)
        elif image is not None:
            self._open[wire] = _Held(bytearray(), image.get("format"))

    def _append(self, wire: int, part: AnyPart, events: list[Event]) -> _Open:
        block = _Open(self._next, part)
        self._open[wire] = block
        events.append(PartOpened(index=self._next, shell=part))
        self._next += 1
        return block

    def _delta(self, data: JsonObject, events: list[Event]) -> None:
        wire = data.get("contentBlockIndex")
        delta = as_object(data.get("delta")) or {}
        if not isinstance(wire, int):
            self._wonder({"contentBlockDelta": delta}, events)
            return
        for kind, value in delta.items():
            match kind:
                case "text":
                    self._text(wire, as_text(value), events)
                case "toolUse":
                    self._arguments(wire, as_text((as_object(value) or {}).get("input")), events)
                case "reasoningContent":
                    self._reasoning(wire, as_object(value) or {}, events)
                case "citation":
                    citation = as_object(value)
                    if citation is not None:
                        index = self._opened(wire, Text(text="", origin=NAME), events)
                        events.append(CitationDelta(index=index, citation=citation))
                case "image":
                    source = as_object((as_object(value) or {}).get("source")) or {}
                    self._hold(wire, source.get("bytes"), events)
                case _:
                    self._wonder({"contentBlockDelta": {kind: value}}, events)

    def _text(self, wire: int, text: str | None, events: list[Event]) -> None:
        block = self._open.get(wire)
        if isinstance(block, _Open) and isinstance(block.part, Text):
            index = block.index
        else:
            index = self._opened(wire, Text(text="", origin=NAME), events)
        if text:
            events.append(TextDelta(index=index, text=text))

    def _arguments(self, wire: int, fragment: str | None, events: list[Event]) -> None:
        block = self._open.get(wire)
        if isinstance(block, _Open) and isinstance(block.part, ToolCall) and fragment:
            events.append(ArgumentsDelta(index=block.index, fragment=fragment))

    def _reasoning(self, wire: int, delta: JsonObject, events: list[Event]) -> None:
        if "redactedContent" in delta:
            self._hold(wire, delta["redactedContent"], events)
            return
        index = self._opened(wire, Reasoning(origin=NAME), events)
        text, seal = as_text(delta.get("text")), as_text(delta.get("signature"))
        if text:
            events.append(ReasoningDelta(index=index, text=text))
        if seal:
            events.append(ReasoningDelta(index=index, seal=seal))

    def _opened(self, wire: int, shell: AnyPart, events: list[Event]) -> int:
        """The open part of this block; a new one where none of the kind is open."""
        block = self._open.get(wire)
        if not isinstance(block, _Open) or type(block.part) is not type(shell):
            self._stop(wire, events)
            block = self._append(wire, shell, events)
        return block.index

    def _hold(self, wire: int, piece: JsonValue, events: list[Event]) -> None:
        block = self._open.get(wire)
        if not isinstance(block, _Held):
            self._stop(wire, events)
            block = self._open[wire] = _Held(bytearray())
        try:
            block.data += base64.b64decode(as_text(piece) or "", validate=True)
        except (binascii.Error, ValueError):
            self._wonder({"contentBlockDelta": piece}, events)

    def _stop(self, wire: JsonValue, events: list[Event]) -> None:
        block = self._open.pop(wire, None) if isinstance(wire, int) else None
        match block:
            case _Open(index=index):
                events.append(PartClosed(index=index))
            case _Held(data=data, form=form) if data:
                whole = base64.b64encode(data).decode()
                part = Reasoning(redacted=True, seal=whole, origin=NAME) if form is None else picture(form, whole)
                if part is not None:
                    self._append(-1, part, events)
                    self._stop(-1, events)
            case _:
                pass

    def _finish(self, events: list[Event]) -> None:
        self._begin(events)
        self._close_all(events)
        events.append(Finished(finish=decode_finish(self._stop_reason or None, called=self._called)))
        self._done = True

    def _fail(self, failure: Failure, events: list[Event]) -> None:
        self._close_all(events)
        events.append(Failed(failure=failure))
        self._done = True

    def _close_all(self, events: list[Event]) -> None:
        for wire in list(self._open):
            self._stop(wire, events)
