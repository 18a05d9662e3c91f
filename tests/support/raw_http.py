"""A scripted HTTP server over raw sockets: each connection is played by a coroutine that says what is sent when.

    async def play(peer: Peer) -> None:
        request = await peer.request()
        await peer.send(head(200, {"content-length": "2"}), b"ok")
        await peer.gone()

    async with RawServer(play) as server:
        ... server.url("/v1/x") ...

Nothing here waits for time: scripts wait for events, for bytes, or for the client to leave.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass
class RawRequest:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    head: bytes


def head(status: int = 200, headers: dict[str, str] | None = None, *, version: str = "1.1") -> bytes:
    lines = [f"HTTP/{version} {status} Scripted", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return "\r\n".join([*lines, "", ""]).encode()


def plain(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> bytes:
    """A reply with a content-length."""
    return head(status, {"content-length": str(len(body)), **(headers or {})}) + body


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(piece), piece)


def chunked(*pieces: bytes, status: int = 200, headers: dict[str, str] | None = None) -> bytes:
    return (
        head(status, {"transfer-encoding": "chunked", **(headers or {})})
        + b"".join(chunk(piece) for piece in pieces)
        + b"0\r\n\r\n"
    )


@dataclass
class Peer:
    """One accepted connection, seen from the server."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: "RawServer"
    requests: list[RawRequest] = field(default_factory=list)

    async def head(self) -> RawRequest | None:
        """The next request's head, its body left unread; None when the client closed instead."""
        try:
            raw = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        first, *lines = raw[:-4].decode().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        request = RawRequest(method, target, headers, b"", raw)
        self.requests.append(request)
        self.server.requests.append(request)
        return request

    async def request(self) -> RawRequest | None:
        """The next request with its body; None when the client closed instead."""
        request = await self.head()
        if request is not None:
            try:
                request.body = await self.reader.readexactly(int(request.headers.get("content-length", "0")))
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
        return request

    async def send(self, *pieces: bytes) -> None:
        """Sends all pieces in one write; a client that has left is not an error."""
        try:
            self.writer.write(b"".join(pieces))
            await self.writer.drain()
        except ConnectionError:
            pass

    async def gone(self) -> None:
        """Returns when the client has closed the connection."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass
        self.server.left.put_nowait(self.number)

    def finish(self) -> None:
        """Sends what was written, then FIN."""
        self.writer.close()

    def reset(self) -> None:
        """Sends RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Play = Callable[[Peer], Awaitable[None]]


def always(reply: bytes) -> Play:
    """Keep-alive: the same reply to every request."""

    async def play(peer: Peer) -> None:
        while await peer.request() is not None:
            await peer.send(reply)

    return play


def once(*pieces: bytes) -> Play:
    """One request, one reply, then FIN."""

    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.send(*pieces)

    return play


class RawServer:
    """Counts connections and keeps every request. `left` brings the numbers of peers whose client was seen
    leaving; an error in a script is raised when the server ends."""

    def __init__(self, play: Play, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self._play = play
        self._tls = tls
        self._host = host
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.requests: list[RawRequest] = []
        self.left: asyncio.Queue[int] = asyncio.Queue()
        self.errors: list[BaseException] = []

    async def __aenter__(self) -> "RawServer":
        self._server = await asyncio.start_server(self._accept, self._host, 0, ssl=self._tls, limit=1 << 20)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        if self.errors:
            raise self.errors[0]

    def url(self, path: str = "/", host: str | None = None) -> str:
        return f"{'https' if self._tls else 'http'}://{host or self._host}:{self.port}{path}"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        peer = Peer(self.connections, reader, writer, self)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._play(peer)
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            self.errors.append(error)
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
