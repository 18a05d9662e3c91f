"""Streams and whole answers are the same thing: `fold` makes a response of events, `unfold` undoes it.

Law: `fold(unfold(response)) == response`. `fold` ignores `Ping` and `Opaque`, and whatever comes after the
terminal event. `Failed` may come before `Started`; everything else may not.
"""

from collections.abc import Iterable
from typing import TypeAlias

import msgspec

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
from omniroute.ir.json import JsonObject, RawJson
from omniroute.ir.parts import AnyPart, Reasoning, Refusal, Text, ToolCall
from omniroute.ir.result import Finish, GenerateResponse, Usage

Outcome: TypeAlias = GenerateResponse | Failure


def fold(events: Iterable[Event]) -> Outcome:
    """What a stream amounts to. A stream without a terminal event is a `Failure` of kind `cut`."""
    folder = Folder()
    for event in events:
        folder.feed(event)
    return folder.result()


def unfold(response: GenerateResponse) -> list[Event]:
    """The shortest stream that folds back to `response`: each part opened, filled at once and closed."""
    events: list[Event] = [
        Started(id=response.id, model=response.model, origin=response.origin, extra=response.extra)
    ]
    for index, part in enumerate(response.parts):
        shell, deltas = _split(index, part)
        events.append(PartOpened(index=index, shell=shell))
        events.extend(deltas)
        events.append(PartClosed(index=index))
    if response.usage is not None:
        events.append(UsageReported(usage=response.usage))
    events.append(Finished(finish=response.finish))
    return events


class Folder:
    """`fold`, one event at a time, for a stream that is also passed on."""

    __slots__ = ("_failure", "_finish", "_growing", "_started", "_usage")

    def __init__(self) -> None:
        self._started: Started | None = None
        self._growing: list[_Growing] = []
        self._usage: Usage | None = None
        self._finish: Finish | None = None
        self._failure: Failure | None = None

    @property
    def usage(self) -> Usage | None:
        """The last usage reported, also of a stream that failed later."""
        return self._usage

    def feed(self, event: Event) -> None:
        """Raises `ValueError` for events no decoder may produce, such as a delta of a part that is not open."""
        if self._finish is not None or self._failure is not None:
            return
        match event:
            case TextDelta(index=index, text=text) | ReasoningDelta(index=index, text=text, seal=None):
                self._part(index).pieces.append(text)
            case ArgumentsDelta(index=index, fragment=fragment):
                self._part(index).pieces.append(fragment)
            case ReasoningDelta(index=index, text=text, seal=seal):
                part = self._part(index)
                part.pieces.append(text)
                part.seal = seal
            case CitationDelta(index=index, citation=citation):
                self._part(index).citations.append(citation)
            case PartOpened(index=index, shell=shell):
                if index != len(self._growing):
                    raise ValueError(f"part {index} was opened, but the next part is {len(self._growing)}")
                self._growing.append(_Growing(shell))
            case PartClosed(index=index):
                self._part(index).open = False
            case UsageReported(usage=usage):
                self._usage = usage
            case Finished(finish=finish):
                self._finish = finish
            case Failed(failure=failure):
                self._failure = failure
            case Started():
                self._started = event
            case Ping() | Opaque():
                pass

    def result(self) -> Outcome:
        if self._failure is not None:
            return self._failure
        if self._finish is None:
            return Failure(kind="cut", status=502, message="the provider's stream ended before it was complete")
        started = self._started
        if started is None:
            raise ValueError("the stream finished without having started")
        return GenerateResponse(
            id=started.id,
            model=started.model,
            parts=tuple(growing.grown() for growing in self._growing),
            finish=self._finish,
            usage=self._usage,
            origin=started.origin,
            extra=started.extra,
        )

    def _part(self, index: int) -> "_Growing":
        if not 0 <= index < len(self._growing) or not self._growing[index].open:
            raise ValueError(f"part {index} is not open")
        return self._growing[index]


class _Growing:
    __slots__ = ("citations", "open", "pieces", "seal", "shell")

    def __init__(self, shell: AnyPart) -> None:
        self.shell = shell
        self.open = True
        self.pieces: list[str] = []
        self.citations: list[JsonObject] = []
        self.seal: str | None = None

    def grown(self) -> AnyPart:
        changes: dict[str, object] = {}
        grown = "".join(self.pieces)
        match self.shell:
            case Text(text=text, citations=citations):
                if self.citations:
                    changes["citations"] = (*citations, *self.citations)
                if grown:
                    changes["text"] = text + grown
            case Refusal(text=text) | Reasoning(text=text):
                if grown:
                    changes["text"] = text + grown
            case ToolCall(arguments=arguments):
                if grown:
                    changes["arguments"] = RawJson(arguments + grown)
            case _:
                pass
        if self.seal is not None:
            changes["seal"] = self.seal
        return msgspec.structs.replace(self.shell, **changes) if changes else self.shell


def _split(index: int, part: AnyPart) -> tuple[AnyPart, list[Event]]:
    match part:
        case Text(text=text, citations=citations):
            deltas: list[Event] = [TextDelta(index=index, text=text)] if text else []
            deltas.extend(CitationDelta(index=index, citation=citation) for citation in citations)
            return msgspec.structs.replace(part, text="", citations=()), deltas
        case Refusal(text=text):
            return msgspec.structs.replace(part, text=""), [TextDelta(index=index, text=text)] if text else []
        case Reasoning(redacted=False, text=text, seal=seal):
            deltas = [ReasoningDelta(index=index, text=text)] if text else []
            if seal is not None:
                deltas.append(ReasoningDelta(index=index, seal=seal))
            return msgspec.structs.replace(part, text="", seal=None), deltas
        case ToolCall(arguments=arguments):
            shell = msgspec.structs.replace(part, arguments=RawJson(""))
            return shell, [ArgumentsDelta(index=index, fragment=arguments)] if arguments else []
        case _:
            return part, []
