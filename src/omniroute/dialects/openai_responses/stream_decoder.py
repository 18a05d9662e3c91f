"""A provider's event stream of the Responses API, read into the one alphabet of streams.

The event's `type` decides; `event:` lines say the same again and are not needed. The output index tells the items
apart. An answer is complete with one of `response.completed` and `response.incomplete` only: a stream that just
ends was cut, whatever it said before.
"""

from omniroute.dialects.failures import cut_short
from omniroute.dialects.look import as_count, as_object, as_text, objects_in
from omniroute.dialects.objects import read_object
from omniroute.dialects.openai_failures import reported
from omniroute.dialects.openai_responses.finish import decode_finish
from omniroute.dialects.openai_responses.heard import (
    Heard,
    HeardCall,
    HeardMessage,
    HeardReasoning,
    HeardWhole,
    Numbers,
)
from omniroute.dialects.openai_responses.response import answer_extra, failure_in
from omniroute.dialects.openai_responses.usage import decode_usage
from omniroute.dialects.openai_responses.wire import NAME
from omniroute.dialects.sse import Framer
from omniroute.ir.events import Event, Failed, Finished, Opaque, Ping, Started, UsageReported
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.parts import Refusal, Text

_REPEATING = frozenset(
    {
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_part.done",
        "response.reasoning_summary_text.done",
        "response.reasoning_text.done",
    }
)
"""Events that say nothing which no other event says."""

_FAMILIES = {"message": "message", "reasoning": "reasoning", "function_call": "call", "custom_tool_call": "call"}


