"""A reply of aiohttp: its pieces under the deadlines, and ends that aiohttp itself does not tell apart.

Two things are made good here, both seen with aiohttp 3.14: a body that turns into garbage leaves its reader
waiting for ever, and a reset ends a body without a length as if it were whole.
"""

import asyncio
import math
from collections.abc import Callable

import aiohttp
from aiohttp.http import HttpProcessingError

from omniroute.errors import UpstreamError
from omniroute.upstream.headers import header_dict
from omniroute.upstream.transport import Deadlines, Sink, pumped


class AiohttpReply:
    """`final` is the loop's time of the total deadline. The connection goes back by itself with the body's end."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        origin: str,
        deadlines: Deadlines,
        final: float,
        leave: Callable[[], None],
    ) -> None:
        self.status: int = response.status
        self.headers: dict[str, str] = header_dict(
            [name for name, _ in response.raw_headers], [value for _, value in response.raw_headers]
        )
        self._response = response
        self._origin = origin
        self._deadlines = deadlines
        self._idle_s = deadlines.idle_s
        self._final = final
        self._leave: Callable[[], None] | None = leave
        self._loop = asyncio.get_running_loop()
        connection = response.connection
        self._protocol = None if connection is None else connection.protocol
        self._lost = None if self._protocol is None else self._protocol.closed
        if self._lost is not None:
            self._lost.add_done_callback(self._wake)
            # aiohttp may put an exception in it long after this reply; somebody has to have looked at it.
            self._lost.remove_done_callback(_seen)
            self._lost.add_done_callback(_seen)

    async def chunk(self) -> bytes:
        content = self._response.content
        try:
            # What is here needs no timer; only the total deadline ends a reply that never pauses.
            piece = content.read_nowait()
            if not piece and not content.at_eof():
                piece = await self._next(content)
            elif self._loop.time() >= self._final:
                raise overdue(self._origin, self._deadlines)
        except HttpProcessingError:
            raise UpstreamError("protocol", f"{self._origin} sent a body that is not HTTP/1.1") from None
        except (aiohttp.ClientError, OSError):
            raise self._cut() from None
        except RuntimeError:
            # aiohttp's answer to reading on from a connection that was closed on this side.
            if self._response.connection is not None and not self._response.connection.closed:
                raise
            raise UpstreamError("closed", f"the connection to {self._origin} was given up") from None
        if not piece and self._was_reset():
            raise self._cut()
        return piece

    async def read(self, limit: int = 64 * 1024 * 1024) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while piece := await self.chunk():
            size += len(piece)
            if size > limit:
                self._response.close()
                raise UpstreamError("protocol", f"{self._origin} sent more than {limit} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    async def pump(self, sink: Sink) -> bool:
        return await pumped(self, sink)

    def pause(self, idle_s: float) -> None:
        self._idle_s = idle_s

    def give_up(self, why: str) -> None:
        content = self._response.content
        if not content.is_eof():
            content.set_exception(UpstreamError("timeout", f"{self._origin} {why}"))

    async def aclose(self) -> None:
        leave, self._leave = self._leave, None
        if leave is None:
            return
        if self._lost is not None:
            self._lost.remove_done_callback(self._wake)
        if self._response.content.is_eof():
            self._response.release()
        else:
            self._response.close()
        leave()

    async def _next(self, content: aiohttp.StreamReader) -> bytes:
        idle_s = self._idle_s
        until = min(self._final, self._loop.time() + idle_s if idle_s else math.inf)
        timeout = asyncio.timeout_at(until if until < math.inf else None)
        try:
            async with timeout:
                return await content.readany()
        except TimeoutError:
            if not timeout.expired():
                raise
            if until == self._final:
                raise overdue(self._origin, self._deadlines) from None
            raise UpstreamError("timeout", f"{self._origin} sent nothing for {idle_s:g} s") from None

    def _wake(self, lost: "asyncio.Future[None]") -> None:
        """The connection is gone; a reader who was not told is told now."""
        content = self._response.content
        if not content.is_eof() and content.exception() is None:
            error = None if self._protocol is None else self._protocol.exception()
            content.set_exception(
                error if isinstance(error, HttpProcessingError) else aiohttp.ClientPayloadError()
            )

    def _was_reset(self) -> bool:
        if self._lost is None or not self._lost.done() or self._lost.exception() is None:
            return False
        coding = self.headers.get("transfer-encoding", "")
        return "content-length" not in self.headers and not coding.lower().endswith("chunked")

    def _cut(self) -> UpstreamError:
        return UpstreamError("closed", f"{self._origin} cut the reply before its end")


def overdue(origin: str, deadlines: Deadlines) -> UpstreamError:
    """The total deadline has passed."""
    return UpstreamError("timeout", f"{origin} did not finish within {deadlines.total_s:g} s in total")


def _seen(lost: "asyncio.Future[None]") -> None:
    if not lost.cancelled():
        lost.exception()
