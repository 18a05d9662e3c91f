"""Reads along a Responses stream that is forwarded unchanged.

Until something useful was seen every frame is read; from then on a chunk is only searched for the words that can
end an answer and its payloads are checked to be JSON, so that a forwarded event costs little. A word that merely
stands in a text costs one more look and nothing else. A stream that is cut ends in `response.failed` with the
response's own id and the next number.
"""

import re

import msgspec

from omniroute.dialects.base import Tapped
from omniroute.dialects.failures import cut_short
from omniroute.dialects.look import as_count, as_object, as_text, objects_in
from omniroute.dialects.objects import read_object
from omniroute.dialects.openai_failures import reported
from omniroute.dialects.openai_responses.errors import encode_stream_failure, response_error
from omniroute.dialects.openai_responses.finish import decode_finish
from omniroute.dialects.openai_responses.response import failure_in
from omniroute.dialects.openai_responses.usage import decode_usage
from omniroute.dialects.sse import DONE, MAX_FRAME_BYTES, Framer, event_frame, readable
from omniroute.errors import UpstreamError
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject
from omniroute.ir.result import Finish, Usage

_ENDS = (b"response.completed", b"response.incomplete", b"response.failed", b"response.cancelled")
_NUMBER = re.compile(rb'"sequence_number" ?: ?(\d{1,15})')
_CALLS = ("function_call", "custom_tool_call")
_CALLED = (b'"function_call"', b'"custom_tool_call"')
_QUIET_ITEMS = ("message", "reasoning")


class ResponsesTap:
    def __init__(self) -> None:
        self._held = b""
        self._last = b""
        self._response: JsonObject = {}
        self._useful = False
        self._called = False
        self._terminal = False
        self._usage: Usage | None = None
        self._finish: Finish | None = None
        self._failure: Failure | None = None

    @property
    def usage(self) -> Usage | None:
        return self._usage

    @property
    def finish(self) -> Finish | None:
        return self._finish

    def feed(self, chunk: bytes) -> Tapped:
        """Whole frames of `chunk`; nothing once the terminal event went out. Raises
        `UpstreamError(kind="protocol")` for a frame that never ends."""
        if self._terminal:
            return Tapped(b"", True, False, None)
        if self._held:
            chunk = self._held + chunk
            self._held = b""
        if not chunk.endswith(b"\n\n"):
            end = _frames_end(chunk)
            self._held = chunk[end:]
            chunk = chunk[:end]
            if len(self._held) > MAX_FRAME_BYTES:
                raise UpstreamError("protocol", f"the provider sent an event of more than {MAX_FRAME_BYTES} bytes")
        if self._useful and not _may_end(chunk) and readable(chunk):
            self._last = chunk or self._last
            if not self._called and any(word in chunk for word in _CALLED):
                self._called = True
            return Tapped(chunk, True, False, None)
        return self._look(chunk)

    def close(self) -> bytes:
        if self._terminal:
            return b""
        tail = self._held.rstrip(b"\r\n")
        owed = b""
        if tail and _is_whole(tail):
            last = self._look(tail + b"\n\n")
            if last.terminal:
                return last.forward
            owed = last.forward
        self._terminal = True
        self._failure = cut_short()
        return owed + self._failed(self._failure)

    def _look(self, frames: bytes) -> Tapped:
        forward: list[bytes] = []
        read = 0
        for frame in Framer().feed(frames):
            read += len(frame.raw)
            data = read_object(frame.data) if frame.data else None
            if data is not None:
                self._read(data)
            elif frame.data:
                # [DONE], which is no event of this dialect and no end of an answer, or what no client can read.
                continue
            forward.append(frame.raw)
            if self._terminal:
                return Tapped(b"".join(forward), True, True, self._failure)
        # An empty line too many belongs to the frame that comes next.
        self._held = frames[read:] + self._held
        self._last = b"".join(forward) or self._last
        return Tapped(b"".join(forward), self._useful, False, None)

    def _read(self, data: JsonObject) -> None:
        kind = as_text(data.get("type")) or ""
        match kind:
            case "response.created" | "response.in_progress" | "response.queued":
                if not self._useful:
                    self._response = as_object(data.get("response")) or self._response
            case "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled":
                self._end(kind, as_object(data.get("response")) or {}, data)
            case "error":
                self._fail(reported(data))
            case "response.output_item.added" | "response.output_item.done":
                item = as_object(data.get("item")) or {}
                self._called = self._called or item.get("type") in _CALLS
                self._useful = self._useful or item.get("type") not in _QUIET_ITEMS
            case _ if kind.endswith(".delta"):
                self._useful = self._useful or bool(data.get("delta"))
            case _ if not kind.startswith("response.") and as_object(data.get("error")) is not None:
                self._fail(reported(data))
            case _:
                pass

    def _end(self, kind: str, response: JsonObject, data: JsonObject) -> None:
        usage = as_object(response.get("usage"))
        if usage is not None:
            self._usage = decode_usage(usage, response.get("service_tier"))
        if kind in ("response.failed", "response.cancelled") or failure_in(response) is not None:
            self._fail(reported(response or data))
            return
        self._useful = self._terminal = True
        called = self._called or any(item.get("type") in _CALLS for item in objects_in(response.get("output")))
        if kind == "response.incomplete":
            response = {**response, "status": "incomplete"}
        self._finish = decode_finish(response, called=called)

    def _fail(self, failure: Failure) -> None:
        self._useful = self._terminal = True
        self._failure = failure

    def _failed(self, failure: Failure) -> bytes:
        """The last event of a stream that was cut."""
        numbers = _NUMBER.findall(self._last)
        number = int(numbers[-1]) + 1 if numbers else 0
        if as_text(self._response.get("id")) is None:
            return encode_stream_failure(failure, number)
        created = as_count(self._response.get("created_at"))
        response: JsonObject = {
            **self._response,
            "created_at": 0 if created is None else created,
            "status": "failed",
            "error": response_error(failure),
            "instructions": None,
            "tools": [],
        }
        event: JsonObject = {"type": "response.failed", "response": response, "sequence_number": number}
        return event_frame(b"response.failed", msgspec.json.encode(event))


def _may_end(chunk: bytes) -> bool:
    if b'"error"' in chunk or DONE in chunk:
        return True
    return any(word in chunk for word in _ENDS)


def _frames_end(chunk: bytes) -> int:
    """Where the last whole frame of `chunk` ends; 0 when there is none. Line ends may be LF, CRLF or CR."""
    end = chunk.rfind(b"\n\n") + 2
    if b"\r" in chunk:
        end = max(end, chunk.rfind(b"\n\r\n") + 3, chunk.rfind(b"\r\r") + 2)
    return end if end > 3 else 0


def _is_whole(frame: bytes) -> bool:
    """Whether a frame that lacks its blank line lacks nothing else: its payload is complete JSON."""
    return all(read_object(found.data) is not None for found in Framer().feed(frame + b"\n\n"))
