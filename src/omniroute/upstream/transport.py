"""How bytes get to a provider and back: a protocol of two methods, with several implementations."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

import msgspec

from omniroute.errors import UpstreamError

__all__ = ["Deadlines", "Reply", "Sink", "Transport", "UpstreamError", "UpstreamRequest", "pumped"]


class Deadlines(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds; 0 means no limit. `connect_s` covers DNS, TCP, TLS and the proxy. `first_byte_s` runs from the
    sent request to the reply's head and also bounds a request that cannot be sent, `idle_s` between two pieces of
    the body (while somebody wants them), `total_s` over everything."""

    connect_s: float = 30.0
    first_byte_s: float = 600.0
    idle_s: float = 600.0
    total_s: float = 0.0


class UpstreamRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request. Header names are lower case; `host`, `content-length`, `accept-encoding` and
    connection headers are the transport's own business and must not be among them.

    `private` allows loopback and private addresses (local providers and nodes of the operator); link-local
    and metadata addresses are never allowed. `proxy` is a URL (http, https, socks5, socks5h) or None.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    deadlines: Deadlines = Deadlines()
    private: bool = False
    proxy: str | None = None


Sink: TypeAlias = Callable[[bytes], bool]
"""Takes a piece of a body; whether it wants the next one. Must not raise."""


class Reply(Protocol):
    """A reply whose head has arrived. One reader at a time. A cancelled `read` or `chunk` loses nothing and may be
    called again; it is `aclose` that gives up the reply."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> dict[str, str]:
        """Names in lower case; of repeated headers the values are joined by a comma."""
        ...

    async def read(self, limit: int = 64 * 1024 * 1024) -> bytes:
        """The whole body. Raises `UpstreamError`; `protocol` when it is longer than `limit`."""
        ...

    async def chunk(self) -> bytes:
        """The next piece as soon as it is there, of any size; `b""` at the end. Raises `UpstreamError`."""
        ...

    async def pump(self, sink: Sink) -> bool:
        """Calls `sink` with every piece as soon as it is there. True when `sink` refused to go on, False at the
        end of the body. Raises `UpstreamError`."""
        ...

    async def aclose(self) -> None:
        """Gives the connection back when the body was read to its end, else really closes it. Idempotent."""
        ...


class Transport(Protocol):
    async def open(self, request: UpstreamRequest) -> Reply:
        """Sends and waits for the head. Raises `UpstreamError`. Cancelling it closes the connection."""
        ...

    async def aclose(self) -> None:
        """Closes idle connections; replies under way are cut."""
        ...


async def pumped(reply: Reply, sink: Sink) -> bool:
    """`Reply.pump` for replies that have no shorter way than `chunk`."""
    while chunk := await reply.chunk():
        if not sink(chunk):
            return True
    return False
