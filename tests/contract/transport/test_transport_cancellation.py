"""Giving up closes the connection, at every point of a request, and the server sees it."""

import asyncio
from collections.abc import Awaitable

import pytest

from omniroute.errors import UpstreamError
from omniroute.upstream.transport import Transport, UpstreamRequest
from tests.support.raw_http import Peer, RawServer, chunk, head, plain
from tests.support.transports import Names, fetched, get, post


async def cancelled_after(event: asyncio.Event, work: Awaitable[object]) -> None:
    task = asyncio.ensure_future(work)
    await event.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_while_the_name_is_looked_up(transport: Transport, names: Names) -> None:
    asked, stuck = asyncio.Event(), asyncio.Event()

    async def before() -> None:
        asked.set()
        await stuck.wait()

    names.before = before
    await cancelled_after(asked, transport.open(get("http://slow.test/")))


async def test_while_tls_is_negotiated(transport: Transport) -> None:
    greeted = asyncio.Event()

    async def mute(peer: Peer) -> None:
        await peer.reader.read(1)
        greeted.set()
        await peer.gone()

    async with RawServer(mute) as server:
        await cancelled_after(greeted, transport.open(get(server.url().replace("http:", "https:"))))
        assert await server.left.get() == 1


async def test_while_the_request_is_sent(transport: Transport) -> None:
    begun = asyncio.Event()

    async def play(peer: Peer) -> None:
        await peer.head()
        begun.set()
        await peer.gone()

    async with RawServer(play) as server:
        await cancelled_after(begun, transport.open(post(server.url(), b"x" * (64 * 1024 * 1024))))
        assert await server.left.get() == 1


async def test_while_the_reply_is_awaited(transport: Transport) -> None:
    arrived = asyncio.Event()

    async def play(peer: Peer) -> None:
        await peer.request()
        arrived.set()
        await peer.gone()

    async with RawServer(play) as server:
        await cancelled_after(arrived, transport.open(post(server.url())))
        assert await server.left.get() == 1


@pytest.mark.parametrize("whole", [True, False], ids=["read", "chunk"])
async def test_while_the_body_is_read(transport: Transport, whole: bool) -> None:
    reading = asyncio.Event()

    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.send(head(200, {"transfer-encoding": "chunked"}), chunk(b"one"))
        await peer.gone()

    async def read(request: UpstreamRequest) -> None:
        reply = await transport.open(request)
        try:
            if not whole:
                await reply.chunk()
            asyncio.get_running_loop().call_soon(reading.set)
            await (reply.read() if whole else reply.chunk())
        finally:
            await reply.aclose()

    async with RawServer(play) as server:
        await cancelled_after(reading, read(get(server.url())))
        assert await server.left.get() == 1


async def test_a_cancelled_wait_for_a_piece_loses_nothing(transport: Transport) -> None:
    more = asyncio.Event()

    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.send(head(200, {"transfer-encoding": "chunked"}), chunk(b"one"))
        await more.wait()
        await peer.send(chunk(b"two"), b"0\r\n\r\n")

    async with RawServer(play) as server:
        reply = await transport.open(get(server.url()))
        assert await reply.chunk() == b"one"
        waiting = asyncio.ensure_future(reply.chunk())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        more.set()
        assert (await reply.chunk(), await reply.chunk()) == (b"two", b"")
        await reply.aclose()


async def test_closing_a_reply_in_the_middle(transport: Transport) -> None:
    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.send(head(200, {"transfer-encoding": "chunked"}), chunk(b"one"))
        await peer.gone()

    async with RawServer(play) as server:
        reply = await transport.open(get(server.url()))
        await reply.aclose()
        await reply.aclose()
        assert await server.left.get() == 1


async def test_closing_the_transport_cuts_replies_and_drops_idle_connections(transport: Transport) -> None:
    async def play(peer: Peer) -> None:
        await peer.request()
        if peer.number == 1:
            await peer.send(head(200, {"transfer-encoding": "chunked"}), chunk(b"one"))
        else:
            await peer.send(plain(b"done"))
        await peer.gone()

    async with RawServer(play) as server:
        reply = await transport.open(get(server.url()))
        assert await reply.chunk() == b"one"
        assert await fetched(transport, get(server.url())) == (200, b"done")
        await transport.aclose()
        assert {await server.left.get(), await server.left.get()} == {1, 2}
        with pytest.raises(UpstreamError) as caught:
            await reply.chunk()
        assert caught.value.kind == "closed"
        await reply.aclose()
