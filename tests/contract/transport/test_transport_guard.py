"""Where a transport refuses to connect, and that it connects to the address that was checked."""

import pytest

from omniroute.errors import UpstreamError
from omniroute.upstream.transport import Transport
from tests.support.raw_http import RawServer, always, plain
from tests.support.transports import Names, StillClock, fetched, get

LOOPBACK = ("127.0.0.1",)
METADATA = ("169.254.169.254",)


async def refused(transport: Transport, url: str, *, private: bool) -> None:
    with pytest.raises(UpstreamError) as caught:
        await transport.open(get(url, private=private))
    assert caught.value.kind == "blocked"
    assert "sesame" not in caught.value.message


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "10.0.0.1"])
async def test_private_addresses_need_the_flag(transport: Transport, host: str) -> None:
    await refused(transport, f"http://{host}:1/?key=sesame", private=False)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "100.100.100.200",
        "192.0.0.192",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "0.0.0.0",
        "[::]",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
    ],
)
async def test_some_addresses_are_never_connected_to(transport: Transport, host: str) -> None:
    await refused(transport, f"http://{host}:1/?key=sesame", private=True)


@pytest.mark.parametrize(
    "url", ["ftp://x.test/", "file:///etc/passwd", "http://u:sesame@x.test/", "http://x.test:0/"]
)
async def test_odd_urls_are_refused(transport: Transport, names: Names, url: str) -> None:
    await refused(transport, url, private=True)
    assert names.asked == []


async def test_a_name_is_judged_by_its_addresses(transport: Transport, names: Names) -> None:
    names.answers = {"inside.test": [LOOPBACK], "metadata.test": [METADATA]}
    async with RawServer(always(plain(b"ok"))) as server:
        await refused(transport, server.url(host="inside.test"), private=False)
        await refused(transport, server.url(host="metadata.test"), private=True)
        assert await fetched(transport, get(server.url(host="inside.test"))) == (200, b"ok")
    assert server.connections == 1


async def test_one_bad_address_spoils_the_name(transport: Transport, names: Names) -> None:
    names.answers["mixed.test"] = [(*LOOPBACK, *METADATA)]
    async with RawServer(always(plain(b"ok"))) as server:
        await refused(transport, server.url(host="mixed.test"), private=True)
    assert server.connections == 0


async def test_a_name_that_changes_its_address_is_pinned(
    transport: Transport, names: Names, clock: StillClock
) -> None:
    names.answers["flip.test"] = [LOOPBACK, METADATA]
    async with RawServer(always(plain(b"ok", headers={"connection": "close"}))) as server:
        url = server.url(host="flip.test")
        assert await fetched(transport, get(url)) == (200, b"ok")
        assert names.asked == ["flip.test"]
        clock.time += 59
        assert await fetched(transport, get(url)) == (200, b"ok")
        assert names.asked == ["flip.test"]
        clock.time += 2
        await refused(transport, url, private=True)
    assert server.connections == 2


async def test_the_host_header_keeps_the_name(transport: Transport, names: Names) -> None:
    names.answers["api.test"] = [LOOPBACK]
    async with RawServer(always(plain(b"ok"))) as server:
        await fetched(transport, get(server.url(host="api.test")))
    assert server.requests[0].headers["host"] == f"api.test:{server.port}"


async def test_the_next_address_is_tried_when_the_first_refuses(transport: Transport, names: Names) -> None:
    names.answers["two.test"] = [("127.0.0.2", "127.0.0.1")]
    async with RawServer(always(plain(b"ok"))) as server:
        assert await fetched(transport, get(server.url(host="two.test"))) == (200, b"ok")


async def test_an_unknown_name_is_a_connect_error(transport: Transport) -> None:
    with pytest.raises(UpstreamError) as caught:
        await transport.open(get("http://nowhere.test/?key=sesame"))
    assert caught.value.kind == "connect"
    assert "'nowhere.test'" in caught.value.message
    assert "sesame" not in caught.value.message
