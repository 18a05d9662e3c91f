"""A provider's event stream of the Messages API, read into the one alphabet of streams.

The event's `type` decides; `event:` lines say the same again and are not needed. An answer is complete once its
`stop_reason` is known: a stream that ends between `message_delta` and `message_stop` lost nothing.
"""

import msgspec

from omniroute.dialects.anthropic.errors import decode_error_body
from omniroute.dialects.anthropic.response import decode_answer_block, said
from omniroute.dialects.anthropic.usage import decode_finish, decode_usage, merge
from omniroute.dialects.anthropic.wire import NAME, without
from omniroute.dialects.failures import cut_short
from omniroute.dialects.look import as_object, as_text
from omniroute.dialects.objects import read_object
from omniroute.dialects.sse import Framer
from omniroute.errors import InvalidRequest
from omniroute.ir.events import (
    ArgumentsDelta,
    CitationDelta,
    Event,
    Failed,
    Finished,
    Opaque,
    PartClosed,
    PartOpened,
    Ping,
    ReasoningDelta,
    Started,
    TextDelta,
    UsageReported,
)
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject, JsonValue, RawJson
from omniroute.ir.parts import AnyPart, Reasoning, Text, ToolCall

_ENVELOPE = ("id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage")


class _Open(msgspec.Struct):
    """A block that is open: its part, and an input that came whole at its start."""

    index: int
    part: AnyPart
    input: JsonObject | None = None


