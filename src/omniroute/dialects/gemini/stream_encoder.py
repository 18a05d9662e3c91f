"""The one alphabet of streams as Gemini chunks.

Every chunk is a whole answer. A tool call is written once it is complete; the last chunk has the finish reason and
the usage, together with the last calls when nothing came behind them. A sealed part of this dialect is held until
it is closed, since text and seal share one wire part.
"""

from typing import Literal, Protocol, TypeAlias

import msgspec

from omniroute.dialects.base import Context
from omniroute.dialects.failures import cut_short
from omniroute.dialects.gemini.errors import error_body
from omniroute.dialects.gemini.response import encode_answer_part, is_blocked, put_id
from omniroute.dialects.gemini.usage import encode_finish, encode_usage
from omniroute.dialects.gemini.wire import NAME
from omniroute.dialects.look import as_object
from omniroute.dialects.losses import Losses
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
from omniroute.ir.parts import AnyPart, Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.result import Finish, Usage

_json = msgspec.json.Encoder().encode

_WORDS = b'{"candidates":[{"content":{"parts":[{"text":'
_TEXT = b'}],"role":"model"},"index":0}]'
_THOUGHT = b',"thought":true}],"role":"model"},"index":0}]'

Flow: TypeAlias = Literal["live", "held", "silent"]


class Writer(Protocol):
    """Payloads to the bytes of a stream, and what ends it."""

    def write(self, payload: bytes) -> bytes: ...

    def end(self) -> bytes: ...


class _Part(msgspec.Struct):
    """A part on its way. A `live` one is written delta by delta, a `held` one when it is closed."""

    shell: AnyPart
    flow: Flow
    text: list[str] = []
    seal: str | None = None
    closed: bool = False


