"""The one alphabet of streams, written as an event stream of the Messages API.

The wire allows one open block at a time, with dense indices (the SDK fails on a gap), while parts of other
dialects may overlap. A text or a thought is simply cut where another part begins and goes on in a new block; a
tool call cannot be cut, so whatever comes meanwhile waits until it is closed. Texts of another dialect that follow
each other are one block: Gemini seals a piece of a text, and Claude Code takes the last block for the whole
answer.
"""

from typing import Literal, TypeAlias

import msgspec

from omniroute.dialects.anthropic.blocks import encode_block
from omniroute.dialects.anthropic.errors import encode_stream_failure
from omniroute.dialects.anthropic.response import (
    EMPTY_ANSWER,
    flows_on,
    media_link,
    message_id,
    thinking_text,
)
from omniroute.dialects.anthropic.toolids import ToolIds
from omniroute.dialects.anthropic.usage import encode_delta_usage, encode_finish, encode_usage
from omniroute.dialects.anthropic.wire import NAME, Answer
from omniroute.dialects.base import Context
from omniroute.dialects.failures import cut_short
from omniroute.dialects.losses import Losses
from omniroute.dialects.sse import event_frame
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
from omniroute.ir.json import JsonObject, RawJson
from omniroute.ir.parts import AnyPart, Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.result import Finish, Usage

PING = b'event: ping\ndata: {"type": "ping"}\n\n'

_Delta: TypeAlias = TextDelta | ReasoningDelta | ArgumentsDelta | CitationDelta

_json = msgspec.json.Encoder().encode


class _Part(msgspec.Struct):
    """A part on its way. `flow` says how it shares the wire: text and thought can be cut, a tool call and a
    whole block cannot, and what has no block is `silent`."""

    shell: AnyPart
    flow: Literal["text", "thought", "tool", "whole", "silent"]
    native: bool
    opened: bool = False
    closed: bool = False
    spoke: bool = False
    waiting: list[_Delta] = []


class AnthropicStreamEncoder:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._ids = ToolIds(f"toolu_{context.token}")
        self._started: Started | None = None
        self._announced = False
        self._done = False
        self._usage: Usage | None = None
        self._parts: dict[int, _Part] = {}
        self._current: int | None = None
        self._queue: list[int] = []
        self._blocks = 0
        self._called = False
        self._refused = False

    def send(self, event: Event) -> bytes:
        if self._done:
            return b""
        match event:
            case TextDelta() | ReasoningDelta() | ArgumentsDelta() | CitationDelta():
                return self._deliver(event.index, event)
            case PartOpened(index=index, shell=shell):
                return self._announce() + self._enter(index, shell)
            case PartClosed(index=index):
                return self._leave(index)
            case UsageReported(usage=usage):
                self._usage = usage
                return b""
            case Started():
                self._started = event
                return b""
            case Ping():
                return (self._announce() if self._started else b"") + PING
            case Opaque(origin=origin, data=data):
                # A block's own event would carry the provider's index, which need not be ours.
                known = origin == NAME and isinstance(data.get("type"), str) and "index" not in data
                return self._announce() + event_frame(data["type"].encode(), _json(data)) if known else b""
            case Failed(failure=failure):
                self._done = True
                return encode_stream_failure(failure, self._context.request_id)
            case Finished(finish=finish):
                return self._finish(finish)

    def close(self) -> bytes:
        if self._done:
            return b""
        self._done = True
        return encode_stream_failure(cut_short(), self._context.request_id)

    @property
    def _native(self) -> bool:
        return self._started is not None and self._started.origin == NAME

    def _announce(self) -> bytes:
        """`message_start`, held back until something follows, because the usage often comes right behind."""
        if self._announced:
            return b""
        self._announced = True
        usage = self._usage or Usage(input=self._context.input_tokens)
        message: Answer = {
            "id": message_id(self._started.id if self._started else "", self._context),
            "type": "message",
            "role": "assistant",
            "model": self._context.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": encode_usage(usage, native=self._native),
        }
        extra = self._started.extra if self._started and self._native else None
        return _frame("message_start", {"message": {**message, **(extra or {})}})

    def _enter(self, index: int, shell: AnyPart) -> bytes:
        part = _Part(shell, _flow(shell), native=shell.origin == NAME)
        self._parts[index] = part
        if isinstance(shell, ToolCall) and shell.executor == "client":
            self._called = self._called or part.flow == "tool"
        self._refused = self._refused or isinstance(shell, Refusal)
        # A text may stay empty, and an empty text block would be refused when it is sent back: it opens late.
        opened = self._deliver(index, None) if part.flow in ("tool", "whole") else b""
        first = _first_deltas(index, shell, native=part.native)
        return opened + b"".join(self._deliver(index, delta) for delta in first)

    def _deliver(self, index: int, delta: _Delta | None) -> bytes:
        """Writes `delta` (None: just opens the block), or keeps it until its part's turn comes."""
        part = self._parts[index]
        if index == self._current:
            return _write(part, delta, self._blocks - 1)
        if part.flow == "silent" or (delta is not None and not _write(part, delta, 0)):
            return b""
        if self._current is None:
            return self._open(index) + _write(part, delta, self._blocks - 1)
        before = self._parts[self._current]
        if before.closed and flows_on(before.shell, part.shell):
            self._current = index
            part.opened = True
            return _write(part, delta, self._blocks - 1)
        if before.flow in ("text", "thought"):
            return self._shut() + self._open(index) + _write(part, delta, self._blocks - 1)
        if index not in self._queue:
            self._queue.append(index)
        if delta is not None:
            part.waiting.append(delta)
        return b""

    def _open(self, index: int) -> bytes:
        part = self._parts[index]
        block = _shell_block(part)
        if part.flow == "tool" and isinstance(part.shell, ToolCall) and part.shell.executor == "client":
            block["id"] = self._ids.fresh(part.shell.call_id)
        self._current = index
        part.opened = True
        self._blocks += 1
        return _frame("content_block_start", {"index": self._blocks - 1, "content_block": block})

    def _shut(self) -> bytes:
        assert self._current is not None
        part = self._parts[self._current]
        self._current = None
        stop = _frame("content_block_stop", {"index": self._blocks - 1})
        if part.flow == "tool" and not part.spoke:
            return _arguments(self._blocks - 1, "") + stop
        return stop

    def _leave(self, index: int) -> bytes:
        part = self._parts[index]
        part.closed = True
        if index != self._current or (not self._queue and flows_on(part.shell, part.shell)):
            return b""
        return self._shut() + self._drain()

    def _drain(self) -> bytes:
        """What waited, in order, up to the next part that is still open and cannot be cut."""
        written = b""
        while self._queue and self._current is None:
            index = self._queue.pop(0)
            part = self._parts[index]
            written += self._open(index)
            for delta in part.waiting:
                written += _write(part, delta, self._blocks - 1)
            part.waiting = []
            if part.closed or (self._queue and part.flow in ("text", "thought")):
                written += self._shut()
        return written

    def _finish(self, finish: Finish) -> bytes:
        written = self._announce()
        for part in self._parts.values():
            part.closed = True
        if self._current is not None:
            written += self._shut()
        written += self._drain()
        if not self._blocks and not self._native:
            empty = Text(text="")
            written += self._enter(-1, empty) + self._deliver(-1, TextDelta(index=-1, text=EMPTY_ANSWER))
            written += self._shut()
        usage = self._usage or Usage(input=self._context.input_tokens)
        reason = encode_finish(finish, called=self._called, refused=self._refused, native=self._native)
        self._done = True
        return (
            written
            + _frame(
                "message_delta",
                {
                    "delta": {"stop_reason": reason, "stop_sequence": finish.stop_sequence},
                    "usage": encode_delta_usage(usage, native=self._native),
                },
            )
            + _frame("message_stop", {})
        )


