"""The one alphabet of streams, written as an event stream of the Responses API.

Every part becomes an output item (`output`); this file knows the life of the response around them: created, in
progress, then exactly one of completed, incomplete and failed, with the whole output in it. Events are numbered
from 0 without a gap. A failure before anything was created is an `error` event: only a named response can fail.
"""

from typing import assert_never

import msgspec

from omniroute.dialects.base import Context
from omniroute.dialects.failures import cut_short
from omniroute.dialects.openai_responses import answer
from omniroute.dialects.openai_responses.errors import encode_stream_failure, response_error
from omniroute.dialects.openai_responses.finish import incomplete_reason
from omniroute.dialects.openai_responses.output import Output
from omniroute.dialects.openai_responses.usage import encode_usage
from omniroute.dialects.openai_responses.wire import NAME, Status
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
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject
from omniroute.ir.result import Finish, Usage

_KEEPALIVE = b": keepalive\n\n"
_PLACED = ("output_index", "item_id", "response")

_json = msgspec.json.Encoder().encode


class ResponsesStreamEncoder:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._output = Output(context)
        self._head: JsonObject = {}
        self._native = False
        self._ended = False
        self._usage: Usage | None = None
        self.response: JsonObject = {}
        """The `response` object as it was last told."""

    def send(self, event: Event) -> bytes:
        if self._ended:
            return b""
        output = self._output
        match event:
            case TextDelta(index=index, text=text):
                return output.text(index, text)
            case ArgumentsDelta(index=index, fragment=fragment):
                return output.arguments(index, fragment)
            case ReasoningDelta(index=index, text=text, seal=seal):
                return output.thought(index, text, seal)
            case PartOpened(index=index, shell=shell):
                return output.opened(index, shell)
            case PartClosed(index=index):
                return output.closed(index)
            case CitationDelta(index=index, citation=citation):
                return output.citation(index, citation)
            case UsageReported(usage=usage):
                self._usage = usage
                return b""
            case Started():
                return self._start(event)
            case Finished(finish=finish):
                return self._finish(finish)
            case Failed(failure=failure):
                return self._fail(failure)
            case Opaque(origin=origin, data=data):
                return self._opaque(data) if origin == NAME else b""
            case Ping():
                return _KEEPALIVE
            case _:
                assert_never(event)

    def close(self) -> bytes:
        return b"" if self._ended else self._fail(cut_short())

    def _start(self, started: Started) -> bytes:
        if self._head:
            return b""
        self._native = started.origin == NAME
        self._head = {
            "id": answer.response_id(started.id, self._context.token),
            "object": "response",
            "created_at": self._context.created,
            "model": self._context.model,
            "background": False,
            **answer.repeated(self._context),
            **((started.extra or {}) if self._native else {}),
        }
        return self._tell("created", "in_progress") + self._tell("in_progress", "in_progress")

    def _finish(self, finish: Finish) -> bytes:
        self._ended = True
        reason = incomplete_reason(finish, native=self._native)
        status: Status = "completed" if reason is None else "incomplete"
        written = self._output.finish(status, empty=not self._native)
        usage = encode_usage(self._usage or Usage(), native=self._native)
        return written + self._tell(status, status, usage=usage, reason=reason)

    def _fail(self, failure: Failure) -> bytes:
        self._ended = True
        if not self._head:
            return encode_stream_failure(failure, self._output.sequence)
        usage = None if self._usage is None else encode_usage(self._usage, native=self._native)
        return self._tell("failed", "failed", usage=usage, error=response_error(failure))

    def _tell(
        self,
        event: str,
        status: Status,
        *,
        usage: JsonObject | None = None,
        reason: str | None = None,
        error: JsonObject | None = None,
    ) -> bytes:
        self.response = answer.response_object(
            self._head, status=status, output=self._output.done, usage=usage, reason=reason, error=error
        )
        return self._output.frame(f"response.{event}", {"response": self.response})

    def _opaque(self, data: JsonObject) -> bytes:
        """An event that nobody here knows, unless it is about an item: its numbers would not be ours."""
        kind = data.get("type")
        if not isinstance(kind, str) or not self._head or any(name in data for name in _PLACED):
            return b""
        if "sequence_number" in data:
            return self._output.frame(kind, {name: value for name, value in data.items() if name != "type"})
        return event_frame(kind.encode(), _json(data))