class GeminiStreamEncoder:
    def __init__(self, context: Context, writer: Writer) -> None:
        self._context = context
        self._writer = writer
        self._started: Started | None = None
        self._tail = b""
        self._parts: dict[int, _Part] = {}
        self._ready: list[JsonObject] = []
        self._about: JsonObject = {}
        self._usage: Usage | None = None
        self._calls = 0
        self._spoke = False
        self._refused = False
        self._done = False

    def send(self, event: Event) -> bytes:
        if self._done:
            return b""
        match event:
            case TextDelta(index=index, text=text):
                return self._add(index, text)
            case ReasoningDelta(index=index, text=text, seal=seal):
                if seal is not None:
                    self._parts[index].seal = seal
                return self._add(index, text)
            case ArgumentsDelta(index=index, fragment=fragment):
                return self._add(index, fragment)
            case PartOpened(index=index, shell=shell):
                return self._enter(index, shell)
            case PartClosed(index=index):
                return self._leave(self._parts[index])
            case UsageReported(usage=usage):
                self._usage = usage
                return b""
            case Started():
                self._started = event
                return b""
            case Opaque(origin=origin, data=data):
                if origin == NAME:
                    self._about.update(data)
                    return self._flush() + self._chunk(data)
                return b""
            case CitationDelta() | Ping():
                # Neither has a word here, and a comment would break the client.
                return b""
            case Failed(failure=failure):
                return self._fail(failure)
            case Finished(finish=finish):
                return self._finish(finish)

    def close(self) -> bytes:
        return b"" if self._done else self._fail(cut_short())

    @property
    def _native(self) -> bool:
        return self._started is not None and self._started.origin == NAME

    def _enter(self, index: int, shell: AnyPart) -> bytes:
        part = self._parts[index] = _Part(shell, _flow(shell))
        self._refused = self._refused or isinstance(shell, Refusal)
        match shell:
            case ToolCall(arguments=first):
                return self._add(index, first)
            case Text(text=first) | Refusal(text=first):
                return self._add(index, first)
            case Reasoning(text=first, summary=summary):
                part.seal = shell.seal
                return self._add(index, first or "\n\n".join(summary))
            case Media() | Unknown() | ToolResult():
                return b""

    def _add(self, index: int, piece: str) -> bytes:
        part = self._parts[index]
        if part.flow == "held":
            part.text.append(piece)
        elif part.flow == "live" and piece:
            return self._flush() + self._said(piece, _THOUGHT if isinstance(part.shell, Reasoning) else _TEXT)
        return b""

    def _leave(self, part: _Part) -> bytes:
        if part.closed:
            return b""
        part.closed = True
        wire = self._whole(part) if part.flow == "held" else None
        if wire is None:
            return b""
        if isinstance(part.shell, ToolCall):
            # Held until it is known what follows: the last calls share the chunk of the finish reason.
            self._ready.append(wire)
            return b""
        return self._flush() + self._content([wire])

    def _whole(self, part: _Part) -> JsonObject | None:
        text = "".join(part.text)
        match part.shell:
            case ToolCall() as call:
                whole = msgspec.structs.replace(call, arguments=RawJson(text))
                wire = encode_answer_part(whole, "", Losses())
                if wire is not None:
                    put_id(wire, call, self._context, self._calls)
                    self._calls += 1
                return wire
            case Text() as said:
                return encode_answer_part(msgspec.structs.replace(said, text=text), "", Losses())
            case Reasoning() as thought:
                whole_thought = msgspec.structs.replace(thought, text=text, summary=(), seal=part.seal)
                return encode_answer_part(whole_thought, "", Losses())
            case _:
                return encode_answer_part(part.shell, "", Losses())

    def _flush(self) -> bytes:
        """The calls that were held, in a chunk of their own."""
        if not self._ready:
            return b""
        ready, self._ready = self._ready, []
        return self._content(ready)

    def _said(self, piece: str, rest: bytes) -> bytes:
        """A chunk of nothing but words, which is what a stream is made of: only they are encoded anew."""
        self._spoke = True
        return self._writer.write(b"%b%b%b%b" % (_WORDS, _json(piece), rest, self._tail or self._named()))

    def _content(self, parts: list[JsonObject]) -> bytes:
        self._spoke = True
        return self._chunk({"candidates": [{"content": {"parts": parts, "role": "model"}, "index": 0}]})

    def _chunk(self, fields: JsonObject) -> bytes:
        return self._writer.write(_json(fields)[:-1] + (self._tail or self._named()))

    def _named(self) -> bytes:
        """What every chunk ends with."""
        named = {
            "modelVersion": self._context.model,
            "responseId": (self._started.id if self._started else "") or self._context.token,
        }
        self._tail = b"," + _json(named)[1:]
        return self._tail

    def _finish(self, finish: Finish) -> bytes:
        written = b"".join([self._leave(part) for part in self._parts.values()])
        self._done = True
        fields: JsonObject = {}
        if self._spoke or self._ready or not is_blocked(finish, self._about):
            candidate: JsonObject = {
                "content": {"parts": self._ready or [{"text": ""}], "role": "model"},
                "finishReason": encode_finish(finish, refused=self._refused, native=self._native),
                "index": 0,
            }
            fields["candidates"] = [candidate]
        usage = self._usage or Usage(input=self._context.input_tokens)
        fields["usageMetadata"] = encode_usage(usage, native=self._native)
        return written + self._chunk(fields) + self._writer.end()

    def _fail(self, failure: Failure) -> bytes:
        written = self._flush()
        self._done = True
        body = _json(error_body(failure, self._context.request_id))
        return written + self._writer.write(body) + self._writer.end()


def _flow(shell: AnyPart) -> Flow:
    native = shell.origin == NAME
    match shell:
        case Text():
            return "held" if native and (shell.seal is not None or shell.extra is not None) else "live"
        case Refusal():
            return "live"
        case Reasoning():
            # Of this dialect: its seal comes behind its text, and both belong into one part.
            return "held" if native else "live"
        case ToolCall(executor="client", name=name):
            return "held" if name else "silent"
        case Media():
            return "held"
        case Unknown():
            return "held" if as_object(shell.data) is not None and native else "silent"
        case ToolCall() | ToolResult():
            return "silent"
