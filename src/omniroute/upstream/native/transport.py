"""The fast transport: one write for a small request, one wake-up for a small reply, no library in between."""

import asyncio
import math
import ssl

import msgspec

from omniroute.errors import UpstreamError
from omniroute.upstream.dial import Dialer
from omniroute.upstream.endpoint import Endpoint, Refused, endpoint
from omniroute.upstream.guard import Guard
from omniroute.upstream.headers import header_lines
from omniroute.upstream.native.message import Message
from omniroute.upstream.native.pool import Pool
from omniroute.upstream.native.protocol import Connection, Key
from omniroute.upstream.transport import UpstreamRequest

_MAX_ROUTES = 1024


class _Route(msgspec.Struct, frozen=True):
    """What a URL comes to: where to connect, and the part of the head that never changes."""

    endpoint: Endpoint
    key: Key
    head: bytes


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
        self._routes: dict[tuple[str, bool], _Route] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    async def open(self, request: UpstreamRequest) -> "NativeReply":
        if request.proxy is not None:
            raise UpstreamError("proxy", "this transport connects directly and knows no proxies")
        route = self._routes.get((request.url, request.private)) or self._route(request)
        if self._loop is None:  # once: asking for the running loop is a system call
            self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        final = now + request.deadlines.total_s if request.deadlines.total_s else math.inf
        head = _head(request, route)
        sent = (request.method, head, request.body, request.deadlines, final)
        connection = self._pool.take(route.key, now)
        if connection is not None:
            try:
                return NativeReply(connection, await connection.send(*sent))
            except UpstreamError as error:
                # The peer may close a kept connection just when it is used again. When not a byte came back, the
                # request is sent once more, on a new connection.
                if error.kind != "closed" or not connection.unanswered:
                    raise
        connection = await self._dialer.dial(
            route.endpoint, request, final, lambda: self._pool.connection(route.key, route.endpoint.origin)
        )
        self._pool.adopt(connection)
        return NativeReply(connection, await connection.send(*sent))

    async def aclose(self) -> None:
        self._pool.close()

    def _route(self, request: UpstreamRequest) -> _Route:
        target = endpoint(request.url)
        if isinstance(target, Refused):
            raise UpstreamError("blocked", f"the upstream URL is not used: {target.reason}")
        head = f" {target.target} HTTP/1.1\r\nhost: {target.authority}\r\naccept-encoding: identity\r\n"
        key = (target.scheme, target.host, target.port, request.private)
        if len(self._routes) >= _MAX_ROUTES:
            self._routes.clear()
        route = self._routes[request.url, request.private] = _Route(target, key, head.encode("ascii"))
        return route


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

    async def read(self, limit: int = 64 * 1024 * 1024) -> bytes:
        message = self._message
        if message.complete and message.size <= limit:
            return message.take()
        return await self._connection.rest(message, limit)

    async def chunk(self) -> bytes:
        message = self._message
        return message.take() if message.complete else await self._connection.more(message)

    async def aclose(self) -> None:
        self._connection.leave(self._message)


def _head(request: UpstreamRequest, route: _Route) -> bytes:
    body = request.body
    length = b"content-length: %d\r\n" % len(body) if body or request.method in ("POST", "PUT", "PATCH") else b""
    return b"".join((request.method.encode("ascii"), route.head, header_lines(request.headers), length, b"\r\n"))
