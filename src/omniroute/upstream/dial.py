"""A direct connection to an endpoint: the guard's addresses in turn, TLS under the name, one deadline."""

import asyncio
import math
import ssl
from collections.abc import Callable
from typing import TypeVar

from omniroute.errors import UpstreamError
from omniroute.upstream.endpoint import Endpoint
from omniroute.upstream.guard import Guard
from omniroute.upstream.reasons import connection_reason
from omniroute.upstream.transport import UpstreamRequest

_P = TypeVar("_P", bound=asyncio.BaseProtocol)


class Dialer:
    """`ssl_context` replaces the default one (system trust, certificates checked), which tests need."""

    def __init__(self, guard: Guard, ssl_context: ssl.SSLContext | None) -> None:
        self._guard = guard
        self._ssl = ssl_context
        self._loop: asyncio.AbstractEventLoop | None = None

    async def dial(
        self, target: Endpoint, request: UpstreamRequest, final: float, protocol: Callable[[], _P]
    ) -> _P:
        """Raises `UpstreamError`: `blocked` or `connect`, or `timeout` when the total deadline `final` (the
        loop's time) comes first."""
        connect_s = request.deadlines.connect_s
        loop = self._loop = self._loop or asyncio.get_running_loop()  # once: asking is a system call
        until = min(final, loop.time() + connect_s if connect_s else math.inf)
        timeout = asyncio.timeout_at(until if until < math.inf else None)
        try:
            async with timeout:
                addresses = await self._guard.addresses(target, private=request.private)
                return await self._first(loop, target, addresses, until, protocol)
        except OSError as error:
            if not timeout.expired():
                reason = connection_reason(error)
                raise UpstreamError("connect", f"no connection to {target.origin}: {reason}") from None
            if until == final:
                raise UpstreamError(
                    "timeout", f"{target.origin} did not finish in the total time allowed"
                ) from None
            raise UpstreamError("connect", f"no connection to {target.origin} within {connect_s:g} s") from None

    async def _first(
        self,
        loop: asyncio.AbstractEventLoop,
        target: Endpoint,
        addresses: tuple[str, ...],
        until: float,
        protocol: Callable[[], _P],
    ) -> _P:
        """The first address that accepts; each but the last has its share of the time that is left."""
        tls = self._tls() if target.scheme == "https" else None
        name = target.host if tls else None
        failure = OSError()
        for tried, address in enumerate(addresses, 1):
            connecting = loop.create_connection(protocol, address, target.port, ssl=tls, server_hostname=name)
            try:
                if tried == len(addresses):  # bounded by the deadline of all; a timer less for the common case
                    return (await connecting)[1]
                share_s = (until - loop.time()) / (len(addresses) - tried + 1)
                async with asyncio.timeout(share_s if share_s < math.inf else None):
                    return (await connecting)[1]
            except OSError as error:
                failure = error
        raise failure

    def _tls(self) -> ssl.SSLContext:
        if self._ssl is None:
            self._ssl = ssl.create_default_context()
            self._ssl.set_alpn_protocols(["http/1.1"])
        return self._ssl
