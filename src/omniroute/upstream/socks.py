"""Connections through a SOCKS5 proxy, which resolves the names it is asked for."""

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError

from omniroute.errors import UpstreamError


class SocksConnector(ProxyConnector):
    """SOCKS5; failures of the proxy leave it as `UpstreamError` `proxy`."""

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's signature
    ) -> Connection:
        try:
            return await super().connect(req, traces, timeout)
        except ProxyConnectionError:
            raise UpstreamError("proxy", "no connection to the SOCKS proxy") from None
        except ProxyTimeoutError:
            raise UpstreamError("proxy", "the SOCKS proxy did not connect in time") from None
        except ProxyError:
            # The library's message may quote what the proxy sent.
            raise UpstreamError("proxy", f"the SOCKS proxy did not connect to {req.url.host!r}") from None
