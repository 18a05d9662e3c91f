"""Streams of the chat dialect: events to chunks.

The sequence is the public protocol's: a first chunk with the role and empty content; deltas, each with one kind of
thing in it; one chunk with the finish reason; one with usage and no choices if the client asked for it; `[DONE]`.
"""

from typing import assert_never

import msgspec

from omniroute.dialects.base import Context
from omniroute.dialects.failures import cut_short
from omniroute.dialects.losses import Losses
from omniroute.dialects.openai_chat.details import put_details
from omniroute.dialects.openai_chat.errors import encode_stream_failure
from omniroute.dialects.openai_chat.finish import encode_finish
from omniroute.dialects.openai_chat.response import completion_id, encode_call, image_member, url_citation
from omniroute.dialects.openai_chat.usage import encode_usage
from omniroute.dialects.openai_chat.wire import NAME, ToolCallDelta
from omniroute.dialects.sse import DONE, data_frame
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
from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.result import Finish, Usage

_JSON = msgspec.json.Encoder()
_OPEN = b'"choices":[{"index":0,"delta":'
_CLOSE = b',"logprobs":null,"finish_reason":null}]}\n\n'
_KEEPALIVE = b": keepalive\n\n"


class ChatStreamEncoder:
    """`send` costs one small JSON encoding per delta: everything that chunks share is encoded once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._head = b""
        self._native = False
        self._ended = False
        self._shells: dict[int, AnyPart] = {}
        self._calls: dict[int, int] = {}
        self._said = 0
        self._text_starts: dict[int, int] = {}
        self._usage: Usage | None = None

    def send(self, event: Event) -> bytes:
        if self._ended:
            return b""
        match event:
            case TextDelta(index=index, text=text):
                return self._text(index, text)
            case ReasoningDelta(text=text, seal=seal):
                return self._thought(text, seal)
            case ArgumentsDelta(index=index, fragment=fragment):
                return self._arguments(index, fragment)
            case PartOpened(index=index, shell=shell):
                return self._opened(index, shell)
            case CitationDelta(index=index, citation=citation):
                return self._citation(index, citation)
            case UsageReported(usage=usage):
                self._usage = usage
                return b""
            case Started():
                return self._start(event)
            case Finished(finish=finish):
                return self._finish(finish)
            case Failed(failure=failure):
                self._ended = True
                return encode_stream_failure(failure)
            case Opaque(origin=origin, data=data):
                return self._opaque(data) if origin == NAME else b""
            case Ping():
                return _KEEPALIVE
            case PartClosed():
                return b""
            case _:
                assert_never(event)

    def close(self) -> bytes:
        if self._ended:
            return b""
        return self.send(Failed(failure=cut_short()))

    def _start(self, started: Started) -> bytes:
        context = self._context
        self._native = started.origin == NAME
        shared: JsonObject = {
            "id": completion_id(started.id, context.token),
            "object": "chat.completion.chunk",
            "created": context.created,
            "model": context.model,
        }
        if self._native:
            shared.update(started.extra or {})
        self._head = b"data: " + _JSON.encode(shared)[:-1] + b","
        return self._delta({"role": "assistant", "content": ""})

    def _delta(self, delta: JsonObject) -> bytes:
        return self._head + _OPEN + _JSON.encode(delta) + _CLOSE

    def _text(self, index: int, text: str) -> bytes:
        if not text:
            return b""
        if isinstance(self._shells.get(index), Refusal):
            return self._delta({"refusal": text})
        self._said += len(text)
        return self._delta({"content": text})

    def _thought(self, text: str, seal: str | None) -> bytes:
        said: JsonObject = {"reasoning_content": text} if text else {}
        if seal is not None and self._native:
            put_details(said, seal)
        return self._delta(said) if said else b""

    def _opened(self, index: int, shell: AnyPart) -> bytes:
        self._shells[index] = shell
        match shell:
            case Text(text=text, citations=citations):
                self._text_starts[index] = self._said
                return self._text(index, text) + b"".join(self._citation(index, one) for one in citations)
            case Refusal(text=text):
                return self._text(index, text)
            case Reasoning(text=text, summary=summary, seal=seal):
                return self._thought(text or "\n\n".join(summary), seal)
            case ToolCall(executor="client"):
                position = self._calls[index] = len(self._calls)
                call = encode_call(msgspec.structs.replace(shell, arguments=""))
                return self._delta({"tool_calls": [{**call, "index": position}]}) + self._arguments(
                    index, shell.arguments
                )
            case Media():
                image = image_member(shell, "", Losses())
                return b"" if image is None else self._delta({"images": [image]})
            case ToolCall() | ToolResult() | Unknown():
                return b""

    def _arguments(self, index: int, fragment: str) -> bytes:
        position = self._calls.get(index)
        if position is None or not fragment:
            return b""
        delta = ToolCallDelta(index=position, function={"arguments": fragment})
        return self._delta({"tool_calls": [delta]})

    def _citation(self, index: int, citation: JsonObject) -> bytes:
        if self._native:
            return self._delta({"annotations": [citation]})
        annotation = url_citation(citation, self._text_starts.get(index, 0), self._said)
        return b"" if annotation is None else self._delta({"annotations": [annotation]})

    def _opaque(self, data: JsonObject) -> bytes:
        choice: JsonObject = {"index": 0, "delta": {}, "finish_reason": None, **data}
        return self._head + b'"choices":[' + _JSON.encode(choice) + b"]}\n\n"

    def _finish(self, finish: Finish) -> bytes:
        self._ended = True
        reason = encode_finish(finish, called=bool(self._calls))
        choice: JsonObject = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": reason}
        last = self._head + b'"choices":[' + _JSON.encode(choice) + b"]}\n\n"
        if self._context.include_usage:
            # The protocol promises this chunk; nobody having reported usage shows as zeros.
            usage = _JSON.encode(encode_usage(self._usage or Usage(), native=self._native))
            last += self._head + b'"choices":[],"usage":' + usage + b"}\n\n"
        return last + data_frame(DONE)