def _flow(shell: AnyPart) -> Literal["text", "thought", "tool", "whole", "silent"]:
    native = shell.origin == NAME
    match shell:
        case Text() | Refusal() | Media():
            return "text"
        case Reasoning(redacted=False):
            return "thought"
        case Reasoning() | Unknown():
            return "whole" if native else "silent"
        case ToolCall(executor="client", name=name):
            return "tool" if name else "silent"
        case ToolCall():
            return "tool" if native else "silent"
        case ToolResult():
            return "silent"


def _shell_block(part: _Part) -> JsonObject:
    """What `content_block_start` shows of a part: its kind and its fields, without its content."""
    shell = part.shell
    if part.flow == "text":
        bare = Text(text="", origin=shell.origin, extra=shell.extra if part.native else None)
        return encode_block(bare, "", Losses()) or {}
    if part.flow == "thought":
        block: JsonObject = {"type": "thinking", "thinking": "", "signature": ""}
        return {**block, **(shell.extra or {})} if part.native else block
    if isinstance(shell, ToolCall):
        shell = msgspec.structs.replace(shell, arguments=RawJson(""))
    return encode_block(shell, "", Losses()) or {}


def _first_deltas(index: int, shell: AnyPart, *, native: bool) -> list[_Delta]:
    """What a shell already holds, as the deltas that the wire wants it in."""
    deltas: list[_Delta] = []
    match shell:
        case Text(text=text, citations=citations):
            deltas.append(TextDelta(index=index, text=text))
            deltas += [CitationDelta(index=index, citation=citation) for citation in citations]
        case Refusal(text=text):
            deltas.append(TextDelta(index=index, text=text))
        case Media():
            deltas.append(TextDelta(index=index, text=media_link(shell)))
        case Reasoning(redacted=False):
            deltas.append(ReasoningDelta(index=index, text=thinking_text(shell)))
            if native and shell.seal:
                deltas.append(ReasoningDelta(index=index, seal=shell.seal))
        case ToolCall(arguments=arguments):
            deltas.append(ArgumentsDelta(index=index, fragment=arguments))
        case _:
            pass
    return deltas


def _write(part: _Part, delta: _Delta | None, block: int) -> bytes:
    """The wire bytes of a delta in `block`; none for an empty one, or for one that its part cannot carry."""
    match delta:
        case TextDelta(text=text) if text and part.flow == "text":
            kind, field, value = b"text_delta", b"text", _json(text)
        case ArgumentsDelta(fragment=fragment) if fragment and part.flow == "tool":
            part.spoke = True
            return _arguments(block, fragment)
        case ReasoningDelta(text=text, seal=seal) if part.flow == "thought":
            written = _delta(block, b"thinking_delta", b"thinking", _json(text)) if text else b""
            if seal and part.native:
                written += _delta(block, b"signature_delta", b"signature", _json(seal))
            return written
        case CitationDelta(citation=citation) if part.native and part.flow == "text":
            kind, field, value = b"citations_delta", b"citation", _json(citation)
        case _:
            return b""
    return _delta(block, kind, field, value)


def _arguments(block: int, fragment: str) -> bytes:
    return _delta(block, b"input_json_delta", b"partial_json", _json(fragment))


def _delta(block: int, kind: bytes, field: bytes, value: bytes) -> bytes:
    return (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,'
        b'"delta":{"type":"%b","%b":%b}}\n\n' % (block, kind, field, value)
    )


def _frame(event: str, fields: JsonObject) -> bytes:
    return event_frame(event.encode(), _json({"type": event, **fields}))
