"""HTTP/1.1 on a client's connection: heads are read, bounded in size and in age, and handed on as requests."""

import asyncio
import math
from collections import deque
from typing import Final, Protocol, TypeAlias, cast
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.utils import get_remote_addr

from omniroute.server.asgi import AsgiApp, AsgiRequest
from omniroute.server.exchange import HttpExchange
from omniroute.upstream.alarm import Alarm
from omniroute.upstream.headers import latin_1

HEAD_LIMIT: Final = 64 * 1024
"""Bytes of request line and headers."""
HEAD_TIMEOUT_S: Final = 10.0
KEEP_ALIVE_S: Final = 75.0
"""How long an idle connection is kept."""

_BAD: Final = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 30\r\n"
    b"connection: close\r\n\r\nInvalid HTTP request received."
)
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

_Request: TypeAlias = HttpExchange | AsgiRequest


class Desk(Protocol):
    """Where requests are handed to."""

    @property
    def management(self) -> AsgiApp: ...

    def takes(self, exchange: HttpExchange) -> bool:
        """Whether `serve` answers; all others are the management application's."""
        ...

    async def serve(self, exchange: HttpExchange) -> None: ...


class HttpProtocol(asyncio.Protocol):
    """One connection. Requests that follow each other without waiting are answered one by one, in order.

    Two deadlines, never at once: of a head that has begun, and of a connection that waits for one; a third, beside
    them, is that of the request that is answered. `connections` holds this object while it is open.
    """

    def __init__(self, desk: Desk, connections: "set[HttpProtocol]", loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.client: tuple[str, int] | None = None
        self._desk = desk
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        # A request may follow one that asked for the end of the connection; it is read, and never answered.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._alarm = Alarm(loop, self._late)
        self.deadline = Alarm(loop, self._overdue)
        self._url = b""
        self._names: list[bytes] = []
        self._values: list[bytes] = []
        self._head_bytes = 0
        self._in_head = False
        self._timed = False
        self._read = 0
        self._request: _Request | None = None  # the newest, which is read
        self._answered: _Request | None = None  # the same, or one before it
        self._waiting: deque[_Request] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.flow = FlowControl(self.transport)
        self.client = get_remote_addr(self.transport)
        self._connections.add(self)
        self._in_head = True
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._alarm.drop()
        self.deadline.drop()
        self.flow.resume_writing()  # whoever waits there finds that the client is gone
        for request in (self._answered, *self._waiting):
            if request is not None:
                request.lost()
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        self._read = len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._reject(_BAD)
            return
        except httptools.HttpParserUpgrade:
            pass  # to a protocol that is not served: it is answered like any other request
        if self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_LIMIT:
                self._reject(_TOO_LARGE)
            elif not self._timed:
                self._expect_head()

    def pause_writing(self) -> None:
        self.flow.pause_writing()

    def resume_writing(self) -> None:
        self.flow.resume_writing()

    def shutdown(self) -> None:
        """No further request: closes the connection now, or behind the reply that is under way."""
        if self._request is None or self._request.ended:
            self.transport.close()
        else:
            self._request.keep_alive = False

    # What httptools calls while it is fed.

    def on_message_begin(self) -> None:
        self._url = b""
        self._names, self._values = [], []
        self._head_bytes = 0
        self._in_head = True

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._names.append(name)
        self._values.append(value)

    def on_headers_complete(self) -> None:
        self._in_head = self._timed = False
        self._alarm.at = math.inf
        names, values = self._names, self._values
        if self._read > HEAD_LIMIT:  # more than one head, or one that is too large
            size = len(self._url) + sum(map(len, names)) + sum(map(len, values)) + 4 * len(names)
            if size > HEAD_LIMIT:
                self._reject(_TOO_LARGE)
        if self.transport.is_closing():
            return
        parser = self._parser
        path, query = _target(self._url)
        exchange = HttpExchange(
            self,
            parser.get_method().decode("ascii"),
            path,
            query,
            dict(zip(map(str.lower, map(latin_1, names)), map(latin_1, values), strict=True)),
            keep_alive=parser.should_keep_alive(),
        )
        before = self._request
        if self._desk.takes(exchange):
            self._request = exchange
        else:
            self._request = AsgiRequest(self, exchange, path, list(zip(names, values, strict=True)))
        if before is None or before.ended:
            self._start(self._request)
        else:
            self.flow.pause_reading()
            self._waiting.append(self._request)

    def on_body(self, body: bytes) -> None:
        if self._request is not None and not self.transport.is_closing():
            self._request.feed(body)

    def on_message_complete(self) -> None:
        if self._request is not None and not self.transport.is_closing():
            self._request.whole()

    # What a request says.

    def on_response_complete(self) -> None:
        """The reply is written: the next request, or a while of waiting for one."""
        self.deadline.at = math.inf
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self._waiting:
            self._start(self._waiting.popleft())
        elif not self._in_head:
            self._alarm.move(self.loop.time() + KEEP_ALIVE_S)

    def _start(self, request: _Request) -> None:
        self._answered = request
        if isinstance(request, HttpExchange):
            request.task = self.loop.create_task(self._desk.serve(request))
        else:
            request.start(self.loop, self._desk.management)

    def _expect_head(self) -> None:
        self._timed = True
        self._alarm.move(self.loop.time() + HEAD_TIMEOUT_S)

    def _late(self) -> None:
        if not self.transport.is_closing():
            self._reject(_TOO_SLOW if self._in_head and self._head_bytes else b"")

    def _overdue(self) -> None:
        if isinstance(self._answered, HttpExchange):
            self._answered.overdue()

    def _reject(self, reply: bytes) -> None:
        if reply:
            self.transport.write(reply)
        self.transport.close()


def _target(url: bytes) -> tuple[str, bytes]:
    """Path, decoded, and query. What it raises for a target that is none, the parser makes an error of its own."""
    if url.startswith(b"/") and url.find(b"#") < 0:
        raw, _, query = url.partition(b"?")
    else:
        parsed = httptools.parse_url(url)
        raw, query = parsed.path, parsed.query or b""
    path = raw.decode("ascii")
    return (unquote(path) if "%" in path else path), query
