"""The complete transport, over aiohttp: direct connections and HTTP, HTTPS and SOCKS5 proxies.

Cookies, redirects, decompression, environment proxies and automatic headers are off: a reply is handed over
as the provider sent it. There is one session for each way of connecting; connections are kept in it.
"""

import socket
import ssl
from typing import TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from omniroute.errors import UpstreamError
from omniroute.upstream.aiohttp_exchange import Exchange
from omniroute.upstream.aiohttp_reply import AiohttpReply
from omniroute.upstream.endpoint import Endpoint, ProxyEndpoint, Refused, endpoint, proxy_endpoint
from omniroute.upstream.guard import Guard
from omniroute.upstream.headers import HEAD_LIMIT
from omniroute.upstream.transport import UpstreamRequest

_MAX_ROUTES = 64
_MAX_TARGETS = 1024
# Deadlines are the exchange's business; without a number here a SOCKS connection would be cut after 60 s.
_NO_LIMIT_S = 86_400.0
_AUTOMATIC_HEADERS = ("user-agent", "accept", "content-type")


class _Route:
    """One session: its own connections, all direct or all through one proxy."""

    def __init__(self, session: aiohttp.ClientSession, proxy_url: str | None) -> None:
        self.session = session
        self.proxy_url = proxy_url
        self.users = 0

    def leave(self) -> None:
        self.users -= 1


_RouteKey: TypeAlias = tuple[bool, str | None, str | None]


class AiohttpTransport:
    """`ssl_context` replaces the default one (system trust, certificates checked), which tests need."""

    def __init__(self, guard: Guard, *, ssl_context: ssl.SSLContext | None = None, idle_s: float = 50.0) -> None:
        self._guard = guard
        self._ssl: ssl.SSLContext | bool = ssl_context or True
        self._idle_s = idle_s
        self._routes: dict[_RouteKey, _Route] = {}
        self._targets: dict[tuple[str, bool], Endpoint] = {}

    async def open(self, request: UpstreamRequest) -> AiohttpReply:
        target = self._target(request)
        exchange = Exchange(request, target)
        async with exchange.opening():
            route = await self._route(request)
            reply = await exchange.reply(route.session, route.proxy_url, self._ssl, route.leave)
            route.users += 1
            return reply

    def _target(self, request: UpstreamRequest) -> Endpoint:
        """The endpoint of the URL, checked as far as that goes without DNS; remembered, since URLs repeat."""
        known = self._targets.get((request.url, request.private))
        if known is not None:
            return known
        target = endpoint(request.url)
        if isinstance(target, Refused):
            raise UpstreamError("blocked", f"the upstream URL is not used: {target.reason}")
        # aiohttp asks its resolver about names only, and not even about them when a proxy resolves them.
        self._guard.check_literal(target, private=request.private)
        if len(self._targets) >= _MAX_TARGETS:
            self._targets.clear()
        self._targets[request.url, request.private] = target
        return target

    async def aclose(self) -> None:
        routes, self._routes = list(self._routes.values()), {}
        for route in routes:
            await route.session.close()

    async def _route(self, request: UpstreamRequest) -> _Route:
        if request.proxy is None:
            key: _RouteKey = (request.private, None, None)
            return self._routes.get(key) or await self._add(key, self._direct(request.private), None)
        proxy = proxy_endpoint(request.proxy)
        if isinstance(proxy, Refused):
            raise UpstreamError("proxy", f"the proxy URL is not used: {proxy.reason}")
        # A proxy is the operator's own, often on this machine: private addresses are fine, metadata is not.
        address = (await self._guard.addresses(proxy, private=True))[0]
        if proxy.scheme in ("http", "https"):
            key = (request.private, request.proxy, None)
            known = self._routes.get(key)
            return known or await self._add(key, self._direct(True, proxy), request.proxy)
        key = (request.private, request.proxy, address)
        return self._routes.get(key) or await self._add(key, self._socks(proxy, address), None)

    def _direct(self, private: bool, proxy: ProxyEndpoint | None = None) -> aiohttp.BaseConnector:
        resolver = _PinnedResolver(self._guard, private, proxy)
        return aiohttp.TCPConnector(
            resolver=resolver, use_dns_cache=False, limit=0, keepalive_timeout=self._idle_s
        )

    def _socks(self, proxy: ProxyEndpoint, address: str) -> aiohttp.BaseConnector:
        # Imported here because most installations have no SOCKS proxy.
        from omniroute.upstream.socks import SocksConnector

        return SocksConnector(
            host=address,
            port=proxy.port,
            username=proxy.username,
            password=proxy.password or ("" if proxy.username else None),
            rdns=True,
            limit=0,
            keepalive_timeout=self._idle_s,
        )

    async def _add(self, key: _RouteKey, connector: aiohttp.BaseConnector, proxy_url: str | None) -> _Route:
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_AUTOMATIC_HEADERS,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_NO_LIMIT_S),
            trace_configs=[Exchange.tracing()],
            max_line_size=HEAD_LIMIT,
            max_field_size=HEAD_LIMIT,
        )
        route = self._routes[key] = _Route(session, proxy_url)
        if len(self._routes) > _MAX_ROUTES:
            await self._drop_unused(key)
        return route

    async def _drop_unused(self, kept: _RouteKey) -> None:
        """Proxies come and go as the operator edits them; those that nobody uses any more are closed."""
        unused = [key for key, route in self._routes.items() if route.users == 0 and key != kept]
        for session in [self._routes.pop(key).session for key in unused]:
            await session.close()


class _PinnedResolver(AbstractResolver):
    """aiohttp connects to what this returns and looks nothing up itself."""

    def __init__(self, guard: Guard, private: bool, proxy: ProxyEndpoint | None) -> None:
        self._guard = guard
        self._private = private
        self._proxy = proxy

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        asked = self._proxy or Endpoint("https", host, port, host, "/", False)
        addresses = await self._guard.addresses(asked, private=self._private)
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""
