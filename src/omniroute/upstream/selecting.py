"""Which transport carries a request: the demo in-process, proxied ones aiohttp, everything else the fast one."""

from collections.abc import Callable, Coroutine

from omniroute.upstream.demo import SCHEME
from omniroute.upstream.transport import Reply, Transport, UpstreamRequest


class SelectingTransport:
    """`proxied` makes the transport that knows proxies; it is called on first use, so that aiohttp is not
    imported by a gateway that needs none."""

    def __init__(self, direct: Transport, proxied: Callable[[], Transport], demo: Transport) -> None:
        self._direct = direct
        self._make_proxied = proxied
        self._proxied: Transport | None = None
        self._demo = demo

    def open(self, request: UpstreamRequest) -> Coroutine[object, None, Reply]:
        return self._transport(request).open(request)

    async def aclose(self) -> None:
        await self._direct.aclose()
        await self._demo.aclose()
        if self._proxied is not None:
            await self._proxied.aclose()

    def _transport(self, request: UpstreamRequest) -> Transport:
        if request.url.startswith(SCHEME):
            return self._demo
        if request.proxy is None:
            return self._direct
        if self._proxied is None:
            self._proxied = self._make_proxied()
        return self._proxied
