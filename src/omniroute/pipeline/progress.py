"""Progress events for clients that asked for them with `X-OmniRoute-Progress: true`."""

from typing import Final

_EVERY_S: Final = 2.0


class Progress:
    """An SSE `progress` event at most every two seconds, and a last one before the stream's terminal event.

    Tokens are counted as `data:` lines, which is what providers send about one token in.
    """

    __slots__ = ("_last", "_started", "_tokens")

    def __init__(self, now: float) -> None:
        self._started = now
        self._last = now
        self._tokens = 0

    def before(self, chunk: bytes, now: float, *, terminal: bool) -> bytes:
        """What is to be sent ahead of `chunk` (whole frames) at `now`, monotonic seconds."""
        self._tokens += chunk.count(b"data:")
        if terminal:
            return self._event(now, b',"done":true')
        if now - self._last < _EVERY_S:
            return b""
        self._last = now
        return self._event(now, b"")

    def _event(self, now: float, more: bytes) -> bytes:
        elapsed_ms = round((now - self._started) * 1000)
        return b'event: progress\ndata: {"tokens_generated":%d,"elapsed_ms":%d%b}\n\n' % (
            self._tokens,
            elapsed_ms,
            more,
        )
