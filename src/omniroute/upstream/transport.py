"""How bytes get to a provider and back: a protocol of two methods, with several implementations."""

from collections.abc import Callable, Coroutine
from typing import Protocol, TypeAlias

import msgspec

from omniroute.errors import UpstreamError

__all__ = ["Deadlines", "Reply", "Sink", "Transport", "UpstreamError", "UpstreamRequest", "pumped"]


class Deadlines(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds; 0 means no limit. `connect_s` covers DNS, TCP, TLS and the proxy. `write_s` is how long a peer may
    take for a piece of the request (256 KiB), `first_byte_s` runs from the sent request to the reply's head,
    `idle_s` between two pieces of the body (while somebody wants them), `total_s` over everything. Nobody waits
    for a connection to become free: there is no limit to them."""

    connect_s: float = 10.0
    write_s: float = 30.0
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

    def read(self, limit: int = 64 * 1024 * 1024) -> Coroutine[object, None, bytes]:
        """The whole body. Raises `UpstreamError`; `protocol` when it is longer than `limit`."""
        ...

    def chunk(self) -> Coroutine[object, None, bytes]:
        """The next piece as soon as it is there, of any size; `b""` at the end. Raises `UpstreamError`."""
        ...

    def pump(self, sink: Sink) -> Coroutine[object, None, bool]:
        """Calls `sink` with every piece as soon as it is there. True when `sink` refused to go on, False at the
        end of the body. Raises `UpstreamError`."""
        ...

    def pause(self, idle_s: float) -> None:
        """From now on so many seconds may pass between two pieces, in place of the deadline; 0 for any time."""
        ...

    def give_up(self, why: str) -> None:
        """Whoever reads now, or goes on to, gets an `UpstreamError` (`timeout`): the origin's name and `why`. A
        reply that is here to its end is left alone."""
        ...

    async def aclose(self) -> None:
        """Gives the connection back when the body was read to its end, else really closes it. Idempotent."""
        ...


class Transport(Protocol):
    def open(self, request: UpstreamRequest) -> Coroutine[object, None, Reply]:
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
