"""Proxies: they resolve and connect, and when they fail nothing goes around them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from omniroute.errors import UpstreamError
from omniroute.upstream.aiohttp_transport import AiohttpTransport
from omniroute.upstream.demo import DemoTransport
from omniroute.upstream.guard import Guard
from omniroute.upstream.native.transport import NativeTransport
from omniroute.upstream.scripted import Answer, ScriptedTransport
from omniroute.upstream.selecting import SelectingTransport
from omniroute.upstream.transport import Deadlines, Transport
from tests.support.proxies import HttpProxy, Proxy, SilentProxy, Socks5Proxy
from tests.support.raw_http import RawServer, always, plain
from tests.support.throwaway_ca import ThrowawayCa
from tests.support.transports import Names, StillClock, fetched, get, post

ROUTES = {"api.test": "127.0.0.1"}
KINDS = {"http": HttpProxy, "socks5": Socks5Proxy}


@pytest.fixture
def ca(tmp_path: Path) -> ThrowawayCa:
    return ThrowawayCa(tmp_path)


@pytest.fixture
async def transport(clock: StillClock, names: Names, ca: ThrowawayCa) -> AsyncIterator[Transport]:
    made = AiohttpTransport(Guard(clock, names), ssl_context=ca.client())
    yield made
    await made.aclose()


@pytest.fixture(params=KINDS)
async def proxy(request: pytest.FixtureRequest) -> AsyncIterator[Proxy]:
    async with KINDS[request.param](ROUTES) as running:
        yield running


async def test_the_proxy_resolves_and_connects(transport: Transport, proxy: Proxy, names: Names) -> None:
    async with RawServer(always(plain(b"ok"))) as server:
        url = server.url("/v1?q=1", host="api.test")
        for _ in range(2):
            request = post(url, b"body", private=False, proxy=proxy.url())
            assert await fetched(transport, request) == (200, b"ok")
    assert proxy.asked == [("api.test", server.port)]
    assert names.asked == []
    # The tiny HTTP proxy passes the second request on a connection as it came, with the whole URL.
    assert [(seen.target.endswith("/v1?q=1"), seen.body) for seen in server.requests] == [(True, b"body")] * 2


async def test_tls_goes_through_the_proxy_to_the_provider(
    transport: Transport, proxy: Proxy, ca: ThrowawayCa
) -> None:
    async with RawServer(always(plain(b"ok")), tls=ca.server("api.test")) as server:
        request = get(server.url(host="api.test"), private=False, proxy=proxy.url())
        assert await fetched(transport, request) == (200, b"ok")
    assert proxy.asked == [("api.test", server.port)]


async def test_socks5h_means_the_same_as_socks5(transport: Transport) -> None:
    async with Socks5Proxy(ROUTES) as proxy, RawServer(always(plain(b"ok"))) as server:
        url = proxy.url().replace("socks5:", "socks5h:")
        assert await fetched(transport, get(server.url(host="api.test"), proxy=url)) == (200, b"ok")
    assert proxy.asked == [("api.test", server.port)]


@pytest.mark.parametrize("kind", KINDS)
async def test_credentials_are_given_to_the_proxy_only(transport: Transport, kind: str) -> None:
    async with KINDS[kind](ROUTES, credentials="me:p@ss") as proxy, RawServer(always(plain(b"ok"))) as server:
        request = get(server.url(host="api.test"), proxy=proxy.url("me:p%40ss@"))
        assert await fetched(transport, request) == (200, b"ok")
    if kind == "socks5":
        assert "proxy-authorization" not in server.requests[0].headers


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("kind", KINDS)
async def test_wrong_credentials_are_a_proxy_error(transport: Transport, kind: str, scheme: str) -> None:
    async with KINDS[kind](ROUTES, credentials="me:right") as proxy, RawServer(always(plain(b"ok"))) as server:
        url = server.url(host="api.test").replace("http:", f"{scheme}:")
        with pytest.raises(UpstreamError) as caught:
            await transport.open(get(url, proxy=proxy.url("me:sesame@")))
    assert (caught.value.kind, server.connections) == ("proxy", 0)
    assert "sesame" not in caught.value.message


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_proxy_that_is_not_there_is_never_gone_around(
    transport: Transport, names: Names, kind: str, scheme: str
) -> None:
    async with KINDS[kind](ROUTES) as proxy:
        gone = proxy.url("me:sesame@")
    names.answers["api.test"] = [("127.0.0.1",)]
    async with RawServer(always(plain(b"ok"))) as server:
        url = server.url(host="api.test").replace("http:", f"{scheme}:")
        with pytest.raises(UpstreamError) as caught:
            await transport.open(get(url, proxy=gone))
    assert (caught.value.kind, server.connections, names.asked) == ("proxy", 0, [])
    assert "sesame" not in caught.value.message


@pytest.mark.parametrize("kind", KINDS)
async def test_a_proxy_that_cannot_reach_the_provider(transport: Transport, kind: str) -> None:
    async with RawServer(always(b"")) as server:
        url = server.url(host="api.test").replace("http:", "https:")
    async with KINDS[kind](ROUTES) as proxy:
        with pytest.raises(UpstreamError) as caught:
            await transport.open(get(url, proxy=proxy.url()))
    assert caught.value.kind == "proxy"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_proxy_that_hangs_up(transport: Transport, kind: str) -> None:
    async with SilentProxy() as proxy:
        proxy.scheme = kind
        with pytest.raises(UpstreamError) as caught:
            await transport.open(get("https://api.test/", proxy=proxy.url()))
    assert caught.value.kind == "proxy"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_proxy_that_stays_silent(transport: Transport, kind: str) -> None:
    async with RawServer(lambda peer: peer.gone()) as mute:
        proxy = f"{kind}://127.0.0.1:{mute.port}"
        with pytest.raises(UpstreamError) as caught:
            await transport.open(get("https://api.test/", proxy=proxy, deadlines=Deadlines(connect_s=0.05)))
        assert caught.value.kind == "proxy"
        assert await mute.left.get() == 1


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://localhost/", "http://a.localhost/", "http://2130706433/", "http://[::1]/"]
)
async def test_a_proxy_is_no_way_around_the_guard(transport: Transport, proxy: Proxy, url: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        await transport.open(get(url, private=False, proxy=proxy.url()))
    assert (caught.value.kind, proxy.asked) == ("blocked", [])


async def test_metadata_is_not_reached_through_a_proxy_either(transport: Transport, proxy: Proxy) -> None:
    with pytest.raises(UpstreamError) as caught:
        await transport.open(get("http://169.254.169.254/", proxy=proxy.url()))
    assert (caught.value.kind, proxy.asked) == ("blocked", [])


@pytest.mark.parametrize("url", ["http://169.254.169.254:3128", "socks5://169.254.169.254:1080"])
async def test_a_proxy_at_a_metadata_address_is_not_used(transport: Transport, url: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        await transport.open(get("https://api.test/", proxy=url))
    assert caught.value.kind == "blocked"


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1:1", "socks4://127.0.0.1:1", "http://", "http://x y", "http://h:0"]
)
async def test_a_proxy_url_that_makes_no_sense(transport: Transport, url: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        await transport.open(get("https://api.test/", proxy=url))
    assert caught.value.kind == "proxy"


async def test_the_name_of_a_proxy_is_looked_up_and_pinned(
    transport: Transport, proxy: Proxy, names: Names
) -> None:
    names.answers["proxy.test"] = [("127.0.0.1",)]
    async with RawServer(always(plain(b"ok"))) as server:
        url = proxy.url().replace("127.0.0.1", "proxy.test")
        assert await fetched(transport, get(server.url(host="api.test"), proxy=url)) == (200, b"ok")
    assert names.asked == ["proxy.test"]


async def test_an_unknown_proxy_name_is_a_proxy_error(transport: Transport, proxy: Proxy) -> None:
    url = proxy.url("me:sesame@").replace("127.0.0.1", "nowhere.test")
    with pytest.raises(UpstreamError) as caught:
        await transport.open(get("https://api.test/", proxy=url))
    assert caught.value.kind == "proxy"
    assert "sesame" not in caught.value.message


async def test_the_fast_transport_refuses_rather_than_ignores_a_proxy(clock: StillClock, names: Names) -> None:
    async with RawServer(always(plain(b"ok"))) as server:
        native = NativeTransport(Guard(clock, names))
        assert await fetched(native, get(server.url())) == (200, b"ok")
        with pytest.raises(UpstreamError) as caught:
            await native.open(get(server.url(), proxy="http://127.0.0.1:1"))
        await native.aclose()
    assert (caught.value.kind, len(server.requests)) == ("proxy", 1)


async def test_each_request_goes_to_the_transport_it_needs() -> None:
    direct, proxied = ScriptedTransport(Answer(status=201)), ScriptedTransport(Answer(status=202))
    made = 0

    def make_proxied() -> Transport:
        nonlocal made
        made += 1
        return proxied

    selecting = SelectingTransport(direct, make_proxied, DemoTransport())
    assert (await selecting.open(get("https://api.test/"))).status == 201
    assert (await selecting.open(get("demo://demo/v1/models"))).status == 200
    assert made == 0
    assert (await selecting.open(get("https://api.test/", proxy="http://p.test"))).status == 202
    assert (made, len(direct.requests), len(proxied.requests)) == (1, 1, 1)
    await selecting.aclose()
    assert (direct.closed, proxied.closed) == (True, True)
