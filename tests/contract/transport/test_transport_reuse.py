"""When a connection is used again, and the one case in which a request is sent twice."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from omniroute.errors import UpstreamError
from omniroute.upstream.transport import Transport
from tests.support.raw_http import Peer, RawServer, always, chunked, head, plain
from tests.support.transports import Make, fetched, get, post

KEPT = {"length": plain(b"ok"), "chunked": chunked(b"ok"), "empty": plain(b""), "204": head(204)}
GIVEN_UP = {
    "connection: close": plain(b"ok", headers={"connection": "close"}),
    "HTTP/1.0": head(200, {"content-length": "2"}, version="1.0") + b"ok",
    "an extra reply": plain(b"ok") + plain(b"nobody asked"),
}


@pytest.mark.parametrize("sent", KEPT.values(), ids=KEPT)
async def test_a_connection_serves_one_request_after_another(transport: Transport, sent: bytes) -> None:
    async with RawServer(always(sent)) as server:
        for _ in range(20):
            await fetched(transport, post(server.url()))
    assert (server.connections, len(server.requests)) == (1, 20)


@pytest.mark.parametrize("sent", GIVEN_UP.values(), ids=GIVEN_UP)
async def test_a_connection_is_given_up(transport: Transport, sent: bytes) -> None:
    async with RawServer(always(sent)) as server:
        for _ in range(3):
            assert await fetched(transport, post(server.url())) == (200, b"ok")
    assert server.connections == 3


async def test_a_reply_that_arrived_whole_gives_its_connection_back_unread(transport: Transport) -> None:
    async with RawServer(always(plain(b"ok"))) as server:
        for _ in range(3):
            reply = await transport.open(get(server.url()))
            await reply.aclose()
    assert server.connections == 1


async def test_a_reply_read_later_is_still_its_own(transport: Transport) -> None:
    async def play(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            await peer.send(plain(request.body))

    async with RawServer(play) as server:
        first = await transport.open(post(server.url(), b"first"))
        second = await transport.open(post(server.url(), b"second"))
        assert (await first.read(), await second.chunk()) == (b"first", b"second")
        await first.aclose()
        await second.aclose()


async def test_many_requests_share_few_connections(transport: Transport) -> None:
    async with RawServer(always(plain(b"ok"))) as server:

        async def some() -> None:
            for _ in range(10):
                assert await fetched(transport, post(server.url())) == (200, b"ok")

        await asyncio.gather(*(some() for _ in range(20)))
    assert len(server.requests) == 200
    assert server.connections <= 20


async def test_two_hundred_at_once_leave_connections_for_the_next_two_hundred(transport: Transport) -> None:
    async with RawServer(always(plain(b"ok"))) as server:
        for _ in range(2):
            await asyncio.gather(*(fetched(transport, post(server.url())) for _ in range(200)))
    assert len(server.requests) == 400
    assert server.connections <= 200


async def test_connections_made_for_private_addresses_are_not_lent_to_others(transport: Transport) -> None:
    async with RawServer(always(plain(b"ok"))) as server:
        await fetched(transport, get(server.url()))
        with pytest.raises(UpstreamError) as caught:
            await transport.open(get(server.url(), private=False))
    assert caught.value.kind == "blocked"


async def test_a_connection_that_the_server_closed_is_not_used(transport: Transport) -> None:
    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.send(plain(b"ok"))
        peer.finish()
        await peer.gone()

    async with RawServer(play) as server:
        for number in (1, 2, 3):
            assert await fetched(transport, post(server.url())) == (200, b"ok")
            assert await server.left.get() == number
    assert (server.connections, len(server.requests)) == (3, 3)


async def test_an_idle_connection_is_dropped_in_the_end(make: Make) -> None:
    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.send(plain(b"ok"))
        await peer.gone()

    transport = make(idle_s=0.05)
    async with RawServer(play) as server:
        await fetched(transport, get(server.url()))
        assert await server.left.get() == 1


def second_time(ending: Callable[[Peer], Awaitable[None]]) -> Callable[[Peer], Awaitable[None]]:
    """The first connection answers once and then ends like this; later ones answer."""

    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.send(plain(b"ok"))
        if await peer.request() is not None:
            await (ending(peer) if peer.number == 1 else peer.send(plain(b"again")))

    return play


async def closes(peer: Peer) -> None:
    peer.finish()


async def resets(peer: Peer) -> None:
    peer.reset()


@pytest.mark.parametrize("ending", [closes, resets])
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_stale_connection_is_replaced_once(
    transport: Transport, method: str, ending: Callable[[Peer], Awaitable[None]]
) -> None:
    async def play(peer: Peer) -> None:
        await peer.request()
        await (peer.send(plain(b"ok")) if peer.number == 1 else peer.send(plain(b"again")))
        if await peer.request() is not None:
            await ending(peer)

    async with RawServer(play) as server:
        assert await fetched(transport, post(server.url(), method=method)) == (200, b"ok")
        assert await fetched(transport, post(server.url(), method=method)) == (200, b"again")
    assert (server.connections, len(server.requests)) == (2, 3)


async def test_a_post_is_not_sent_again_after_a_byte_of_the_reply(transport: Transport) -> None:
    async def a_byte(peer: Peer) -> None:
        await peer.send(b"H")

    async with RawServer(second_time(a_byte)) as server:
        await fetched(transport, post(server.url()))
        with pytest.raises(UpstreamError) as caught:
            await transport.open(post(server.url()))
    assert caught.value.kind == "closed"
    assert (server.connections, len(server.requests)) == (1, 2)


async def test_a_post_is_sent_again_only_once(transport: Transport) -> None:
    async def play(peer: Peer) -> None:
        await peer.request()
        if peer.number == 1:
            await peer.send(plain(b"ok"))
            await peer.request()

    async with RawServer(play) as server:
        await fetched(transport, post(server.url()))
        with pytest.raises(UpstreamError) as caught:
            await transport.open(post(server.url()))
    assert caught.value.kind == "closed"
    assert (server.connections, len(server.requests)) == (2, 3)


async def test_a_new_connection_that_closes_is_not_retried(transport: Transport) -> None:
    async def play(peer: Peer) -> None:
        await peer.request()

    async with RawServer(play) as server:
        with pytest.raises(UpstreamError) as caught:
            await transport.open(post(server.url()))
    assert (caught.value.kind, server.connections) == ("closed", 1)
