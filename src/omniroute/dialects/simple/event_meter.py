"""Reads a copy of a stream of pictures or of a transcript: its use, its end, its errors.

Source: the stream events of platform.openai.com/docs/api-reference/images and .../audio.
"""

from typing import Final

from omniroute.dialects.failures import WORDLESS, one_line
from omniroute.dialects.look import as_object, as_text
from omniroute.dialects.objects import read_object
from omniroute.dialects.simple.usage import usage_in
from omniroute.dialects.sse import DONE, Frame, Framer
from omniroute.errors import UpstreamError
from omniroute.ir.failure import Failure
from omniroute.ir.result import Usage

_LAST: Final = (".completed", ".done")
"""How the types of last events end: `image_generation.completed`, `transcript.text.done`."""

_FIELDS: Final = (b"data", b"event", b"id", b"retry", b":")
_HEAD: Final = 8


class EventMeter:
    """What is no stream of events (some models answer whole although they were asked to stream) is passed over,
    and never counts as cut."""

    def __init__(self) -> None:
        self._framer: Framer | None = Framer()
        self._head = b""
        self._usage: Usage | None = None
        self._failure: Failure | None = None
        self._last = False

    @property
    def usage(self) -> Usage | None:
        return self._usage

    @property
    def ended(self) -> bool:
        return self._last or self._framer is None

    @property
    def failure(self) -> Failure | None:
        return self._failure

    def feed(self, chunk: bytes) -> None:
        if self._framer is None:
            return
        if len(self._head) < _HEAD:
            self._head = (self._head + chunk[:_HEAD]).lstrip(b"\xef\xbb\xbf \r\n")
            if not _may_be_events(self._head):
                self._framer = None
                return
        try:
            frames = self._framer.feed(chunk)
        except UpstreamError:
            self._framer = None
            return
        for frame in frames:
            self._read(frame)

    def _read(self, frame: Frame) -> None:
        if frame.data == DONE:
            self._last = True
            return
        event = read_object(frame.data) or {}
        kind = as_text(event.get("type")) or ""
        self._last = self._last or kind.endswith(_LAST)
        self._usage = usage_in(event) or self._usage
        if kind == "error" or event.get("error"):
            error = as_object(event.get("error")) or event
            self._last = True
            self._failure = Failure(
                kind="server",
                status=502,
                message=one_line(error.get("message")) or WORDLESS,
                code=as_text(error.get("code")),
            )


def _may_be_events(head: bytes) -> bool:
    return not head or any(head.startswith(field) or field.startswith(head) for field in _FIELDS)
