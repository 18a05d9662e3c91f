"""A client's request and our reply as the pipeline's `Exchange`, straight on the connection."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from omniroute.errors import GatewayError
from omniroute.ir.failure import Failure
from omniroute.pipeline.failures import CLIENT_LEFT
from omniroute.surfaces.table import Endpoint
from omniroute.upstream.alarm import Alarm

Message: TypeAlias = dict[str, Any]
Scope: TypeAlias = dict[str, Any]

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Receive(Protocol):
    async def __call__(self) -> Message: ...


class Send(Protocol):
    async def __call__(self, message: Message, /) -> None: ...


class Line(Protocol):
    """The connection, as far as an exchange needs it."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    flow: FlowControl
    client: tuple[str, int] | None
    deadline: Alarm
    """Of the request that is answered; it rings there."""

    def on_response_complete(self) -> None: ...


class HttpExchange:
    """See `pipeline.exchange.Exchange`. One object lives as long as its request; the dispatcher fills in what
    the head alone does not say."""

    __slots__ = (
        "_asked",
        "_head",
        "_line",
        "_overdue",
        "_pieces",
        "_size",
        "_transport",
        "_waiter",
        "body_limit",
        "complete",
        "ended",
        "extra_headers",
        "found",
        "gone",
        "headers",
        "keep_alive",
        "method",
        "path",
        "query",
        "replying",
        "request_id",
        "started",
        "stopped",
        "task",
    )

    def __init__(
        self, line: Line, method: str, path: str, query: bytes, headers: Mapping[str, str], *, keep_alive: bool
    ) -> None:
        self._line = line
        self._transport = line.transport
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.keep_alive = keep_alive
        """Whether the connection may carry another request after this one."""

        self.request_id = ""
        self.started = 0.0
        self.body_limit = 0
        self.found: tuple[dict[str, Endpoint], str] | None = None
        """The endpoints of the path by method, and the path's parameter."""
        self.extra_headers: tuple[tuple[bytes, bytes], ...] = ()
        """Headers of every reply to this request, whatever it is (CORS)."""
        self.task: asyncio.Task[None] | None = None

        self._pieces: list[bytes] = []
        self._size = 0
        self._asked = False
        self._waiter: asyncio.Future[None] | None = None
        self.complete = False
        """The request has been read to its end."""

        self._head = b""
        self.replying = False
        self.ended = False
        self.gone = False
        self.stopped: Failure | None = None
        self._overdue: Failure | None = None

    @property
    def peer(self) -> str | None:
        client = self._line.client
        return client[0] if client else None

    @property
    def writable(self) -> bool:
        return not self._line.flow.write_paused

    async def body(self) -> bytes:
        self._asked = True
        if not self.complete:
            await self._rest()
        if self._size > self.body_limit:
            raise self._too_large()
        pieces, self._pieces = self._pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def reply(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        head = self._headed(status, headers, b"content-length: %d\r\n" % len(body))
        self.replying = self.ended = True
        if self._line.flow.write_paused:  # by what a pipelined request before this one was answered
            await self._line.flow.drain()
        if not self.gone:
            self._transport.write(head if self.method == "HEAD" else head + body)
        self._finish()

    async def begin(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._head = self._headed(status, headers, b"transfer-encoding: chunked\r\n")
        self.replying = True
        # The first piece nearly always follows at once, and then both are one write.
        self._line.loop.call_soon(self._send_head)

    async def write(self, chunk: bytes) -> None:
        if self._line.flow.write_paused:
            await self._line.flow.drain()
        self.put(chunk)

    def put(self, chunk: bytes) -> None:
        if not self.gone:
            head, self._head = self._head, b""
            self._transport.write(b"%b%x\r\n%b\r\n" % (head, len(chunk), chunk))

    async def end(self) -> None:
        self.ended = True
        if not self.gone:
            head, self._head = self._head, b""
            self._transport.write(head + b"0\r\n\r\n")
        self._finish()

    def expire(self, after_s: float, why: Failure) -> None:
        self._overdue = why
        self._line.deadline.move(self._line.loop.time() + after_s)

    def leave(self) -> None:
        """Nobody works on the request any more: a reply that is not whole ends with its connection."""
        if not self.ended:
            self.ended = True
            self._transport.close()

    # What the connection says.

    def feed(self, piece: bytes) -> None:
        """More of the request's body."""
        if self.ended:
            return
        self._size += len(piece)
        if self._size <= self.body_limit:
            self._pieces.append(piece)
        else:
            self._pieces.clear()
            self._wake()
        if not self._asked and self._size > HIGH_WATER_LIMIT:
            self._line.flow.pause_reading()

    def whole(self) -> None:
        """That was all of the request."""
        self.complete = True
        self._wake()

    def overdue(self) -> None:
        """The deadline has passed."""
        if self._overdue is not None and not self.ended and self.stopped is None and self.task is not None:
            self.stopped = self._overdue
            self.task.cancel()

    def lost(self) -> None:
        """The client has closed the connection: what is done for it stops, and finds the reason in `stopped`."""
        self.gone = True
        if self.ended or self.task is None:
            return
        if self._waiter is not None:
            self._wake()
        else:
            self.stopped = CLIENT_LEFT
            self.task.cancel()

    async def _rest(self) -> None:
        """Waits until the body is here, or too much of it."""
        declared = self.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self.body_limit:
            raise self._too_large()
        if self.headers.get("expect", "").lower() == "100-continue":
            self._transport.write(_CONTINUE)
        self._line.flow.resume_reading()
        while not self.complete and self._size <= self.body_limit:
            if self.gone:
                raise ClientLeft
            self._waiter = self._line.loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _headed(self, status: int, headers: Sequence[tuple[bytes, bytes]], framing: bytes) -> bytes:
        """The head of a reply. Its length is checked against a value that would end its line early; names and
        shapes are our own."""
        fields = (*headers, *self.extra_headers) if self.extra_headers else headers
        lines = b"".join([b"%b: %b\r\n" % field for field in fields])
        if lines.count(b"\n") != len(fields) or lines.count(b"\r") != len(fields) or b"\0" in lines:
            raise ValueError("a header of the reply holds a line break or NUL")
        return b"%b%bx-request-id: %b\r\n%b%b\r\n" % (
            STATUS_LINE[status],
            lines,
            self.request_id.encode(),
            framing,
            b"" if self.keep_alive else b"connection: close\r\n",
        )

    def _send_head(self) -> None:
        if self._head and not self.gone:
            head, self._head = self._head, b""
            self._transport.write(head)

    def _finish(self) -> None:
        if not self.keep_alive:
            self._transport.close()
        self._line.on_response_complete()

    def _too_large(self) -> GatewayError:
        megabytes = self.body_limit / (1024 * 1024)
        return GatewayError(
            413,
            f"request body too large: the limit is {megabytes:g} MB (setting server.body_limit)",
            code="PAYLOAD_TOO_LARGE",
        )


class ClientLeft(Exception):
    """The client closed the connection before its request was complete; there is nobody to answer."""
