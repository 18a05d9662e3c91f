"""Streams of the chat API: events to lines.

Text and thinking go out as they come, each in a line of its own kind. A tool call goes out whole, once it is
complete and all calls that were opened before it went out, because a client knows calls by their order. The last
line says `done`, exactly once.
"""

from typing import assert_never

import msgspec

from omniroute.dialects.base import Context
from omniroute.dialects.failures import cut_short
from omniroute.dialects.look import as_object
from omniroute.dialects.losses import Losses
from omniroute.dialects.ollama.calls import encode_call
from omniroute.dialects.ollama.errors import encode_stream_failure
from omniroute.dialects.ollama.metrics import encode_finish, encode_usage
from omniroute.dialects.ollama.response import created_at, image_link
from omniroute.dialects.ollama.wire import NAME
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

_JSON = msgspec.json.Encoder()
_CLOSE = b'},"done":false}\n'


class _Call:
    """A call on its way."""

    __slots__ = ("closed", "pieces", "shell")

    def __init__(self, shell: ToolCall) -> None:
        self.shell = shell
        self.pieces: list[str] = [shell.arguments]
        self.closed = False

    def whole(self) -> ToolCall:
        return msgspec.structs.replace(self.shell, arguments=RawJson("".join(self.pieces)))


class OllamaStreamEncoder:
    """`send` costs one small JSON encoding per delta: everything that lines share is encoded once."""

    def __init__(self, context: Context) -> None:
        self._shared: JsonObject = {"model": context.model, "created_at": created_at(context)}
        self._native = False
        self._ended = False
        self._calls: dict[int, _Call] = {}
        self._usage: Usage | None = None
        self._share({})

    def send(self, event: Event) -> bytes:
        if self._ended:
            return b""
        match event:
            case TextDelta(text=text):
                return self._content + _JSON.encode(text) + _CLOSE if text else b""
            case ReasoningDelta(text=text):
                return self._thinking + _JSON.encode(text) + _CLOSE if text else b""
            case ArgumentsDelta(index=index, fragment=fragment):
                if index in self._calls:
                    self._calls[index].pieces.append(fragment)
                return b""
            case PartOpened(index=index, shell=shell):
                return self._opened(index, shell)
            case PartClosed(index=index):
                if index in self._calls:
                    self._calls[index].closed = True
                return self._whole_calls()
            case UsageReported(usage=usage):
                self._usage = usage
                return b""
            case Started(origin=origin, extra=extra):
                self._native = origin == NAME
                self._share(extra or {} if self._native else {})
                return b""
            case Finished(finish=finish):
                return self._finish(finish)
            case Failed(failure=failure):
                self._ended = True
                return encode_stream_failure(failure)
            case Opaque(origin=origin, data=data):
                return self._opaque(data) if origin == NAME else b""
            case Ping():
                # The wire has no comments; a line without content is the only thing that may be sent.
                return self._line({})
            case CitationDelta():
                return b""
            case _:
                assert_never(event)

    def close(self) -> bytes:
        return self.send(Failed(failure=cut_short()))

    def _share(self, extra: JsonObject) -> None:
        self._shared.update(extra)
        self._head = _JSON.encode(self._shared)[:-1] + b","
        opening = self._head + b'"message":{"role":"assistant","content":'
        self._content = opening
        self._thinking = opening + b'"","thinking":'

    def _line(self, message: JsonObject, beside: JsonObject | None = None) -> bytes:
        line = {"message": {"role": "assistant", "content": "", **message}, "done": False, **(beside or {})}
        return self._head + _JSON.encode(line)[1:] + b"\n"

    def _opened(self, index: int, shell: AnyPart) -> bytes:
        match shell:
            case Text(text=text) | Refusal(text=text):
                return self._line({"content": text}) if text else b""
            case Reasoning(text=text, summary=summary):
                thought = text or "\n\n".join(summary)
                return self._line({"thinking": thought}) if thought else b""
            case ToolCall(executor="client"):
                self._calls[index] = _Call(shell)
                return b""
            case Media(origin=origin, data=data) if origin == NAME and data is not None:
                return self._line({"images": [data]})
            case Media():
                return self._line({"content": image_link(shell)})
            case ToolCall() | ToolResult() | Unknown():
                return b""

    def _whole_calls(self) -> bytes:
        written = b""
        while self._calls:
            index, call = next(iter(self._calls.items()))
            if not call.closed:
                break
            del self._calls[index]
            written += self._line({"tool_calls": [encode_call(call.whole(), "", Losses())]})
        return written

    def _opaque(self, data: JsonObject) -> bytes:
        beside = {name: value for name, value in data.items() if name != "message"}
        return self._line(as_object(data.get("message")) or {}, beside)

    def _finish(self, finish: Finish) -> bytes:
        self._ended = True
        for call in self._calls.values():
            call.closed = True
        last: JsonObject = {
            "done": True,
            "done_reason": encode_finish(finish, native=self._native),
            **encode_usage(self._usage, native=self._native),
        }
        return self._whole_calls() + self._line({}, last)