class AnthropicStreamDecoder:
    def __init__(self) -> None:
        self._framer = Framer()
        self._open: dict[int, _Open] = {}
        self._next = 0
        self._started = False
        self._done = False
        self._called = False
        self._usage: JsonObject = {}
        self._stop_reason: JsonValue = None
        self._stop_sequence: JsonValue = None

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
        if self._done:
            return events
        if self._stop_reason is not None:
            self._finish(events)
        else:
            self._fail(cut_short(), events)
        return events

    def _read(self, payload: bytes, events: list[Event]) -> None:
        if self._done or not payload:
            return
        data = read_object(payload)
        if data is None:
            # One unreadable line is no reason to give up an answer; a missing end is noticed anyway.
            return
        match data.get("type"):
            case "content_block_delta":
                self._delta(data, events)
            case "content_block_start":
                self._block(data, events)
            case "content_block_stop":
                self._stop_block(data.get("index"), events)
            case "message_start":
                self._start(data, events)
            case "message_delta":
                self._message_delta(data, events)
            case "message_stop":
                self._finish(events)
            case "ping":
                self._begin(events)
                events.append(Ping())
            case "error":
                self._fail(decode_error_body(data), events)
            case _ if as_object(data.get("error")) is not None:
                self._fail(decode_error_body(data), events)
            case _:
                self._opaque(data, events)

    def _start(self, data: JsonObject, events: list[Event]) -> None:
        message = as_object(data.get("message")) or {}
        if not self._started:
            self._started = True
            events.append(
                Started(
                    id=as_text(message.get("id")) or "",
                    model=as_text(message.get("model")) or "",
                    origin=NAME,
                    extra=said(without(message, *_ENVELOPE)),
                )
            )
        self._report(message.get("usage"), events)

    def _begin(self, events: list[Event]) -> None:
        """Everything but a failure comes after `Started`, even when the provider forgot to send it."""
        if not self._started:
            self._started = True
            events.append(Started(id="", model="", origin=NAME))

    def _report(self, usage: JsonValue, events: list[Event]) -> None:
        news = as_object(usage)
        if news:
            self._usage = merge(self._usage, news)
            events.append(UsageReported(usage=decode_usage(self._usage)))

    def _block(self, data: JsonObject, events: list[Event]) -> None:
        self._begin(events)
        wire = data.get("index")
        block = as_object(data.get("content_block"))
        if not isinstance(wire, int) or block is None:
            return self._opaque(data, events)
        whole_input: JsonObject | None = None
        match block.get("type"):
            case "text" | "thinking" as kind:
                field = "text" if kind == "text" else "thinking"
                block = {**block, field: block.get(field) or ""}
            case "tool_use" | "server_tool_use" | "mcp_tool_use":
                whole_input = as_object(block.get("input")) or None
                block = {**block, "input": None}
            case _:
                pass
        try:
            part = decode_answer_block(block, "content_block")
        except InvalidRequest as broken:
            message = f"the provider's stream cannot be read: {broken.message}"
            return self._fail(Failure(kind="protocol", status=502, message=message), events)
        if isinstance(part, ToolCall):
            part = msgspec.structs.replace(part, arguments=RawJson(""))
            self._called = self._called or part.executor == "client"
        self._stop_block(wire, events)
        return self._append(wire, part, whole_input, events)

    def _append(self, wire: int, part: AnyPart, whole_input: JsonObject | None, events: list[Event]) -> None:
        self._open[wire] = _Open(self._next, part, whole_input)
        events.append(PartOpened(index=self._next, shell=part))
        self._next += 1

    def _delta(self, data: JsonObject, events: list[Event]) -> None:
        delta = as_object(data.get("delta")) or {}
        wire = data.get("index")
        kind = delta.get("type")
        block = self._open.get(wire) if isinstance(wire, int) else None
        if block is None:
            if kind != "text_delta" or not isinstance(wire, int):
                return self._opaque(data, events)
            self._begin(events)
            self._append(wire, Text(text="", origin=NAME), None, events)
            block = self._open[wire]
        event = _meaning(kind, delta, block)
        if event is not None:
            events.append(event)
        elif kind not in _DELTAS:
            self._opaque(data, events)
        return None

    def _stop_block(self, wire: JsonValue, events: list[Event]) -> None:
        block = self._open.pop(wire, None) if isinstance(wire, int) else None
        if block is None:
            return
        if block.input is not None:
            fragment = msgspec.json.encode(block.input).decode()
            events.append(ArgumentsDelta(index=block.index, fragment=fragment))
        events.append(PartClosed(index=block.index))

    def _message_delta(self, data: JsonObject, events: list[Event]) -> None:
        self._begin(events)
        delta = as_object(data.get("delta")) or {}
        if delta.get("stop_reason") is not None:
            self._stop_reason = delta["stop_reason"]
        if delta.get("stop_sequence") is not None:
            self._stop_sequence = delta["stop_sequence"]
        self._report(data.get("usage"), events)

    def _opaque(self, data: JsonObject, events: list[Event]) -> None:
        self._begin(events)
        events.append(Opaque(origin=NAME, data=data))

    def _finish(self, events: list[Event]) -> None:
        self._begin(events)
        self._close_all(events)
        finish = decode_finish(self._stop_reason, self._stop_sequence, called=self._called)
        events.append(Finished(finish=finish))
        self._done = True

    def _fail(self, failure: Failure, events: list[Event]) -> None:
        self._close_all(events)
        events.append(Failed(failure=failure))
        self._done = True

    def _close_all(self, events: list[Event]) -> None:
        for wire in list(self._open):
            self._stop_block(wire, events)


_DELTAS = ("text_delta", "thinking_delta", "signature_delta", "input_json_delta", "citations_delta")


def _meaning(kind: JsonValue, delta: JsonObject, block: _Open) -> Event | None:
    """The event for a delta that fits its block; None for an empty or a misplaced one."""
    part = block.part
    match kind:
        case "text_delta" if isinstance(part, Text):
            text = as_text(delta.get("text"))
            return TextDelta(index=block.index, text=text) if text else None
        case "input_json_delta" if isinstance(part, ToolCall):
            fragment = as_text(delta.get("partial_json"))
            if not fragment:
                return None
            block.input = None
            return ArgumentsDelta(index=block.index, fragment=fragment)
        case "thinking_delta" if isinstance(part, Reasoning):
            text = as_text(delta.get("thinking"))
            return ReasoningDelta(index=block.index, text=text) if text else None
        case "signature_delta" if isinstance(part, Reasoning):
            seal = as_text(delta.get("signature"))
            return ReasoningDelta(index=block.index, seal=seal) if seal else None
        case "citations_delta" if isinstance(part, Text):
            citation = as_object(delta.get("citation"))
            return CitationDelta(index=block.index, citation=citation) if citation is not None else None
        case _:
            return None
