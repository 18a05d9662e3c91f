"""Requests that the gateway asks of itself: no socket, and a reply that is kept."""

import asyncio
from collections.abc import Awaitable, Mapping

from omniroute.ir.failure import Failure
from omniroute.pipeline.exchange import ReplyHeaders


class InnerExchange:
    """`purpose` is recorded where a client's own request id would be, so that such rows are told from users'."""

    def __init__(self, body: bytes, *, request_id: str, purpose: str, started: float) -> None:
        self.request_id = request_id
        self.method = "POST"
        self.path = "/v1/chat/completions"
        self.query = b""
        self.headers: Mapping[str, str] = {"x-request-id": purpose}
        self.peer: str | None = None
        self.started = started
        self.replying = False
        self.writable = True
        self.stopped: Failure | None = None
        self.status = 0
        self.reply_headers: dict[bytes, bytes] = {}
        self._body = body
        self._pieces: list[bytes] = []

    @property
    def received(self) -> bytes:
        """The body of the reply as far as it has come."""
        return b"".join(self._pieces)

    def expire(self, after_s: float, why: Failure) -> None:
        raise RuntimeError("whoever asks the gateway from within sets its own limit")

    async def body(self) -> bytes:
        return self._body

    async def reply(self, status: int, headers: ReplyHeaders, body: bytes) -> None:
        await self.begin(status, headers)
        self._pieces.append(body)

    async def begin(self, status: int, headers: ReplyHeaders) -> None:
        self.replying = True
        self.status = status
        self.reply_headers = dict(headers)

    async def write(self, chunk: bytes) -> None:
        self._pieces.append(chunk)

    def put(self, chunk: bytes) -> None:
        self._pieces.append(chunk)

    async def end(self) -> None:
        """Nobody waits for it on a socket."""
        await asyncio.sleep(0)


async def within(limit_s: float, why: Failure, exchange: InnerExchange, asking: Awaitable[None]) -> None:
    """Waits for `asking`, which answers `exchange`; after `limit_s` it is ended, and fails for `why`."""
    task = asyncio.ensure_future(asking)
    try:
        await asyncio.wait({task}, timeout=limit_s)
    finally:
        if not task.done():
            exchange.stopped = why
            task.cancel()
            await asyncio.wait({task})
    if not task.cancelled():
        task.result()
