"""An exchange that stands around another one, for those who only want to hear or change some of it."""

from collections.abc import Mapping

from omniroute.ir.failure import Failure
from omniroute.pipeline.exchange import Exchange, ReplyHeaders


class Around:
    """See `pipeline.exchange.Exchange`. Everything is passed on."""

    __slots__ = ("_exchange", "headers", "method", "path", "peer", "query", "request_id", "started")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.request_id: str = exchange.request_id
        self.method: str = exchange.method
        self.path: str = exchange.path
        self.query: bytes = exchange.query
        self.headers: Mapping[str, str] = exchange.headers
        self.peer: str | None = exchange.peer
        self.started: float = exchange.started

    @property
    def replying(self) -> bool:
        return self._exchange.replying

    @property
    def stopped(self) -> Failure | None:
        return self._exchange.stopped

    @property
    def writable(self) -> bool:
        return self._exchange.writable

    def expire(self, after_s: float, why: Failure) -> None:
        self._exchange.expire(after_s, why)

    async def body(self) -> bytes:
        return await self._exchange.body()

    async def reply(self, status: int, headers: ReplyHeaders, body: bytes) -> None:
        await self._exchange.reply(status, headers, body)

    async def begin(self, status: int, headers: ReplyHeaders) -> None:
        await self._exchange.begin(status, headers)

    async def write(self, chunk: bytes) -> None:
        await self._exchange.write(chunk)

    def put(self, chunk: bytes) -> None:
        self._exchange.put(chunk)

    async def end(self) -> None:
        await self._exchange.end()
