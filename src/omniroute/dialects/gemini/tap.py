"""Reading a forwarded stream of Gemini chunks without touching it.

Every chunk says its usage, so every frame is read, but typed and without its content once that was seen. What the
clients of this dialect cannot bear is left out or put right: comments, `event:` lines, `[DONE]`, payloads of
several lines, frames that are no JSON.
"""

import msgspec

from omniroute.dialects.base import Tapped
from omniroute.dialects.failures import cut_short
from omniroute.dialects.gemini.errors import decode_error_body, encode_stream_failure
from omniroute.dialects.gemini.frames import frame as framed
from omniroute.dialects.gemini.response import candidate_of
from omniroute.dialects.gemini.usage import blocked, broken, decode_finish, decode_usage
from omniroute.dialects.gemini.wire import read_object
from omniroute.dialects.look import as_array, as_object, as_text, objects_in
from omniroute.dialects.sse import Frame, Framer
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject
from omniroute.ir.result import Finish, Usage

_ABSENT = msgspec.Raw()


class _Candidate(msgspec.Struct, frozen=True):
    content: msgspec.Raw = _ABSENT
    finishReason: str | None = None
    finishMessage: str | None = None
    index: int | None = None


class _Chunk(msgspec.Struct, frozen=True):
    candidates: list[_Candidate] = []
    usageMetadata: JsonObject | None = None
    promptFeedback: JsonObject | None = None
    error: JsonObject | None = None


_chunk = msgspec.json.Decoder(_Chunk).decode


class GeminiTap:
    def __init__(self) -> None:
        self._framer = Framer()
        self._torn = b""
        self._useful = False
        self._called = False
        self._terminal = False
        self._reason: str | None = None
        self._blocked: Finish | None = None
        self._usage: JsonObject | None = None
        self._failure: Failure | None = None

    @property
    def usage(self) -> Usage | None:
        return None if self._usage is None else decode_usage(self._usage)

    @property
    def finish(self) -> Finish | None:
        if self._reason is not None:
            return decode_finish(self._reason, called=self._called)
        return self._blocked

    def feed(self, chunk: bytes) -> Tapped:
        """Whole frames of `chunk`; nothing once the terminal event went out. Raises
        `UpstreamError(kind="protocol")` for a frame that never ends."""
        if self._terminal:
            return Tapped(b"", True, False, None)
        chunk = self._torn + chunk
        # A line end must not be taken apart, or its second half would begin the next frame.
        self._torn = b"\r" if chunk.endswith(b"\r") else b""
        frames = self._framer.feed(chunk[: len(chunk) - len(self._torn)])
        failed_before = self._failure is not None
        forward = b"".join([self._passed(frame) for frame in frames])
        return Tapped(forward, self._useful, self._terminal, None if failed_before else self._failure)

    def close(self) -> bytes:
        if self._terminal:
            return b""
        owed = b"".join([self._passed(frame, whole=False) for frame in self._framer.close()])
        complete = self._failure is not None or self._reason is not None or self._blocked is not None
        self._terminal = True
        if complete:
            return owed
        self._failure = cut_short()
        return owed + encode_stream_failure(self._failure, "")

    def _passed(self, frame: Frame, *, whole: bool = True) -> bytes:
        """What the client gets of a frame, once it was read."""
        if self._terminal or not frame.data:
            return b""
        chunk = self._read(frame.data)
        if chunk is None:
            return b""
        self._note(chunk)
        if not self._useful and not self._terminal:
            self._useful = any(map(_shows, _parts_of(frame.data)))
        if whole and frame.raw.startswith(b"data: ") and frame.raw.count(b"\n") == 2:
            return frame.raw
        return framed(frame.data.replace(b"\n", b" "))

    def _read(self, data: bytes) -> _Chunk | None:
        try:
            return _chunk(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
        fields = read_object(data)
        if fields is None:
            return None
        first = candidate_of(fields)
        return _Chunk(
            candidates=[_Candidate(finishReason=as_text(first.get("finishReason")))],
            usageMetadata=as_object(fields.get("usageMetadata")),
            promptFeedback=as_object(fields.get("promptFeedback")),
            error=as_object(fields.get("error")),
        )

    def _note(self, chunk: _Chunk) -> None:
        if chunk.error is not None:
            self._failure = decode_error_body({"error": chunk.error})
            self._useful = self._terminal = True
            return
        self._usage = chunk.usageMetadata or self._usage
        first = next((candidate for candidate in chunk.candidates if not candidate.index), None)
        if first is not None:
            # Inside a text the quotes of this word would be escaped.
            self._called = self._called or b'"functionCall"' in bytes(first.content)
            failure = broken(first.finishReason or "", first.finishMessage)
            if failure is not None:
                self._failure = failure
                self._useful = self._terminal = True
                return
            self._reason = self._reason or first.finishReason
        self._blocked = self._blocked or blocked(chunk.promptFeedback)
        if self._reason is not None or self._blocked is not None:
            self._useful = True
            self._terminal = bool(chunk.usageMetadata)


def _parts_of(data: bytes) -> list[JsonObject]:
    first = candidate_of(read_object(data) or {})
    parts = as_array((as_object(first.get("content")) or {}).get("parts"))
    return objects_in(parts)


def _shows(part: JsonObject) -> bool:
    return any(name not in ("text", "thought") or (name == "text" and value) for name, value in part.items())
