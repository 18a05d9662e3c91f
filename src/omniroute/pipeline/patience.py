"""Keeps a waiting client's connection alive while no provider has answered yet."""

import asyncio
from typing import Final

from omniroute.pipeline.headers import SSE
from omniroute.pipeline.visit import Visit

_FIRST_S: Final = 20.0
"""Headers may be committed after this long; until then an error can still have its own status."""
_NEXT_S: Final = 15.0

SIGNS: Final = {
    "openai_chat": b": keepalive\n\n",
    "openai_responses": b": keepalive\n\n",
    "anthropic": b'event: ping\ndata: {"type":"ping"}\n\n',
    # Google's SDKs take a comment for a broken chunk and a chunk for an answer; blank lines they pass over
    # (google-genai 3.x for Python and @google/genai 3.x, observed).
    "gemini": b"\n\n",
}
"""A sign of life that every client of the dialect ignores. Dialects without one wait in silence, and so do streams
that are no server-sent events."""


class Patience:
    """Started before the first attempt of a stream, stopped when it has an answer or a failure."""

    __slots__ = ("_loop", "_timer", "_visit", "_writing")

    def __init__(self, visit: Visit, loop: asyncio.AbstractEventLoop) -> None:
        self._visit = visit
        self._loop = loop
        self._writing: asyncio.Task[None] | None = None
        self._timer = loop.call_later(_FIRST_S, self._fire)

    def _fire(self) -> None:
        self._writing = self._loop.create_task(self._sign(), name="patience")

    async def _sign(self) -> None:
        exchange = self._visit.exchange
        dialect = self._visit.dialect
        if dialect.name not in SIGNS or dialect.framing != "sse":
            return
        if not exchange.replying:
            await exchange.begin(200, SSE)
        await exchange.write(SIGNS[dialect.name])
        self._timer = self._loop.call_later(_NEXT_S, self._fire)

    async def stop(self) -> None:
        """No sign is written after this returns."""
        if self._writing is not None and not self._writing.done():
            await self._writing
        self._timer.cancel()
