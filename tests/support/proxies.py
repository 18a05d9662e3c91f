"""Tiny HTTP and SOCKS5 proxies for tests; they remember where they were asked to go."""

import asyncio
import contextlib
import struct
from base64 import b64decode
from urllib.parse import urlsplit

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    """The common part: accepts, lets `negotiate` find the way, then copies bytes both ways.

    `routes` maps the name that a client asks for to the address where the test's server listens.
    """

    scheme = ""

    def __init__(self, routes: dict[str, str] | None = None, *, credentials: str | None = None) -> None:
        self.asked: list[tuple[str, int]] = []
        self.credentials = credentials
        self._routes = routes or {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def url(self, userinfo: str = "") -> str:
        return f"{self.scheme}://{userinfo}127.0.0.1:{self.port}"

    async def negotiate(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Streams | None:
        raise NotImplementedError

    async def reach(self, host: str, port: int) -> Streams | None:
        self.asked.append((host, port))
        try:
            return await asyncio.open_connection(self._routes.get(host, host), port)
        except OSError:
            return None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        onward: asyncio.StreamWriter | None = None
        try:
            found = await self.negotiate(reader, writer)
            if found is not None:
                back, onward = found
                await asyncio.gather(_copy(reader, onward), _copy(back, writer))
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._tasks.discard(task)
            for end in (writer, onward):
                if end is not None:
                    await _close(end)


class HttpProxy(Proxy):
    """CONNECT for tunnels, absolute targets for plain http."""

    scheme = "http"

    async def negotiate(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Streams | None:
        raw = await reader.readuntil(b"\r\n\r\n")
        first, *lines = raw[:-4].decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        if self.credentials is not None:
            given = headers.get("proxy-authorization", "Basic ").removeprefix("Basic ")
            if b64decode(given).decode() != self.credentials:
                writer.write(b"HTTP/1.1 407 Who are you\r\ncontent-length: 0\r\n\r\n")
                return None
        method, target, _ = first.split(" ")
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            found = await self.reach(host, int(port))
            writer.write(
                b"HTTP/1.1 200 Connected\r\n\r\n" if found else b"HTTP/1.1 502 No\r\ncontent-length: 0\r\n\r\n"
            )
            return found
        split = urlsplit(target)
        found = await self.reach(split.hostname or "", split.port or 80)
        if found is not None:
            path = split.path + (f"?{split.query}" if split.query else "")
            found[1].write("\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode())
        return found


class Socks5Proxy(Proxy):
    """RFC 1928 with no authentication or, when `credentials` are set, RFC 1929."""

    scheme = "socks5"

    async def negotiate(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Streams | None:
        _, count = await reader.readexactly(2)
        await reader.readexactly(count)
        if self.credentials is None:
            writer.write(b"\x05\x00")
        else:
            writer.write(b"\x05\x02")
            _, size = await reader.readexactly(2)
            name = (await reader.readexactly(size)).decode()
            (size,) = await reader.readexactly(1)
            word = (await reader.readexactly(size)).decode()
            accepted = f"{name}:{word}" == self.credentials
            writer.write(b"\x01\x00" if accepted else b"\x01\x01")
            if not accepted:
                return None
        _, _, _, kind = await reader.readexactly(4)
        if kind == 3:
            (size,) = await reader.readexactly(1)
            host = (await reader.readexactly(size)).decode()
        else:
            host = ".".join(str(byte) for byte in await reader.readexactly(4))
        (port,) = struct.unpack("!H", await reader.readexactly(2))
        found = await self.reach(host, port)
        writer.write(b"\x05" + (b"\x00" if found else b"\x05") + b"\x00\x01\x00\x00\x00\x00\x00\x00")
        return found


class SilentProxy(Proxy):
    """Accepts and closes at once, whatever it is asked; its `scheme` is set by the test."""

    async def negotiate(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Streams | None:
        return None


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, asyncio.CancelledError):
        await writer.wait_closed()
