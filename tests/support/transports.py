"""What tests of transports share: a clock that stands still, a resolver that is told its answers, whole rounds."""

import socket
from collections.abc import Awaitable, Callable

from omniroute.upstream.transport import Deadlines, Reply, Transport, UpstreamRequest

Make = Callable[..., Transport]
"""`make(ssl_context=..., idle_s=...)` of the contract's fixtures."""


class StillClock:
    """Time passes only when the test says so."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


class Names:
    """A resolver that knows what it is told: each lookup of a name takes its next answer, the last one stays.
    `before` is awaited by every lookup."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[str, ...]]] = {}
        self.asked: list[str] = []
        self.before: Callable[[], Awaitable[object]] | None = None

    async def __call__(self, host: str) -> tuple[str, ...]:
        self.asked.append(host)
        if self.before is not None:
            await self.before()
        answers = self.answers.get(host)
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return answers.pop(0) if len(answers) > 1 else answers[0]


def get(url: str, **fields: object) -> UpstreamRequest:
    return UpstreamRequest(**{"method": "GET", "url": url, "private": True, **fields})


def post(url: str, body: bytes = b"{}", **fields: object) -> UpstreamRequest:
    return UpstreamRequest(**{"method": "POST", "url": url, "body": body, "private": True, **fields})


async def fetched(transport: Transport, request: UpstreamRequest) -> tuple[int, bytes]:
    """Status and body of one whole round."""
    reply = await transport.open(request)
    try:
        return reply.status, await reply.read()
    finally:
        await reply.aclose()


async def pieces(reply: Reply) -> list[bytes]:
    found: list[bytes] = []
    while piece := await reply.chunk():
        found.append(piece)
    return found


PATIENT = Deadlines(connect_s=0, first_byte_s=0, idle_s=0, total_s=0)
"""No deadline at all."""
