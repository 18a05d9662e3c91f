"""Streams of the chat dialect: chunks to events.

The terminal event waits for `[DONE]` or the end of the bytes, because usage may come after the finish reason. One
part for text, thinking or refusal is open at a time; tool calls stay open to the end, because servers send the
arguments of parallel calls in turns. A call is a new one when its index is new, or when a new id appears at an old
index (some servers number every call 0).
"""

from omniroute.dialects.failures import cut_short
from omniroute.dialects.look import as_array, as_count, as_object, as_text, objects_in
from omniroute.dialects.objects import rest_of
from omniroute.dialects.openai_chat.content import decode_element, raw_arguments, reasoning_text
from omniroute.dialects.openai_chat.details import MEMBER, grown, seal_of
from omniroute.dialects.openai_chat.finish import decode_finish
from omniroute.dialects.openai_chat.response import mistral_thinking, parse
from omniroute.dialects.openai_chat.usage import decode_usage, later
from omniroute.dialects.openai_chat.wire import NAME
from omniroute.dialects.openai_chat.words import words_alone
from omniroute.dialects.openai_failures import failure_in_answer
from omniroute.dialects.sse import DONE, Framer
from omniroute.errors import InvalidRequest, UpstreamError
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
from omniroute.ir.parts import AnyPart, Reasoning, Refusal, Text, ToolCall
from omniroute.ir.result import Usage

_CHUNK = ("id", "object", "created", "model", "choices", "usage", "obfuscation", "nonce")


class _Call:
    """A call on its way. It is opened when its name is known; until then its arguments are held."""

    __slots__ = ("arguments", "call_id", "index", "name")

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        self.name = ""
        self.index = -1
        self.arguments = ""


