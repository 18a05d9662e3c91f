"""One caller's connection: takes requests off it in order and performs the steps of each reply."""

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, cast

from tests.support.upstream.received import Received
from tests.support.upstream.reply import Break, Comments, Plan, Send, Silence
from tests.support.upstream.wire import BadRequest, Request, RequestReader

if TYPE_CHECKING:
    from tests.support.upstream.server import ScriptedUpstream


_COMMENT = b"c\r\n: patience\n\n\r\n"


class Connection(asyncio.Protocol):
    def __init__(self, server: "ScriptedUpstream", tasks: asyncio.TaskGroup) -> None:
        self._server = server
        self._tasks = tasks
        self._reader = RequestReader()
        self._requests: asyncio.Queue[Request] = asyncio.Queue()
        self._answering: Received | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ordinal = self._server.opened(self)
        self._task = self._tasks.create_task(self._serve())

    def data_received(self, data: bytes) -> None:
        try:
            for request in self._reader.feed(data):
                self._requests.put_nowait(request)
        except BadRequest as problem:
            self._transport.write(
                f"HTTP/1.1 400 {problem}\r\nConnection: close\r\n\r\n".encode("latin-1", "replace")
            )
            self._transport.close()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answering is not None:
            self._answering.end("left")
        self._task.cancel()
        self._server.closed(self)

    def abort(self) -> None:
        self._transport.abort()

    async def _serve(self) -> None:
        while not self._transport.is_closing():
            request = await self._requests.get()
            received, plan = self._server.record(request, self._ordinal)
            self._answering = received
            await self._perform(plan, received)
            self._answering = None
            if plan.close:
                self._transport.close()

    async def _perform(self, plan: Plan, received: Received) -> None:
        for step in plan.steps:
            match step:
                case Send(data, event=True):
                    if plan.gate is not None:
                        await plan.gate.passed()
                    if plan.drip_s:
                        await asyncio.sleep(plan.drip_s)
                    await self._write(b"%x\r\n%b\r\n" % (len(data), data))
                    received.add_sent(data)
                case Send(data):
                    await self._write(data)
                case Silence():
                    await asyncio.get_running_loop().create_future()
                case Comments(every_s):
                    while True:
                        await self._write(_COMMENT)
                        await asyncio.sleep(every_s)
                case Break(how):
                    received.end("broken")
                    self._break(how)
                    return
        received.end("whole")

    async def _write(self, data: bytes) -> None:
        await self._writable.wait()
        self._transport.write(data)

    def _break(self, how: str) -> None:
        if how == "reset":
            connected = cast(socket.socket, self._transport.get_extra_info("socket"))
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
        else:
            self._transport.close()
