"""Streams of Cohere's chat API, read into the one alphabet of streams.

Citations may come after the end of the text they belong to, so a text stays open until something else begins. The
event `message-end` is the last one and holds why the answer ended and what it cost.
"""

import msgspec

from omniroute.dialects.cohere.errors import failure_in, failure_without_answer
from omniroute.dialects.cohere.response import decode_call
from omniroute.dialects.cohere.usage import decode_finish, decode_usage
from omniroute.dialects.cohere.wire import NAME, without
from omniroute.dialects.failures import cut_short
from omniroute.dialects.look import as_count, as_object, as_text
from omniroute.dialects.objects import read_object
from omniroute.dialects.sse import Framer
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


class _Open(msgspec.Struct, frozen=True):
    """The one part that is open; `wire` is the index of its content block, where it has one."""

    index: int
    part: AnyPart
    wire: int | None = None


class CohereStreamDecoder:
    def __init__(self) -> None:
        self._framer = Framer()
        self._open: _Open | None = None
        self._next = 0
        self._calls = 0
        self._started = False
        self._done = False

    def feed(self, chunk: bytes) -> list[Event]:
        """Raises `UpstreamError(kind="protocol")` for an endless frame."""
        events: list[Event] = []
        for frame in self._framer.feed(chunk):
            self._read(frame.data, events)
        return events

    def close(self) -> list[Event]:
        events: list[Event] = []
        for frame in self._framer.close():
            self._read(frame.data, events)
        if not self._done:
            self._fail(cut_short(), events)
        return events

    def _read(self, payload: bytes, events: list[Event]) -> None:
        if self._done or not payload:
            return
        data = read_object(payload)
        if data is None:
            # One unreadable line is no reason to give up an answer; a missing end is noticed anyway.
            return
        delta = as_object(data.get("delta")) or {}
        message = as_object(delta.get("message")) or {}
        match data.get("type"):
            case "message-start":
                self._begin(as_text(data.get("id")) or "", events)
            case "content-start" | "content-delta":
                self._content(data.get("index"), as_object(message.get("content")) or {}, events)
            case "content-end":
                if self._open is not None and not isinstance(self._open.part, Text):
                    self._hush(events)
            case "tool-plan-delta":
                plan = as_text(message.get("tool_plan"))
                if plan:
                    events.append(
                        ReasoningDelta(index=self._telling(Reasoning(origin=NAME), None, events), text=plan)
                    )
            case "tool-call-start":
                self._call(as_object(message.get("tool_calls")) or {}, events)
            case "tool-call-delta":
                call = as_object(message.get("tool_calls")) or {}
                self._arguments(as_text((as_object(call.get("function")) or {}).get("arguments")), events)
            case "tool-call-end":
                if self._open is not None and isinstance(self._open.part, ToolCall):
                    self._hush(events)
            case "citation-start":
                self._cite(as_object(message.get("citations")), data, events)
            case "citation-end":
                pass
            case "message-end":
                self._end(delta, events)
            case str():
                self._begin("", events)
                events.append(Opaque(origin=NAME, data=data))
            case _:
                failure = failure_without_answer(data)
                if failure is not None:
                    self._fail(failure, events)

    def _begin(self, answer_id: str, events: list[Event]) -> None:
        if not self._started:
            self._started = True
            events.append(Started(id=answer_id, model="", origin=NAME))

    def _content(self, wire: JsonValue, content: JsonObject, events: list[Event]) -> None:
        block = wire if isinstance(wire, int) else None
        text, thought = as_text(content.get("text")), as_text(content.get("thinking"))
        if thought is not None or content.get("type") == "thinking":
            index = self._telling(Reasoning(origin=NAME), block, events)
            if thought:
                events.append(ReasoningDelta(index=index, text=thought))
        elif text is not None or content.get("type") == "text":
            index = self._telling(Text(text="", origin=NAME), block, events)
            if text:
                events.append(TextDelta(index=index, text=text))

    def _telling(self, shell: AnyPart, wire: int | None, events: list[Event]) -> int:
        """The open part that this goes on in; a new one when something else came between."""
        self._begin("", events)
        now = self._open
        if now is not None and type(now.part) is type(shell) and now.wire == wire:
            return now.index
        return self._opened(shell, wire, events)

    def _call(self, call: JsonObject, events: list[Event]) -> None:
        self._begin("", events)
        part = decode_call(call, self._calls)
        self._calls += 1
        index = self._opened(msgspec.structs.replace(part, arguments=RawJson("")), None, events)
        if part.arguments:
            events.append(ArgumentsDelta(index=index, fragment=part.arguments))

    def _arguments(self, fragment: str | None, events: list[Event]) -> None:
        if fragment and self._open is not None and isinstance(self._open.part, ToolCall):
            events.append(ArgumentsDelta(index=self._open.index, fragment=fragment))

    def _cite(self, citation: JsonObject | None, data: JsonObject, events: list[Event]) -> None:
        if citation is None:
            return
        now = self._open
        wire = as_count(citation.get("content_index")) or 0
        if now is not None and isinstance(now.part, Text) and now.wire in (wire, None):
            events.append(CitationDelta(index=now.index, citation=citation))
        else:
            self._begin("", events)
            events.append(Opaque(origin=NAME, data=data))

    def _opened(self, shell: AnyPart, wire: int | None, events: list[Event]) -> int:
        self._hush(events)
        self._open = _Open(self._next, shell, wire)
        events.append(PartOpened(index=self._next, shell=shell))
        self._next += 1
        return self._open.index

    def _hush(self, events: list[Event]) -> None:
        if self._open is not None:
            events.append(PartClosed(index=self._open.index))
            self._open = None

    def _end(self, delta: JsonObject, events: list[Event]) -> None:
        self._begin("", events)
        self._hush(events)
        usage = as_object(delta.get("usage"))
        if usage:
            events.append(UsageReported(usage=decode_usage(usage)))
        failure = failure_in(delta)
        if failure is not None:
            self._fail(failure, events)
            return
        rest = without(delta, "usage", "finish_reason", "error")
        if rest:
            events.append(Opaque(origin=NAME, data=rest))
        finish = decode_finish(delta.get("finish_reason"), called=self._calls > 0)
        events.append(Finished(finish=finish))
        self._done = True

    def _fail(self, failure: Failure, events: list[Event]) -> None:
        self._hush(events)
        events.append(Failed(failure=failure))
        self._done = True
