"""Reads along a chat stream that is forwarded unchanged.

Until the first useful chunk every frame is decoded. After that a chunk of whole frames is only searched for the
few spellings that matter (usage, a finish reason, an error, the end), and decoded when one of them is there. Text
of the model cannot look like one: inside a JSON string their quotes are escaped. A stream whose first chunks are
spelled in another way, with spaces before colons say, is decoded to the end.
"""

import re

from omniroute.dialects.base import Tapped
from omniroute.dialects.failures import cut_short
from omniroute.dialects.look import as_array, as_object, as_text, objects_in
from omniroute.dialects.openai_chat.errors import encode_stream_failure
from omniroute.dialects.openai_chat.finish import decode_finish
from omniroute.dialects.openai_chat.response import parse
from omniroute.dialects.openai_chat.usage import decode_usage, later
from omniroute.dialects.openai_failures import failure_in_answer
from omniroute.dialects.sse import DONE, Frame, Framer, data_frame, readable
from omniroute.errors import UpstreamError
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject
from omniroute.ir.result import Finish, Usage

_CONTENT = (
    "content",
    "reasoning_content",
    "reasoning",
    "reasoning_details",
    "refusal",
    "tool_calls",
    "function_call",
    "images",
    "audio",
)
_SIGNS = re.compile(rb'"(?:usage|finish_reason)":(?! ?null)')
_QUIET = Tapped(forward=b"", useful=False, terminal=False, failure=None)


class ChatTap:
    """`include_usage` false withholds the chunk that holds usage and nothing else."""

    def __init__(self, *, include_usage: bool) -> None:
        self._include_usage = include_usage
        self._framer = Framer()
        self._torn = False
        self._skimming = False
        self._regular = True
        self._useful = False
        self._called = False
        self._terminal = False
        self._failure: Failure | None = None
        self._finish_reason: str | None = None
        self._usage: Usage | None = None

    @property
    def usage(self) -> Usage | None:
        return self._usage

    @property
    def finish(self) -> Finish | None:
        if self._finish_reason is None:
            return None
        return decode_finish(self._finish_reason, called=self._called)

    def feed(self, chunk: bytes) -> Tapped:
        if self._skimming and not self._torn and chunk.endswith(b"\n\n") and _is_plain(chunk) and readable(chunk):
            if not self._called and b'"tool_calls"' in chunk:
                self._called = True
            return Tapped(chunk, True, False, None)
        if self._terminal:
            return _QUIET
        frames = self._framer.feed(chunk)
        self._torn = not chunk.endswith((b"\n\n", b"\r\n\r\n"))
        failed_before = self._failure is not None
        forward = b"".join([frame.raw for frame in frames if self._passes(frame)])
        self._skimming = self._useful and self._regular and not self._terminal
        failure = None if failed_before else self._failure
        return Tapped(forward, self._useful, self._terminal, failure)

    def close(self) -> bytes:
        owed = b""
        if not self._terminal:
            for frame in self._framer.close():
                if self._is_whole(frame) and self._passes(frame):
                    owed += frame.raw.rstrip(b"\r\n") + b"\n\n"
        if self._terminal:
            return owed
        self._terminal = True
        self._skimming = False
        if self._finish_reason is not None or self._failure is not None:
            return owed + data_frame(DONE)
        return owed + encode_stream_failure(cut_short())

    def _is_whole(self, frame: Frame) -> bool:
        """A last frame without its blank line counts when its payload is complete."""
        if frame.data.strip() == DONE:
            return True
        try:
            parse(frame.data)
        except UpstreamError:
            return False
        return True

    def _passes(self, frame: Frame) -> bool:
        """Notes what a frame says; whether the client gets it."""
        if self._terminal:
            return False
        data = frame.data
        if not data:
            return True
        if data.strip() == DONE:
            self._terminal = self._useful = True
            return True
        try:
            chunk = parse(data)
        except UpstreamError:
            return False  # no client can read it either, and many would give up the whole stream over it
        failure = failure_in_answer(chunk)
        if failure is not None:
            self._failure = self._failure or failure
            self._useful = True
            return True
        return self._notes(chunk, data)

    def _notes(self, chunk: JsonObject, data: bytes) -> bool:
        choices = as_array(chunk.get("choices"))
        usage = as_object(chunk.get("usage"))
        if usage is not None:
            self._usage = later(self._usage, decode_usage(usage, chunk.get("service_tier")))
            if choices is not None and not choices:
                return self._include_usage
        for choice in objects_in(chunk.get("choices")):
            self._regular = self._regular and _is_regular(data)
            delta = as_object(choice.get("delta")) or {}
            if delta.get("tool_calls") or delta.get("function_call"):
                self._called = True
            if not self._useful and any(delta.get(name) for name in _CONTENT):
                self._useful = True
            reason = as_text(choice.get("finish_reason"))
            if reason:
                self._useful = True
                if self._finish_reason is None and not choice.get("index"):
                    self._finish_reason = reason
        return True


def _is_plain(chunk: bytes) -> bool:
    """Whether whole frames hold nothing that a tap must read."""
    if b'"error"' in chunk:
        return False
    at = chunk.find(b'"finish_reason":')
    if at >= 0 and not chunk.startswith((b"null", b" null"), at + 16):
        return False
    at = chunk.find(b'"usage":')
    if at >= 0 and not chunk.startswith((b"null", b" null"), at + 8):
        return False
    if not chunk.startswith(b"data: {"):
        return False
    if chunk.find(b"\n") == len(chunk) - 2:
        return True
    # Several frames: a null in the first says nothing about the others.
    return chunk.count(b"\n\ndata: {") == chunk.count(b"\n\n") - 1 and not _SIGNS.search(chunk)


def _is_regular(data: bytes) -> bool:
    """Whether the spelling is one that `_is_plain` knows: no space before a colon, at most one behind it."""
    return b'"choices":[' in data or b'"choices": [' in data
