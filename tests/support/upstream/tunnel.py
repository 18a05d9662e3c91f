"""The proxy's side of CONNECT: agrees to any host, and then is that host itself."""

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

_AGREED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Tunnel(asyncio.Protocol):
    """Writes down whom it was asked for in `hosts`, then speaks TLS; `make` gives the protocol inside."""

    def __init__(
        self,
        make: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext,
        tasks: asyncio.TaskGroup,
        hosts: list[str],
    ) -> None:
        self._make = make
        self._tls = tls
        self._tasks = tasks
        self._hosts = hosts
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._read += data
        if not self._read.endswith(b"\r\n\r\n"):
            return
        method, target, _ = self._read.partition(b"\r\n")[0].decode("latin-1").split(" ")
        if method != "CONNECT":
            self._transport.close()
            return
        self._hosts.append(target.rpartition(":")[0])
        self._transport.pause_reading()
        self._transport.write(_AGREED)
        self._tasks.create_task(self._secured())

    async def _secured(self) -> None:
        protocol = self._make()
        try:
            inner = await asyncio.get_running_loop().start_tls(
                self._transport, protocol, self._tls, server_side=True
            )
        except (OSError, ssl.SSLError):
            self._transport.close()
            return
        assert inner is not None
        protocol.connection_made(inner)
