"""What a transport makes of the replies that servers send, good and bad."""

import asyncio
import gzip

import pytest

from omniroute.errors import UpstreamError, UpstreamErrorKind
from omniroute.upstream.transport import Transport
from tests.support.raw_http import Peer, RawServer, always, chunk, chunked, head, once, plain
from tests.support.transports import fetched, get, pieces, post

EMPTY = {
    "length zero": (200, plain(b"")),
    "chunked": (200, chunked()),
    "close-delimited": (200, head(200)),
    "204": (204, head(204)),
    "204 with a length": (204, head(204, {"content-length": "5"})),
    "304 with a length": (304, head(304, {"content-length": "5"})),
}
WHOLE = {
    "content-length": plain(b"hello"),
    "chunked": chunked(b"he", b"llo"),
    "chunk extensions and trailers": head(200, {"transfer-encoding": "chunked"})
    + b"5;name=value\r\nhello\r\n0\r\nchecked: yes\r\n\r\n",
    "close-delimited": head(200) + b"hello",
    "closed after its length": plain(b"hello", headers={"connection": "close"}),
    "HTTP/1.0": head(200, {"content-length": "5"}, version="1.0") + b"hello",
    "HTTP/1.0 close-delimited": head(200, version="1.0") + b"hello",
    "after 100 Continue": head(100) + plain(b"hello"),
    "after 103 Early Hints": head(103, {"link": "</x>"}) + plain(b"hello"),
}
BAD: dict[str, tuple[UpstreamErrorKind, bytes]] = {
    "nothing": ("closed", b""),
    "half a head": ("closed", b"HTTP/1.1 200 OK\r\ncontent-le"),
    "only 100 Continue": ("closed", head(100)),
    "garbage": ("protocol", b"SSH-2.0-OpenSSH_9.2\r\n"),
    "a status that is no number": ("protocol", b"HTTP/1.1 abc OK\r\n\r\n"),
    "HTTP/2 in the clear": ("protocol", b"HTTP/2 200 OK\r\n\r\n"),
    "one huge header": ("protocol", head(200, {"x-filler": "y" * 80_000})),
    "many headers": ("protocol", head(200, {f"x-{n}": "y" * 4000 for n in range(20)})),
    "a head without end": ("protocol", b"HTTP/1.1 200 OK\r\nx-filler: " + b"y" * 200_000),
    "another protocol": ("protocol", head(101, {"connection": "upgrade", "upgrade": "websocket"})),
    "two lengths": ("protocol", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok"),
}
CUT: dict[str, tuple[UpstreamErrorKind, bytes]] = {
    "chunked": ("closed", head(200, {"transfer-encoding": "chunked"}) + chunk(b"hel")),
    "inside a chunk": ("closed", head(200, {"transfer-encoding": "chunked"}) + b"5\r\nhe"),
    "content-length": ("closed", plain(b"hello")[:-2]),
}


@pytest.mark.parametrize("sent", WHOLE.values(), ids=WHOLE)
async def test_a_body_is_read_whole_however_it_is_framed(transport: Transport, sent: bytes) -> None:
    async with RawServer(once(sent)) as server:
        assert await fetched(transport, post(server.url())) == (200, b"hello")


@pytest.mark.parametrize(("status", "sent"), EMPTY.values(), ids=EMPTY)
async def test_an_empty_body_ends_at_once(transport: Transport, status: int, sent: bytes) -> None:
    async with RawServer(once(sent)) as server:
        reply = await transport.open(get(server.url()))
        assert (reply.status, await reply.chunk(), await reply.chunk()) == (status, b"", b"")
        await reply.aclose()


async def test_head_has_no_body_whatever_its_length_says(transport: Transport) -> None:
    async with RawServer(always(head(200, {"content-length": "5", "x-kind": "real"}))) as server:
        for _ in range(2):
            reply = await transport.open(get(server.url(), method="HEAD"))
            assert (reply.headers["x-kind"], await reply.read()) == ("real", b"")
            await reply.aclose()


async def test_header_names_are_lower_case_and_repeated_values_joined(transport: Transport) -> None:
    sent = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Limit: a\r\nRetry-After: 7\r\nx-limit: b\r\n\r\n"
    async with RawServer(once(sent)) as server:
        reply = await transport.open(get(server.url()))
        assert reply.headers == {"content-length": "0", "x-limit": "a, b", "retry-after": "7"}
        await reply.aclose()


async def test_every_byte_of_a_header_value_survives(transport: Transport) -> None:
    async with RawServer(once(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-name: caf\xc3\xa9\r\n\r\n")) as server:
        reply = await transport.open(get(server.url()))
        assert reply.headers["x-name"].encode("latin-1") == "café".encode()
        await reply.aclose()


async def test_the_request_arrives_as_it_was_given_and_nothing_is_added(transport: Transport) -> None:
    async with RawServer(always(plain(b"ok"))) as server:
        headers = (("content-type", "application/json"), ("x-key", "naïve"))
        await fetched(transport, post(server.url("/v1/a%20b?q=%7B1%7D&r=x+y"), b'{"a":1}', headers=headers))
        await fetched(transport, get(server.url()))
        await fetched(transport, post(server.url(), b""))
    first, second, third = server.requests
    host = f"127.0.0.1:{server.port}"
    common = {"host": host, "accept-encoding": "identity"}
    assert (first.method, first.target, first.body) == ("POST", "/v1/a%20b?q=%7B1%7D&r=x+y", b'{"a":1}')
    assert first.headers == {**common, "content-type": "application/json", "x-key": "naïve", "content-length": "7"}
    assert (second.method, second.target, second.headers) == ("GET", "/", common)
    assert third.headers == {**common, "content-length": "0"}


async def test_a_large_body_travels_both_ways(transport: Transport) -> None:
    async def echo(peer: Peer) -> None:
        request = await peer.request()
        assert request is not None
        await peer.send(plain(request.body))

    body = bytes(range(256)) * (8 * 1024 * 4)
    async with RawServer(echo) as server:
        assert await fetched(transport, post(server.url(), body)) == (200, body)


async def test_a_large_body_arrives_chunk_by_chunk(transport: Transport) -> None:
    parts = [bytes([n % 251]) * 65_536 for n in range(128)]
    async with RawServer(once(chunked(*parts))) as server:
        reply = await transport.open(get(server.url()))
        assert b"".join(await pieces(reply)) == b"".join(parts)
        await reply.aclose()


async def test_a_piece_is_handed_over_before_the_next_one_is_sent(transport: Transport) -> None:
    asked = asyncio.Semaphore(0)

    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.send(head(200, {"transfer-encoding": "chunked"}))
        for piece in (b"one", b"two", b"three"):
            await asked.acquire()
            await peer.send(chunk(piece))
        await peer.send(b"0\r\n\r\n")

    async with RawServer(play) as server:
        reply = await transport.open(get(server.url()))
        for expected in (b"one", b"two", b"three"):
            asked.release()
            assert await reply.chunk() == expected
        assert await reply.chunk() == b""
        await reply.aclose()


async def test_a_redirect_is_returned_and_not_followed(transport: Transport) -> None:
    async with RawServer(always(plain(b"", 302, {"location": "/elsewhere"}))) as server:
        reply = await transport.open(post(server.url(), headers=(("authorization", "Bearer x"),)))
        assert (reply.status, reply.headers["location"]) == (302, "/elsewhere")
        await reply.aclose()
    assert len(server.requests) == 1


async def test_cookies_are_not_kept(transport: Transport) -> None:
    async with RawServer(always(plain(b"", headers={"set-cookie": "a=b"}))) as server:
        for _ in range(2):
            await fetched(transport, get(server.url()))
    assert "cookie" not in server.requests[1].headers


async def test_a_body_is_not_decompressed(transport: Transport) -> None:
    packed = gzip.compress(b"hello")
    async with RawServer(once(plain(packed, headers={"content-encoding": "gzip"}))) as server:
        assert await fetched(transport, get(server.url())) == (200, packed)


@pytest.mark.parametrize(("kind_of_error", "sent"), BAD.values(), ids=BAD)
async def test_what_is_no_reply_is_an_error_of_the_right_kind(
    transport: Transport, kind_of_error: UpstreamErrorKind, sent: bytes
) -> None:
    async with RawServer(once(sent)) as server:
        with pytest.raises(UpstreamError) as caught:
            await transport.open(post(server.url("/v1?key=sesame"), headers=(("authorization", "Bearer sesame"),)))
    assert caught.value.kind == kind_of_error
    assert "sesame" not in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(("kind_of_error", "sent"), CUT.values(), ids=CUT)
async def test_a_body_that_ends_early_is_never_taken_for_whole(
    transport: Transport, kind_of_error: UpstreamErrorKind, sent: bytes
) -> None:
    async with RawServer(once(sent)) as server:
        with pytest.raises(UpstreamError) as caught:
            await fetched(transport, post(server.url("/v1?key=sesame")))
    assert caught.value.kind == kind_of_error
    assert "sesame" not in caught.value.message


async def test_a_reset_in_the_middle_is_never_taken_for_the_end(transport: Transport) -> None:
    read = asyncio.Event()

    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.send(head(200), b"hel")
        await read.wait()
        peer.reset()

    async with RawServer(play) as server:
        reply = await transport.open(get(server.url()))
        assert await reply.chunk() == b"hel"
        read.set()
        with pytest.raises(UpstreamError) as caught:
            await reply.chunk()
        assert caught.value.kind == "closed"
        await reply.aclose()


async def test_garbage_in_the_middle_of_a_body_is_a_protocol_error(transport: Transport) -> None:
    read = asyncio.Event()

    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.send(head(200, {"transfer-encoding": "chunked"}), chunk(b"fine"))
        await read.wait()
        await peer.send(b"no size\r\n")
        await peer.gone()

    async with RawServer(play) as server:
        reply = await transport.open(get(server.url()))
        assert await reply.chunk() == b"fine"
        read.set()
        with pytest.raises(UpstreamError) as caught:
            await reply.chunk()
        assert caught.value.kind == "protocol"
        await reply.aclose()


async def test_a_body_over_the_limit_is_refused_and_its_connection_closed(transport: Transport) -> None:
    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.send(head(200), b"x" * 5000)
        await peer.gone()

    async with RawServer(play) as server:
        reply = await transport.open(get(server.url()))
        with pytest.raises(UpstreamError) as caught:
            await reply.read(limit=1000)
        assert caught.value.kind == "protocol"
        assert await server.left.get() == 1
        await reply.aclose()


async def test_a_body_of_exactly_the_limit_is_read(transport: Transport) -> None:
    async with RawServer(once(plain(b"x" * 1000))) as server:
        reply = await transport.open(get(server.url()))
        assert len(await reply.read(limit=1000)) == 1000
        await reply.aclose()


async def test_a_line_break_in_a_header_is_refused_before_anything_is_sent(transport: Transport) -> None:
    async with RawServer(always(plain(b""))) as server:
        with pytest.raises(UpstreamError) as caught:
            await transport.open(get(server.url(), headers=(("x-key", "sesame\r\nhost: evil"),)))
    assert (caught.value.kind, server.requests) == ("blocked", [])
    assert "sesame" not in caught.value.message


async def test_nobody_listening_is_a_connect_error(transport: Transport) -> None:
    async with RawServer(always(b"")) as server:
        url = server.url("/v1?key=sesame")
    with pytest.raises(UpstreamError) as caught:
        await transport.open(get(url))
    assert caught.value.kind == "connect"
    assert "refused" in caught.value.message
    assert "sesame" not in caught.value.message
