"""Reads along a stream of the chat API that is forwarded unchanged.

Until something useful was seen every line is read. From then on a chunk of whole lines is only searched: as long
as each says `"done":false`, and nothing else about `done` or an error, there is nothing to learn from it. Text of
the model cannot look like one of these: inside a JSON string their quotes are escaped.

Lines that are no JSON object, empty ones too, are not passed on: Ollama's clients fail on them.
"""

from omniroute.dialects.base import Tapped
from omniroute.dialects.failures import cut_short
from omniroute.dialects.look import as_object
from omniroute.dialects.ndjson import Line, LineFramer
from omniroute.dialects.objects import read_object
from omniroute.dialects.ollama.errors import encode_stream_failure, failure_in_answer
from omniroute.dialects.ollama.metrics import decode_finish, decode_usage
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject
from omniroute.ir.result import Finish, Usage

_CONTENT = ("content", "thinking", "tool_calls", "images")


class OllamaTap:
    def __init__(self) -> None:
        self._framer = LineFramer()
        self._torn = False
        self._useful = False
        self._called = False
        self._terminal = False
        self._failure: Failure | None = None
        self._last: JsonObject | None = None

    @property
    def usage(self) -> Usage | None:
        return None if self._last is None else decode_usage(self._last)

    @property
    def finish(self) -> Finish | None:
        if self._last is None:
            return None
        return decode_finish(self._last.get("done_reason"), called=self._called)

    def feed(self, chunk: bytes) -> Tapped:
        """Whole lines of `chunk`; nothing once the terminal line went out. Raises
        `UpstreamError(kind="protocol")` for a line that never ends."""
        if self._terminal:
            return Tapped(b"", True, False, None)
        if self._useful and not self._torn and _is_plain(chunk):
            return Tapped(chunk, True, False, None)
        lines = self._framer.feed(chunk)
        self._torn = not chunk.endswith(b"\n") if chunk else self._torn
        forward = b"".join([line.raw for line in lines if self._passes(line)])
        return Tapped(forward, self._useful, self._terminal, self._failure)

    def close(self) -> bytes:
        if self._terminal:
            return b""
        owed = b"".join([line.raw for line in self._framer.close() if self._passes(line)])
        if self._last is not None or self._failure is not None:
            return owed
        self._terminal = True
        self._failure = cut_short()
        return owed + encode_stream_failure(self._failure)

    def _passes(self, line: Line) -> bool:
        """Notes what a line says; whether the client gets it."""
        if self._terminal:
            return False
        said = read_object(line.data)
        if said is None:
            return False
        self._failure = failure_in_answer(said)
        if self._failure is not None:
            self._useful = self._terminal = True
            return True
        message = as_object(said.get("message")) or {}
        self._called = self._called or bool(message.get("tool_calls"))
        self._useful = self._useful or any(message.get(name) for name in _CONTENT)
        if said.get("done") is True:
            self._last = said
            self._useful = self._terminal = True
        return True


def _is_plain(chunk: bytes) -> bool:
    """Whether `chunk` is whole lines that hold nothing a tap must read."""
    if not chunk.endswith(b"\n") or b'"error"' in chunk or b'"tool_calls"' in chunk:
        return False
    lines = chunk.count(b"\n")
    return chunk.count(b'"done"') == lines and chunk.count(b'"done":false') == lines
