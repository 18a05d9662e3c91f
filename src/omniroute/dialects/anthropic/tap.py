"""Reading a forwarded stream of the Messages API without touching it.

Until something useful was seen every frame is read; from then on a chunk is only searched for the words that
can end an answer or count its tokens, so that a forwarded event costs a few substring searches. A word that
merely stands in a text costs one more look and nothing else.
"""

from omniroute.dialects.anthropic.errors import decode_error_body, encode_stream_failure
from omniroute.dialects.anthropic.usage import decode_finish, decode_usage, merge
from omniroute.dialects.base import Tapped
from omniroute.dialects.failures import cut_short
from omniroute.dialects.look import as_object
from omniroute.dialects.objects import read_object
from omniroute.dialects.sse import MAX_FRAME_BYTES, Framer, event_frame, readable
from omniroute.errors import UpstreamError
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject
from omniroute.ir.result import Finish, Usage

_CONTENT = ("text", "thinking", "partial_json", "signature", "citation")


class AnthropicTap:
    def __init__(self) -> None:
        self._held = b""
        self._raw_usage: JsonObject = {}
        self._stop: JsonObject = {}
        self._useful = False
        self._terminal = False
        self._failure: Failure | None = None

    @property
    def usage(self) -> Usage | None:
        return decode_usage(self._raw_usage) if self._raw_usage else None

    @property
    def finish(self) -> Finish | None:
        if not self._stop and (not self._terminal or self._failure is not None):
            return None
        return decode_finish(self._stop.get("stop_reason"), self._stop.get("stop_sequence"), called=False)

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
        if self._useful and b"message_" not in chunk and b'"error"' not in chunk and readable(chunk):
            return Tapped(chunk, True, False, None)
        return self._look(chunk)

    def close(self) -> bytes:
        if self._terminal:
            return b""
        tail = self._held.rstrip(b"\r\n")
        owed = b""
        if tail and _whole(tail):
            last = self._look(tail + b"\n\n")
            if last.terminal:
                return last.forward
            owed = last.forward
        self._terminal = True
        if self._stop:
            # Nothing of the answer is missing, only its last word.
            return owed + event_frame(b"message_stop", b'{"type":"message_stop"}')
        self._failure = cut_short()
        return owed + encode_stream_failure(self._failure)

    def _look(self, frames: bytes) -> Tapped:
        forward: list[bytes] = []
        for frame in Framer().feed(frames):
            data = read_object(frame.data) if frame.data else None
            if data is not None:
                self._read(data)
            elif frame.data:
                continue  # no client can read it either, and many would give up the whole stream over it
            forward.append(frame.raw)
            if self._terminal:
                return Tapped(b"".join(forward), True, True, self._failure)
        return Tapped(b"".join(forward), self._useful, False, None)

    def _read(self, data: JsonObject) -> None:
        match data.get("type"):
            case "content_block_delta":
                delta = as_object(data.get("delta")) or {}
                self._useful = self._useful or any(delta.get(name) for name in _CONTENT)
            case "content_block_start":
                block = as_object(data.get("content_block")) or {}
                shell = block.get("type") in ("text", "thinking")
                self._useful = self._useful or not shell or any(block.get(name) for name in _CONTENT)
            case "message_start":
                self._count((as_object(data.get("message")) or {}).get("usage"))
            case "message_delta":
                self._count(data.get("usage"))
                delta = as_object(data.get("delta")) or {}
                self._stop = merge(self._stop, delta) if delta.get("stop_reason") is not None else self._stop
            case "message_stop":
                self._useful = self._terminal = True
            case _ if data.get("type") == "error" or as_object(data.get("error")) is not None:
                self._useful = self._terminal = True
                self._failure = decode_error_body(data)
            case _:
                pass

    def _count(self, usage: object) -> None:
        news = as_object(usage)
        if news:
            self._raw_usage = merge(self._raw_usage, news)


def _frames_end(chunk: bytes) -> int:
    """Where the last whole frame of `chunk` ends; 0 when there is none. Line ends may be LF, CRLF or CR."""
    end = chunk.rfind(b"\n\n") + 2
    if b"\r" in chunk:
        end = max(end, chunk.rfind(b"\n\r\n") + 3, chunk.rfind(b"\r\r") + 2)
    return end if end > 3 else 0


def _whole(frame: bytes) -> bool:
    """Whether a frame that lacks its blank line lacks nothing else: its payload is complete JSON."""
    return all(read_object(found.data) is not None for found in Framer().feed(frame + b"\n\n"))
