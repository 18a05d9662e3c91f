"""Streams of the chat API: lines to events.

The server sends text and thinking in pieces and every tool call whole, so an entry of `tool_calls` is always a
call of its own. The line that says `done` is the end, whatever else may follow it.
"""

import msgspec

from omniroute.dialects.failures import cut_short
from omniroute.dialects.look import as_object, as_text
from omniroute.dialects.ndjson import LineFramer
from omniroute.dialects.objects import read_object, rest_of, said
from omniroute.dialects.ollama.errors import failure_in_answer
from omniroute.dialects.ollama.metrics import METRICS, decode_finish, decode_usage
from omniroute.dialects.ollama.response import BODY, MESSAGE, decode_parts
from omniroute.dialects.ollama.wire import NAME
from omniroute.ir.events import (
    ArgumentsDelta,
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
from omniroute.ir.json import JsonObject, RawJson
from omniroute.ir.parts import AnyPart, Reasoning, Text, ToolCall

_LINE = frozenset((*BODY, *METRICS))
_PLAIN = frozenset(("role", "content"))


class OllamaStreamDecoder:
    def __init__(self) -> None:
        self._framer = LineFramer()
        self._told: JsonObject | None = None
        self._ended = False
        self._parts = 0
        self._calls = 0
        self._narrative: type[AnyPart] | None = None

    def feed(self, chunk: bytes) -> list[Event]:
        events: list[Event] = []
        for line in self._framer.feed(chunk):
            self._line(line.data, events)
        return events

    def close(self) -> list[Event]:
        events: list[Event] = []
        for line in self._framer.close():
            self._line(line.data, events)
        if not self._ended:
            self._fail(cut_short(), events)
        return events

    def _line(self, data: bytes, events: list[Event]) -> None:
        if self._ended or not data:
            return
        line = read_object(data)
        if line is None:
            return
        failure = failure_in_answer(line)
        if failure is not None:
            self._fail(failure, events)
            return
        message = as_object(line.get("message"))
        done = line.get("done") is True
        if message is None and not done:
            return
        self._read(line, message or {}, events)
        if done:
            self._finish(line, events)

    def _read(self, line: JsonObject, message: JsonObject, events: list[Event]) -> None:
        rest = None if line.keys() <= _LINE else said(rest_of(line, _LINE))
        if self._told is None:
            self._told = rest or {}
            model = as_text(line.get("model")) or ""
            events.append(Started(id="", model=model, origin=NAME, extra=rest))
            rest = None
        content = message.get("content")
        if isinstance(content, str) and message.keys() <= _PLAIN:
            if content:
                events.append(TextDelta(index=self._narrating(Text, events), text=content))
        else:
            self._read_message(message, line, events)
        if rest is not None:
            self._wonder(rest, events)

    def _read_message(self, message: JsonObject, line: JsonObject, events: list[Event]) -> None:
        for part in decode_parts(message, line.get("created_at"), self._calls):
            self._say(part, events)
        inner = said(rest_of(message, MESSAGE))
        if inner is not None:
            self._wonder({"message": inner}, events)

    def _wonder(self, rest: JsonObject, events: list[Event]) -> None:
        """Passes on what is unknown, but for what every line repeats."""
        told = self._told or {}
        news = {name: value for name, value in rest.items() if told.get(name) != value}
        if news:
            events.append(Opaque(origin=NAME, data=news))

    def _say(self, part: AnyPart, events: list[Event]) -> None:
        match part:
            case Text(text=text):
                events.append(TextDelta(index=self._narrating(Text, events), text=text))
            case Reasoning(text=text):
                events.append(ReasoningDelta(index=self._narrating(Reasoning, events), text=text))
            case ToolCall(arguments=arguments):
                self._hush(events)
                self._calls += 1
                index = self._opened(msgspec.structs.replace(part, arguments=RawJson("")), events)
                events += [ArgumentsDelta(index=index, fragment=arguments)] if arguments else []
                events.append(PartClosed(index=index))
            case _:
                self._hush(events)
                events.append(PartClosed(index=self._opened(part, events)))

    def _narrating(self, kind: type[Text | Reasoning], events: list[Event]) -> int:
        """The open part that text or thinking goes on in; a new one when something else came between."""
        if self._narrative is not kind:
            self._hush(events)
            self._narrative = kind
            self._opened(Text(text="") if kind is Text else Reasoning(origin=NAME), events)
        return self._parts - 1

    def _hush(self, events: list[Event]) -> None:
        if self._narrative is not None:
            self._narrative = None
            events.append(PartClosed(index=self._parts - 1))

    def _opened(self, shell: AnyPart, events: list[Event]) -> int:
        events.append(PartOpened(index=self._parts, shell=shell))
        self._parts += 1
        return self._parts - 1

    def _finish(self, line: JsonObject, events: list[Event]) -> None:
        self._ended = True
        self._hush(events)
        usage = decode_usage(line)
        if usage is not None:
            events.append(UsageReported(usage=usage))
        events.append(Finished(finish=decode_finish(line.get("done_reason"), called=self._calls > 0)))

    def _fail(self, failure: Failure, events: list[Event]) -> None:
        self._ended = True
        self._hush(events)
        events.append(Failed(failure=failure))
