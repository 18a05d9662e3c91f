"""One HTTP request and its reply, as the pipeline and the surfaces see them; the server implements it."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from omniroute.ir.failure import Failure

ReplyHeaders: TypeAlias = Sequence[tuple[bytes, bytes]]


class Exchange(Protocol):
    """Header names are lower case; of repeated request headers the last counts."""

    @property
    def request_id(self) -> str: ...

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def query(self) -> bytes:
        """The raw query string, without the question mark."""
        ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def peer(self) -> str | None:
        """The address of the socket's other end, never a forwarded one."""
        ...

    @property
    def started(self) -> float:
        """When the request arrived, monotonic seconds."""
        ...

    @property
    def replying(self) -> bool:
        """True once the reply's head is on its way: from then on errors can only be in-band."""
        ...

    @property
    def stopped(self) -> Failure | None:
        """Why the request's task was cancelled: the client left, its deadline ended, or the server is
        shutting down."""
        ...

    def expire(self, after_s: float, why: Failure) -> None:
        """In `after_s` seconds, cancels the request's task unless its reply is whole; `stopped` is then `why`."""
        ...

    async def body(self) -> bytes:
        """The whole request body, once. Raises `GatewayError` 413 over the limit."""
        ...

    async def reply(self, status: int, headers: ReplyHeaders, body: bytes) -> None:
        """A whole reply."""
        ...

    async def begin(self, status: int, headers: ReplyHeaders) -> None:
        """The head of a streamed reply."""
        ...

    async def write(self, chunk: bytes) -> None:
        """A piece of it; waits while the client is slow."""
        ...

    @property
    def writable(self) -> bool:
        """False while the client takes less than it is given."""
        ...

    def put(self, chunk: bytes) -> None:
        """The same as `write`, without waiting: only while `writable`."""
        ...

    async def end(self) -> None:
        """The end of it."""
        ...