class ChatStreamDecoder:
    def __init__(self) -> None:
        self._framer = Framer()
        self._answer_id = ""
        self._started = False
        self._ended = False
        self._parts = 0
        self._open: list[int] = []
        self._narrative: type[AnyPart] | None = None
        self._narrative_index = -1
        self._calls: dict[int, _Call] = {}
        self._called = False
        self._current_slot = 0
        self._slots = 0
        self._finish_reason: str | None = None
        self._usage: Usage | None = None
        self._details: list[JsonObject] = []

    def feed(self, chunk: bytes) -> list[Event]:
        events: list[Event] = []
        for frame in self._framer.feed(chunk):
            self._payload(frame.data, events)
        return events

    def close(self) -> list[Event]:
        events: list[Event] = []
        for frame in self._framer.close():
            self._payload(frame.data, events)
        if not self._ended:
            self._end(events, done=False)
        return events

    def _payload(self, data: bytes, events: list[Event]) -> None:
        if self._ended or not data:
            return
        if self._narrative is Text and (words := words_alone(data)) is not None:
            events.append(TextDelta(index=self._narrative_index, text=words))
            return
        if not data.startswith(b"{") and data.strip() == DONE:
            self._end(events, done=True)
            return
        try:
            chunk = parse(data)
        except UpstreamError:
            return
        failure = failure_in_answer(chunk)
        if failure is not None:
            self._fail(failure, events)
        else:
            self._chunk(chunk, events)

    def _chunk(self, chunk: JsonObject, events: list[Event]) -> None:
        usage = as_object(chunk.get("usage"))
        if usage is not None:
            self._usage = later(self._usage, decode_usage(usage, chunk.get("service_tier")))
        for said in as_array(chunk.get("choices")) or ():
            choice = as_object(said)
            if choice is None:
                continue
            if not self._started:
                self._start(chunk, events)
            # More than one choice is refused before translation, so another index is not ours to tell.
            if not choice.get("index"):
                self._choice(choice, events)

    def _start(self, chunk: JsonObject, events: list[Event]) -> None:
        self._started = True
        self._answer_id = as_text(chunk.get("id")) or ""
        extra = {name: value for name, value in (rest_of(chunk, _CHUNK) or {}).items() if value is not None}
        model = as_text(chunk.get("model")) or ""
        events.append(Started(id=self._answer_id, model=model, origin=NAME, extra=extra or None))

    def _choice(self, choice: JsonObject, events: list[Event]) -> None:
        delta = as_object(choice.get("delta")) or as_object(choice.get("message")) or {}
        said = {name: value for name, value in delta.items() if value}
        content = said.get("content")
        if len(said) == 1 and isinstance(content, str):
            self._say(Text, content, events)
        elif said:
            self._delta(said, events)
        logprobs = choice.get("logprobs")
        if logprobs is not None:
            events.append(Opaque(origin=NAME, data={"logprobs": logprobs}))
        finish_reason = choice.get("finish_reason")
        if finish_reason and self._finish_reason is None:
            self._finish_reason = as_text(finish_reason)

    def _delta(self, delta: JsonObject, events: list[Event]) -> None:
        thought = reasoning_text(delta)
        details = objects_in(delta.get(MEMBER))
        if thought or seal_of(details):
            self._say(Reasoning, thought or "", events)
        self._details = grown(self._details, details)
        content = delta.get("content")
        if isinstance(content, str):
            if content:
                self._say(Text, content, events)
        else:
            for element in as_array(content) or ():
                self._element(element, events)
        refusal = as_text(delta.get("refusal"))
        if refusal:
            self._say(Refusal, refusal, events)
        for image in as_array(delta.get("images")) or ():
            self._element(image, events)
        if delta.get("annotations"):
            self._cite(delta, events)
        for call in objects_in(delta.get("tool_calls")):
            self._tool_call(call, events)
        legacy = as_object(delta.get("function_call"))
        if legacy is not None:
            self._tool_call({"index": 0, "function": legacy}, events)

    def _say(self, kind: type[Text | Reasoning | Refusal], text: str, events: list[Event]) -> None:
        if self._narrative is not kind:
            self._hush(events)
            self._narrative = kind
            shell = (
                Reasoning(origin=NAME)
                if kind is Reasoning
                else Text(text="")
                if kind is Text
                else Refusal(text="")
            )
            self._narrative_index = self._opened(shell, events)
        index = self._narrative_index
        if text:
            events.append(
                ReasoningDelta(index=index, text=text) if kind is Reasoning else TextDelta(index=index, text=text)
            )

    def _hush(self, events: list[Event]) -> None:
        """Closes the part of text, thinking or refusal that is open."""
        if self._narrative is not None:
            if self._narrative is Reasoning:
                self._seal(events)
            self._narrative = None
            self._close(self._narrative_index, events)

    def _seal(self, events: list[Event]) -> None:
        """Ends the thinking that is open with the seal that came with it."""
        seal, self._details = seal_of(self._details), []
        if seal is not None:
            events.append(ReasoningDelta(index=self._narrative_index, seal=seal))

    def _element(self, element: JsonValue, events: list[Event]) -> None:
        """An element of a content array: text and thinking in pieces, anything else whole."""
        thinking = mistral_thinking(element)
        if thinking is not None:
            if thinking.text:
                self._say(Reasoning, thinking.text, events)
            return
        try:
            part = decode_element(element, "content")
        except InvalidRequest:
            return
        if isinstance(part, Text | Refusal):
            if part.text:
                self._say(type(part), part.text, events)
        else:
            self._hush(events)
            self._close(self._opened(part, events), events)

    def _cite(self, delta: JsonObject, events: list[Event]) -> None:
        if self._narrative is not Text:
            self._hush(events)
            self._narrative = Text
            self._narrative_index = self._opened(Text(text=""), events)
        for annotation in objects_in(delta.get("annotations")):
            events.append(CitationDelta(index=self._narrative_index, citation=annotation))

    def _tool_call(self, delta: JsonObject, events: list[Event]) -> None:
        function = as_object(delta.get("function")) or {}
        call_id = as_text(delta.get("id")) or ""
        name = as_text(function.get("name"))
        slot = as_count(delta.get("index"))
        call = self._call_of(self._slot_of(call_id, name) if slot is None else slot, call_id)
        if name and call.index < 0:
            call.name = name
        fragment = raw_arguments(function.get("arguments"))
        if call.index < 0:
            call.arguments += fragment
            if call.name:
                self._open_call(call, delta, events)
        elif fragment:
            events.append(ArgumentsDelta(index=call.index, fragment=fragment))

    def _slot_of(self, call_id: str, name: str | None) -> int:
        """Where a call without an index belongs: to its id, to a new slot for a new id or name, or to the last."""
        for slot, call in self._calls.items():
            if call_id and call.call_id == call_id:
                return slot
        return self._slots if call_id or name else self._current_slot

    def _call_of(self, slot: int, call_id: str) -> _Call:
        self._current_slot = slot
        self._slots = max(self._slots, slot + 1)
        call = self._calls.get(slot)
        if call is None or (call_id and call.call_id and call_id != call.call_id and call.index >= 0):
            call = self._calls[slot] = _Call(call_id)
        elif call_id and call.index < 0:
            call.call_id = call_id
        return call

    def _open_call(self, call: _Call, delta: JsonObject, events: list[Event]) -> None:
        self._hush(events)
        self._called = True
        extra = rest_of(delta, ("index", "id", "type", "function"))
        shell = ToolCall(
            call_id=call.call_id or f"call_{self._answer_id}_{self._parts}",
            name=call.name,
            arguments=RawJson(""),
            origin=NAME,
            extra=extra,
        )
        call.index = self._opened(shell, events)
        if call.arguments:
            events.append(ArgumentsDelta(index=call.index, fragment=call.arguments))

    def _opened(self, shell: AnyPart, events: list[Event]) -> int:
        index = self._parts
        self._parts += 1
        self._open.append(index)
        events.append(PartOpened(index=index, shell=shell))
        return index

    def _close(self, index: int, events: list[Event]) -> None:
        self._open.remove(index)
        events.append(PartClosed(index=index))

    def _fail(self, failure: Failure, events: list[Event]) -> None:
        self._ended = True
        self._settle(events)
        events.append(Failed(failure=failure))

    def _end(self, events: list[Event], *, done: bool) -> None:
        """`[DONE]`, or the end of the bytes, which is as good once there is a finish reason."""
        if not self._started or not (done or self._finish_reason):
            self._fail(cut_short(), events)
            return
        self._ended = True
        self._settle(events)
        events.append(Finished(finish=decode_finish(self._finish_reason, called=self._called)))

    def _settle(self, events: list[Event]) -> None:
        if self._narrative is Reasoning:
            self._seal(events)
        for index in tuple(self._open):
            self._close(index, events)
        self._narrative = None
        if self._usage is not None:
            events.append(UsageReported(usage=self._usage))
