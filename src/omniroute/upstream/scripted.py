"""The scripted fake: a transport that records requests and answers from a script, without sockets.

    gate = Gate()
    transport = ScriptedTransport(
        Answer(chunks=(b"data: one\\n\\n", gate, b"data: two\\n\\n")),  # waits before the second piece
        Answer(status=429, headers={"retry-after": "7"}),  # the second request
        Fault("connect", "no connection"),  # the third
    )

`await gate.reached.wait()` returns when the reader has come to the gate, `gate.open()` lets it through: a test
needs no clock. Deadlines are not applied; script a `Fault("timeout", ...)` instead.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from omniroute.errors import UpstreamError, UpstreamErrorKind
from omniroute.upstream.transport import Sink, UpstreamRequest, pumped


class Gate:
    """A place where a reply stalls until it is opened."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._opened = asyncio.Event()

    def open(self) -> None:
        self._opened.set()

    async def passed(self) -> None:
        self.reached.set()
        await self._opened.wait()


class Fault(msgspec.Struct, frozen=True):
    """Becomes an `UpstreamError` when it is reached: instead of a reply, or between two pieces of one."""

    kind: UpstreamErrorKind
    message: str = "scripted fault"


Piece: TypeAlias = bytes | Gate | Fault


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A reply: `before` stalls its head, `chunks` are handed over one by one."""

    status: int = 200
    headers: dict[str, str] = {}
    chunks: tuple[Piece, ...] = ()
    before: Gate | None = None


Step: TypeAlias = Answer | Fault
Script: TypeAlias = Step | Callable[[UpstreamRequest], Step]


class ScriptedTransport:
    """Each request takes the next step of the script; a step that is a function is called with the request
    and stays as the answer to everything that follows when it is the last one.

    `requests` are those that were opened, `replies` those that got a head, in order.
    """

    def __init__(self, *script: Script) -> None:
        self.requests: list[UpstreamRequest] = []
        self.replies: list[ScriptedReply] = []
        self.closed = False
        self._script: deque[Script] = deque(script)

    def add(self, *script: Script) -> None:
        """Makes the script longer."""
        self._script.extend(script)

    async def open(self, request: UpstreamRequest) -> "ScriptedReply":
        self.requests.append(request)
        step = self._next(request)
        if isinstance(step, Fault):
            raise UpstreamError(step.kind, step.message)
        if step.before is not None:
            await step.before.passed()
        reply = ScriptedReply(step)
        self.replies.append(reply)
        return reply

    async def aclose(self) -> None:
        self.closed = True
        for reply in self.replies:
            await reply.aclose()

    def _next(self, request: UpstreamRequest) -> Step:
        if not self._script:
            raise LookupError(
                f"the script has no answer left for {request.method} {request.url.partition('?')[0]}"
            )
        if callable(self._script[0]):
            step = self._script[0] if len(self._script) == 1 else self._script.popleft()
            assert callable(step)
            return step(request)
        step = self._script.popleft()
        assert not callable(step)
        return step


class ScriptedReply:
    """`finished` when the body was read to its end, `cut` when it was closed before that."""

    def __init__(self, answer: Answer) -> None:
        self.status: int = answer.status
        self.headers: dict[str, str] = answer.headers
        self.finished = False
        self.cut = False
        self._pieces: deque[Piece] = deque(answer.chunks)
        self._given_up = asyncio.Event()
        self._why = ""

    async def chunk(self) -> bytes:
        while self._pieces and not self.cut:
            if self._given_up.is_set():
                raise UpstreamError("timeout", self._why)
            match self._pieces[0]:
                case bytes() as piece:
                    self._pieces.popleft()
                    if piece:
                        return piece
                case Gate() as gate:
                    await self._passed(gate)
                    self._pieces.popleft()
                case Fault(kind, message):
                    raise UpstreamError(kind, message)
        if self.cut:
            raise UpstreamError("closed", "the reply was closed")
        self.finished = True
        return b""

    async def read(self, limit: int = 64 * 1024 * 1024) -> bytes:
        pieces: list[bytes] = []
        while piece := await self.chunk():
            pieces.append(piece)
            if sum(map(len, pieces)) > limit:
                raise UpstreamError("protocol", f"the reply is longer than {limit} bytes")
        return b"".join(pieces)

    async def pump(self, sink: Sink) -> bool:
        return await pumped(self, sink)

    def pause(self, idle_s: float) -> None:
        """Deadlines are not applied."""

    def give_up(self, why: str) -> None:
        if not self.finished:
            self._why = f"the scripted provider {why}"
            self._given_up.set()

    async def aclose(self) -> None:
        self.cut = self.cut or not self.finished

    async def _passed(self, gate: Gate) -> None:
        """Returns when the gate is open. Raises `UpstreamError` when the reply is given up before that."""
        opened, left = asyncio.ensure_future(gate.passed()), asyncio.ensure_future(self._given_up.wait())
        try:
            await asyncio.wait((opened, left), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in (opened, left):
                waiting.cancel()
            await asyncio.gather(opened, left, return_exceptions=True)
        if self._given_up.is_set():
            raise UpstreamError("timeout", self._why)
