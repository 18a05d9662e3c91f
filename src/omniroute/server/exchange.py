"""An ASGI request and its reply as the pipeline's `Exchange`."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from omniroute.errors import GatewayError
from omniroute.ir.failure import Failure

Message: TypeAlias = dict[str, Any]
Scope: TypeAlias = dict[str, Any]


class Receive(Protocol):
    async def __call__(self) -> Message: ...


class Send(Protocol):
    async def __call__(self, message: Message, /) -> None: ...


class AsgiExchange:
    """See `pipeline.exchange.Exchange`. One object lives as long as its request."""

    __slots__ = (
        "_body_limit",
        "_headers",
        "_receive",
        "_scope",
        "_send",
        "complete",
        "ended",
        "extra_headers",
        "method",
        "path",
        "replying",
        "request_id",
        "started",
        "stopped",
    )

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        request_id: str,
        started: float,
        path: str,
        body_limit: int,
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._body_limit = body_limit
        self._headers: dict[str, str] | None = None
        self.request_id = request_id
        self.started = started
        self.method: str = scope["method"]
        self.path = path
        self.extra_headers: tuple[tuple[bytes, bytes], ...] = ()
        """Headers of every reply to this request, whatever it is (CORS)."""
        self.replying = False
        self.ended = False
        self.complete = False
        """The request has been read to its end."""
        self.stopped: Failure | None = None

    @property
    def query(self) -> bytes:
        query: bytes = self._scope["query_string"]
        return query

    @property
    def headers(self) -> Mapping[str, str]:
        headers = self._headers
        if headers is None:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self._scope["headers"]}
            self._headers = headers
        return headers

    @property
    def peer(self) -> str | None:
        client = self._scope["client"]
        return client[0] if client else None

    async def body(self) -> bytes:
        declared = self.headers.get("content-length")
        if declared is not None and declared.isdigit() and int(declared) > self._body_limit:
            raise self._too_large()
        message = await self._receive()
        chunk: bytes = message.get("body", b"")
        if not message.get("more_body", False):
            if message["type"] == "http.disconnect":
                raise ClientLeft
            self.complete = True
            return chunk
        pieces = [chunk]
        size = len(chunk)
        while message.get("more_body", False):
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._body_limit:
                raise self._too_large()
            pieces.append(chunk)
        self.complete = True
        return b"".join(pieces)

    async def reply(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        self.replying = True
        self.ended = True
        fields = [
            *headers,
            *self.extra_headers,
            (b"x-request-id", self.request_id.encode()),
            (b"content-length", b"%d" % len(body)),
        ]
        await self._send({"type": "http.response.start", "status": status, "headers": fields})
        await self._send(
            {"type": "http.response.body", "body": b"" if self.method == "HEAD" else body, "more_body": False}
        )

    async def begin(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.replying = True
        fields = [*headers, *self.extra_headers, (b"x-request-id", self.request_id.encode())]
        await self._send({"type": "http.response.start", "status": status, "headers": fields})

    async def write(self, chunk: bytes) -> None:
        await self._send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def end(self) -> None:
        self.ended = True
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def gone(self) -> None:
        """Returns when the client has closed the connection; only to be awaited after `body`."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _too_large(self) -> GatewayError:
        megabytes = self._body_limit / (1024 * 1024)
        return GatewayError(
            413,
            f"request body too large: the limit is {megabytes:g} MB (setting server.body_limit)",
            code="PAYLOAD_TOO_LARGE",
        )


class ClientLeft(Exception):
    """The client closed the connection before its request was complete; there is nobody to answer."""
