"""An exchange whose reply goes on a tape, so that several clients can be given it."""

from collections.abc import Mapping, Sequence

from omniroute.caching.tape import Tape
from omniroute.ir.failure import Failure
from omniroute.pipeline.exchange import Exchange


class Broadcast:
    """See `pipeline.exchange.Exchange`. The request is that of whoever asked first; `stopped` is for this answer,
    which outlives that client as long as others wait for it. A slow client does not hold up the provider: the tape
    holds what the client has not taken yet."""

    __slots__ = (
        "headers",
        "method",
        "path",
        "peer",
        "query",
        "request_id",
        "started",
        "stopped",
        "tape",
    )

    def __init__(self, first: Exchange, tape: Tape) -> None:
        self.request_id: str = first.request_id
        self.method: str = first.method
        self.path: str = first.path
        self.query: bytes = first.query
        self.headers: Mapping[str, str] = first.headers
        self.peer: str | None = first.peer
        self.started: float = first.started
        self.stopped: Failure | None = None
        self.tape = tape

    @property
    def replying(self) -> bool:
        return self.tape.begun

    @property
    def writable(self) -> bool:
        return True

    def expire(self, after_s: float, why: Failure) -> None:
        raise RuntimeError("a shared answer ends with the last client that waits for it, and has no deadline")

    async def body(self) -> bytes:
        raise RuntimeError("the body was read before the answer was shared")

    async def reply(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        self.tape.begin(status, headers, whole=True)
        self.tape.add(body)
        self.tape.end()

    async def begin(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.tape.begin(status, headers, whole=False)

    async def write(self, chunk: bytes) -> None:
        self.tape.add(chunk)

    def put(self, chunk: bytes) -> None:
        self.tape.add(chunk)

    async def end(self) -> None:
        self.tape.end()
