"""The fast transport: one write for a small request, one wake-up for a small reply, no library in between."""

import asyncio
import math
import ssl
from collections.abc import Coroutine

from omniroute.errors import UpstreamError
from omniroute.upstream.dial import Dialer
from omniroute.upstream.guard import Guard
from omniroute.upstream.head import head, route
from omniroute.upstream.native.message import Message
from omniroute.upstream.native.pool import Pool
from omniroute.upstream.native.protocol import Connection
from omniroute.upstream.transport import Sink, UpstreamRequest


class NativeTransport:
    """Direct connections only. An idle connection is closed after `idle_s` seconds, and when its origin has
    `size` of them already; `ssl_context` as for `Dialer`."""

    def __init__(
        self,
        guard: Guard,
        *,
        ssl_context: ssl.SSLContext | None = None,
        idle_s: float = 50.0,
        size: int = 2048,
    ) -> None:
        self._dialer = Dialer(guard, ssl_context)
        self._pool = Pool(idle_s, size)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def open(self, request: UpstreamRequest) -> "NativeReply":
        if request.proxy is not None:
            raise UpstreamError("proxy", "this transport connects directly and knows no proxies")
        found = route(request.url, private=request.private)
        if self._loop is None:  # once: asking for the running loop is a system call
            self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        final = now + request.deadlines.total_s if request.deadlines.total_s else math.inf
        sent = (request.method, head(request, found), request.body, request.deadlines, final)
        connection = self._pool.take(found.key, now)
        if connection is not None:
            try:
                return NativeReply(connection, await connection.send(*sent))
            except UpstreamError as error:
                # The peer may close a kept connection just when it is used again. When not a byte came back, the
                # request is sent once more, on a new connection.
                if error.kind != "closed" or not connection.unanswered:
                    raise
        connection = await self._dialer.dial(
            found.endpoint, request, final, lambda: self._pool.connection(found.key, found.endpoint.origin)
        )
        self._pool.adopt(connection)
        return NativeReply(connection, await connection.send(*sent))

    async def aclose(self) -> None:
        self._pool.close()


class NativeReply:
    """A reply whose head is there; when all of it came in one piece, nothing below waits."""

    __slots__ = ("_connection", "_headers", "_message", "status")

    def __init__(self, connection: Connection, message: Message) -> None:
        self._connection = connection
        self._message = message
        self._headers: dict[str, str] | None = None
        self.status: int = message.status

    @property
    def headers(self) -> dict[str, str]:
        if self._headers is None:
            self._headers = self._message.headers()
        return self._headers

    def read(self, limit: int = 64 * 1024 * 1024) -> Coroutine[object, None, bytes]:
        return self._connection.rest(self._message, limit)

    def chunk(self) -> Coroutine[object, None, bytes]:
        return self._connection.more(self._message)

    def pump(self, sink: Sink) -> Coroutine[object, None, bool]:
        return self._connection.pump(self._message, sink)

    def pause(self, idle_s: float) -> None:
        self._connection.pause(self._message, idle_s)

    def give_up(self, why: str) -> None:
        self._connection.give_up(self._message, why)

    async def aclose(self) -> None:
        self._connection.leave(self._message)