class ResponsesStreamDecoder:
    def __init__(self) -> None:
        self._framer = Framer()
        self._numbers = Numbers()
        self._items: dict[tuple[int, str], Heard] = {}
        self._latest = 0
        self._started = False
        self._ended = False
        self._called = False

    def feed(self, chunk: bytes) -> list[Event]:
        """Raises `UpstreamError(kind="protocol")` for an endless frame."""
        events: list[Event] = []
        for frame in self._framer.feed(chunk):
            self._read(frame.event, frame.data, events)
        return events

    def close(self) -> list[Event]:
        events: list[Event] = []
        for frame in self._framer.close():
            self._read(frame.event, frame.data, events)
        if not self._ended:
            self._fail(cut_short(), events)
        return events

    def _read(self, name: bytes, payload: bytes, events: list[Event]) -> None:
        if self._ended or not payload:
            return
        data = read_object(payload)
        if data is None:
            # One unreadable line is no reason to give up an answer; a missing end is noticed anyway.
            return
        kind = as_text(data.get("type")) or ""
        match kind:
            case "response.output_text.delta":
                self._say(data, Text, as_text(data.get("delta")), events)
            case "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta":
                self._arguments(data, as_text(data.get("delta")), events)
            case "response.reasoning_summary_text.delta":
                self._think(data, ("summary", data.get("summary_index")), events)
            case "response.reasoning_text.delta" | "response.reasoning_content_text.delta":
                self._think(data, ("content", data.get("content_index")), events)
            case "response.refusal.delta":
                self._say(data, Refusal, as_text(data.get("delta")), events)
            case "response.output_item.added":
                self._added(data, events)
            case "response.output_item.done":
                self._done(data, events)
            case "response.completed" | "response.incomplete" | "response.done":
                self._finish(kind, as_object(data.get("response")) or {}, events)
            case "response.failed" | "response.cancelled":
                response = as_object(data.get("response")) or data
                self._fail(reported(response), events, response)
            case "error":
                self._fail(reported(data), events)
            case "keepalive" | "ping":
                self._begin({}, events)
                events.append(Ping())
            case "response.created":
                self._begin(as_object(data.get("response")) or {}, events)
            case _ if name == b"keepalive":
                return
            case _:
                self._lesser(kind, data, events)

    def _lesser(self, kind: str, data: JsonObject, events: list[Event]) -> None:
        """Events that repeat what deltas said, or that nobody here knows."""
        match kind:
            case "response.content_part.added":
                self._announced(data, events)
            case "response.content_part.done":
                element = as_object(data.get("part")) or {}
                message = None if element.get("type") == "reasoning_text" else self._message(data, events)
                if message is not None:
                    message.element_done(_content_index(data), element, events)
            case "response.output_text.done":
                self._say_whole(data, Text, as_text(data.get("text")), events)
            case "response.refusal.done":
                self._say_whole(data, Refusal, as_text(data.get("refusal")), events)
            case "response.output_text.annotation.added":
                annotation, message = as_object(data.get("annotation")), self._message(data, events)
                if annotation is not None and message is not None:
                    message.cite(_content_index(data), annotation, events)
            case "response.function_call_arguments.done":
                self._arguments(data, as_text(data.get("arguments")), events, whole=True)
            case "response.custom_tool_call_input.done":
                self._arguments(data, as_text(data.get("input")), events, whole=True)
            case "response.in_progress" | "response.queued":
                self._begin(as_object(data.get("response")) or {}, events)
            case _ if kind in _REPEATING:
                return
            case _ if as_object(data.get("error")) is not None:
                self._fail(reported(data), events)
            case _:
                self._begin({}, events)
                events.append(Opaque(origin=NAME, data=data))

    def _begin(self, response: JsonObject, events: list[Event]) -> None:
        """Everything but a failure comes after `Started`, even when the provider forgot to say so."""
        if not self._started:
            self._started = True
            events.append(
                Started(
                    id=as_text(response.get("id")) or "",
                    model=as_text(response.get("model")) or "",
                    origin=NAME,
                    extra=answer_extra(response),
                )
            )

    def _added(self, data: JsonObject, events: list[Event]) -> None:
        self._begin({}, events)
        item = as_object(data.get("item"))
        if item is None:
            return
        key = self._key(data, item)
        known = self._items.get(key)
        if known is None:
            self._items[key] = self._new(item, events)
        elif isinstance(known, HeardCall) and known.call_id not in (None, item.get("call_id")):
            # Some servers number every call alike.
            known.settle(events)
            self._items[key] = self._new(item, events)

    def _done(self, data: JsonObject, events: list[Event]) -> None:
        self._begin({}, events)
        item = as_object(data.get("item"))
        if item is None:
            return
        key = self._key(data, item)
        heard = self._items.get(key)
        if heard is None:
            heard = self._items[key] = self._new(item, events)
        self._end_item(heard, item, events)

    def _end_item(self, heard: Heard, item: JsonObject, events: list[Event]) -> None:
        heard.done(item, events)
        self._called = self._called or (isinstance(heard, HeardCall) and heard.called)

    def _new(self, item: JsonObject, events: list[Event]) -> Heard:
        match item.get("type"):
            case "message":
                return HeardMessage(item, self._numbers)
            case "reasoning":
                return HeardReasoning(self._numbers)
            case "function_call" | "custom_tool_call":
                return HeardCall(item, self._numbers, events)
            case _:
                return HeardWhole(self._numbers)

    def _announced(self, data: JsonObject, events: list[Event]) -> None:
        element = as_object(data.get("part")) or {}
        if element.get("type") in ("output_text", "refusal"):
            message = self._message(data, events)
            if message is not None:
                message.announced(_content_index(data), element)

    def _say(self, data: JsonObject, kind: type[Text | Refusal], text: str | None, events: list[Event]) -> None:
        message = self._message(data, events) if text else None
        if message is not None and text:
            message.speak(_content_index(data), kind, text, events)

    def _say_whole(
        self, data: JsonObject, kind: type[Text | Refusal], text: str | None, events: list[Event]
    ) -> None:
        message = self._message(data, events) if text else None
        if message is not None and text:
            message.speak_whole(_content_index(data), kind, text, events)

    def _think(self, data: JsonObject, place: tuple[str, JsonValue], events: list[Event]) -> None:
        text = as_text(data.get("delta"))
        heard = self._item(data, "reasoning", events) if text else None
        if isinstance(heard, HeardReasoning) and text:
            heard.think((place[0], as_count(place[1]) or 0), text, events)

    def _arguments(self, data: JsonObject, text: str | None, events: list[Event], *, whole: bool = False) -> None:
        custom = "custom" in (as_text(data.get("type")) or "")
        heard = self._item(data, "custom_tool_call" if custom else "function_call", events)
        if isinstance(heard, HeardCall) and text:
            if whole:
                heard.whole(text, events)
            else:
                heard.fragment(text, events)

    def _message(self, data: JsonObject, events: list[Event]) -> HeardMessage | None:
        heard = self._item(data, "message", events)
        return heard if isinstance(heard, HeardMessage) else None

    def _item(self, data: JsonObject, kind: str, events: list[Event]) -> Heard:
        """The item that an event is about, also one that was never announced."""
        number = data.get("output_index")
        if type(number) is int:
            known = self._items.get((number, _FAMILIES[kind]))
            if known is not None:
                self._latest = number
                return known
        self._begin({}, events)
        key = self._key(data, {"type": kind})
        heard = self._items.get(key)
        if heard is None:
            heard = self._items[key] = self._new({"type": kind}, events)
        return heard

    def _key(self, data: JsonObject, item: JsonObject) -> tuple[int, str]:
        """Items are told apart by their number and kind: some servers give every kind the number 0. Their ids will
        not do, because one vendor changes them from event to event."""
        number = as_count(data.get("output_index"))
        if number is not None:
            self._latest = number
        kind = as_text(item.get("type")) or ""
        return self._latest, _FAMILIES.get(kind, kind)

    def _finish(self, kind: str, response: JsonObject, events: list[Event]) -> None:
        if failure_in(response) is not None:
            self._fail(reported(response), events, response)
            return
        self._begin(response, events)
        self._make_up(objects_in(response.get("output")), events)
        self._settle(response, events)
        if kind == "response.incomplete":
            response = {**response, "status": "incomplete"}
        events.append(Finished(finish=decode_finish(response, called=self._called)))
        self._ended = True

    def _make_up(self, output: list[JsonObject], events: list[Event]) -> None:
        """Items that stand in the last event: those that are still open, and those of a kind that never came."""
        heard_kinds = {kind for _, kind in self._items}
        for number, item in enumerate(output):
            key = self._key({"output_index": number}, item)
            heard = self._items.get(key)
            if heard is None and key[1] not in heard_kinds:
                heard = self._items[key] = self._new(item, events)
            if heard is not None:
                self._end_item(heard, item, events)

    def _fail(self, failure: Failure, events: list[Event], response: JsonObject | None = None) -> None:
        self._settle(response, events)
        events.append(Failed(failure=failure))
        self._ended = True

    def _settle(self, response: JsonObject | None, events: list[Event]) -> None:
        for heard in self._items.values():
            heard.settle(events)
            self._called = self._called or (isinstance(heard, HeardCall) and heard.called)
        usage = None if response is None else as_object(response.get("usage"))
        if response is not None and usage is not None:
            events.append(UsageReported(usage=decode_usage(usage, response.get("service_tier"))))


def _content_index(data: JsonObject) -> int:
    return as_count(data.get("content_index")) or 0
