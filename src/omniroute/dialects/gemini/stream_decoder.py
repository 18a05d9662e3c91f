"""A provider's stream of `streamGenerateContent`, read into the one alphabet of streams.

Every chunk is a whole answer that holds what is new. Text goes on in the part that is open until another kind of
part comes; a part with a seal or unknown fields stands for itself, as it must be sent back the way it came. The
answer is complete once its finish reason is known; the usage may still follow.
"""

import msgspec

from omniroute.dialects.failures import cut_short
from omniroute.dialects.gemini.callids import CallIds, of_answer
from omniroute.dialects.gemini.errors import decode_error_body
from omniroute.dialects.gemini.parts import decode_part
from omniroute.dialects.gemini.response import CANDIDATE, ENVELOPE, candidate_of, is_blank, unwrapped
from omniroute.dialects.gemini.usage import blocked, broken, decode_finish, decode_usage
from omniroute.dialects.gemini.wire import NAME, read_object, without
from omniroute.dialects.gemini.words import words_alone
from omniroute.dialects.look import as_array, as_object, as_text
from omniroute.dialects.sse import Framer
from omniroute.errors import InvalidRequest
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
from omniroute.ir.json import JsonObject, JsonValue, RawJson
from omniroute.ir.parts import AnyPart, Reasoning, Text, ToolCall
from omniroute.ir.result import Finish

_ENVELOPE = frozenset(ENVELOPE)
_CANDIDATE = frozenset(CANDIDATE)


class GeminiStreamDecoder:
    def __init__(self) -> None:
        self._framer = Framer()
        self._ids: CallIds | None = None
        self._open: Text | Reasoning | None = None
        self._next = 0
        self._done = False
        self._called = False
        self._reason: str | None = None
        self._blocked: Finish | None = None

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
        if self._reason is not None or self._blocked is not None:
            self._finish(events)
        else:
            self._fail(cut_short(), events)
        return events

    def _read(self, payload: bytes, events: list[Event]) -> None:
        if self._done or not payload or (type(self._open) is Text and self._on_they_go(payload, events)):
            return
        read = read_object(payload)
        if read is None:
            # One unreadable line is no reason to give up an answer; a missing end is noticed anyway.
            return
        chunk = unwrapped(read)
        if "error" in chunk and as_object(chunk["error"]) is not None:
            self._fail(decode_error_body(chunk), events)
            return
        if self._ids is None:
            self._ids = self._begun(chunk, events)
        candidate = candidate_of(chunk)
        if not (_ENVELOPE.issuperset(chunk) and _CANDIDATE.issuperset(candidate)):
            self._rest(chunk, candidate, events)
        for part in as_array((as_object(candidate.get("content")) or {}).get("parts")) or ():
            if not self._done:
                self._part(part, self._ids, events)
        usage = as_object(chunk.get("usageMetadata"))
        if usage and not self._done:
            events.append(UsageReported(usage=decode_usage(usage)))
        self._end(chunk, candidate, events, counted=bool(usage))

    def _on_they_go(self, payload: bytes, events: list[Event]) -> bool:
        """More words of the text that is open, with the count so far; False where there is more to it."""
        words = words_alone(payload)
        if words is None or self._reason is not None or self._blocked is not None:
            return False
        if words.text:
            events.append(TextDelta(index=self._next - 1, text=words.text))
        if words.usage_metadata:
            events.append(UsageReported(usage=decode_usage(words.usage_metadata)))
        return True

    def _begun(self, chunk: JsonObject, events: list[Event]) -> CallIds:
        given = as_text(chunk.get("responseId")) or ""
        events.append(Started(id=given, model=as_text(chunk.get("modelVersion")) or "", origin=NAME))
        return of_answer(given)

    def _rest(self, chunk: JsonObject, candidate: JsonObject, events: list[Event]) -> None:
        """Whatever else a chunk says, in the shape of a chunk that says nothing but this."""
        rest = without(chunk, *ENVELOPE) or {}
        about = without(candidate, *CANDIDATE)
        if about is not None:
            rest["candidates"] = [{"index": 0, **about}]
        if rest:
            events.append(Opaque(origin=NAME, data=rest))

    def _part(self, value: JsonValue, ids: CallIds, events: list[Event]) -> None:
        try:
            part = decode_part(value, "parts", ids)
        except InvalidRequest as unreadable:
            message = f"the provider's stream cannot be read: {unreadable.message}"
            return self._fail(Failure(kind="protocol", status=502, message=message), events)
        match part:
            case Text() | Reasoning():
                if not is_blank(part):
                    self._say(part, events)
            case ToolCall(arguments=arguments):
                self._called = True
                shell = msgspec.structs.replace(part, arguments=RawJson(""))
                delta = ArgumentsDelta(index=self._whole(shell, events), fragment=arguments)
                events += [delta] if arguments else []
                self._shut(events)
            case _:
                self._whole(part, events)
                self._shut(events)
        return None

    def _say(self, part: Text | Reasoning, events: list[Event]) -> None:
        """Words go on in the open part of their kind; sealed text and unknown fields need a part of their own."""
        apart = part.extra is not None or (isinstance(part, Text) and part.seal is not None)
        if apart or type(self._open) is not type(part):
            self._whole(msgspec.structs.replace(part, text="", **_unsealed(part)), events)
            self._open = part
        index = self._next - 1
        if isinstance(part, Text):
            events += [TextDelta(index=index, text=part.text)] if part.text else []
        else:
            events += [ReasoningDelta(index=index, text=part.text)] if part.text else []
            events += [ReasoningDelta(index=index, seal=part.seal)] if part.seal is not None else []
        if apart or part.seal is not None:
            self._shut(events)

    def _whole(self, shell: AnyPart, events: list[Event]) -> int:
        """Opens a part behind the one that is open."""
        if self._open is not None:
            self._shut(events)
        events.append(PartOpened(index=self._next, shell=shell))
        self._next += 1
        return self._next - 1

    def _shut(self, events: list[Event]) -> None:
        self._open = None
        events.append(PartClosed(index=self._next - 1))

    def _end(self, chunk: JsonObject, candidate: JsonObject, events: list[Event], *, counted: bool) -> None:
        if self._done:
            return
        if "finishReason" in candidate:
            reason = as_text(candidate["finishReason"])
            failure = broken(reason or "", candidate.get("finishMessage"))
            if failure is not None:
                self._fail(failure, events)
                return
            self._reason = self._reason or reason
        if "promptFeedback" in chunk:
            self._blocked = self._blocked or blocked(chunk["promptFeedback"])
        if counted and (self._reason is not None or self._blocked is not None):
            self._finish(events)

    def _finish(self, events: list[Event]) -> None:
        if self._open is not None:
            self._shut(events)
        self._done = True
        if self._blocked is not None and self._reason is None:
            events.append(Finished(finish=self._blocked))
        else:
            events.append(Finished(finish=decode_finish(self._reason or "STOP", called=self._called)))

    def _fail(self, failure: Failure, events: list[Event]) -> None:
        if self._open is not None:
            self._shut(events)
        self._done = True
        events.append(Failed(failure=failure))


def _unsealed(part: Text | Reasoning) -> JsonObject:
    """A thought's seal comes behind its text, in a delta; a text has its seal from the start."""
    return {"seal": None} if isinstance(part, Reasoning) else {}
