"""TLS: the name is what is verified and asked for, the address is what is connected to."""

import ssl
from pathlib import Path

import pytest

from omniroute.errors import UpstreamError
from tests.support.raw_http import Peer, Play, RawServer, always, chunked, head, once, plain
from tests.support.throwaway_ca import ThrowawayCa
from tests.support.transports import Make, Names, fetched, get, post


@pytest.fixture
def ca(tmp_path: Path) -> ThrowawayCa:
    return ThrowawayCa(tmp_path)


@pytest.mark.parametrize("play", [once(plain(b"ok")), once(chunked(b"o", b"k")), once(head(200), b"ok")])
async def test_a_reply_comes_through_tls(make: Make, names: Names, ca: ThrowawayCa, play: Play) -> None:
    names.answers["api.test"] = [("127.0.0.1",)]
    async with RawServer(play, tls=ca.server("api.test")) as server:
        transport = make(ssl_context=ca.client())
        assert await fetched(transport, post(server.url(host="api.test"), b"x" * 300_000)) == (200, b"ok")
    assert len(server.requests[0].body) == 300_000


async def test_the_server_is_asked_for_by_name(make: Make, names: Names, ca: ThrowawayCa) -> None:
    names.answers["api.test"] = [("127.0.0.1",)]
    asked: list[str | None] = []
    context = ca.server("api.test")

    def note(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        asked.append(name)

    context.sni_callback = note
    async with RawServer(always(plain(b"ok")), tls=context) as server:
        transport = make(ssl_context=ca.client())
        for _ in range(2):
            assert await fetched(transport, get(server.url(host="api.test"))) == (200, b"ok")
    assert asked == ["api.test"]
    assert server.requests[0].headers["host"] == f"api.test:{server.port}"


async def test_an_address_is_verified_as_an_address(make: Make, ca: ThrowawayCa) -> None:
    async with RawServer(always(plain(b"ok")), tls=ca.server("127.0.0.1")) as server:
        assert await fetched(make(ssl_context=ca.client()), get(server.url())) == (200, b"ok")


async def test_a_certificate_for_another_name_is_refused(make: Make, names: Names, ca: ThrowawayCa) -> None:
    names.answers["api.test"] = [("127.0.0.1",)]
    async with RawServer(always(plain(b"ok")), tls=ca.server("other.test")) as server:
        with pytest.raises(UpstreamError) as caught:
            await make(ssl_context=ca.client()).open(get(server.url("/?key=sesame", host="api.test")))
    assert (caught.value.kind, server.requests) == ("connect", [])
    assert "certificate" in caught.value.message
    assert "sesame" not in caught.value.message


async def test_an_unknown_authority_is_refused_by_default(make: Make, names: Names, ca: ThrowawayCa) -> None:
    names.answers["api.test"] = [("127.0.0.1",)]
    async with RawServer(always(plain(b"ok")), tls=ca.server("api.test")) as server:
        with pytest.raises(UpstreamError) as caught:
            await make().open(get(server.url(host="api.test")))
    assert (caught.value.kind, server.requests) == ("connect", [])
    assert "certificate" in caught.value.message


async def test_a_server_that_speaks_no_tls_is_a_connect_error(make: Make) -> None:
    async def plainly(peer: Peer) -> None:
        await peer.reader.read(1)
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with RawServer(plainly) as server:
        with pytest.raises(UpstreamError) as caught:
            await make().open(get(server.url().replace("http:", "https:")))
    assert caught.value.kind == "connect"
