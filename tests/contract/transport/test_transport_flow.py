"""Neither side of a transport takes more than the other is ready for."""

import asyncio
import socket

from omniroute.upstream.transport import Reply, Transport
from tests.support.raw_http import Peer, RawServer, chunk, head, plain
from tests.support.transports import get, post

MIB = 1024 * 1024
# Loopback sockets take a few MiB by themselves; what is sent is far more than that and any read-ahead together.
PLENTY = 64


async def turns() -> None:
    """Lets the loop run long enough for a transport without back-pressure to take everything: it takes up to
    256 KiB in one turn, so 64 MiB in 256 of them."""
    for _ in range(4000):
        await asyncio.sleep(0)


async def test_a_producer_is_paused_while_nobody_reads(transport: Transport) -> None:
    sent = 0

    async def play(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(head(200, {"content-length": str(PLENTY * MIB)}))
        for _ in range(PLENTY):
            await peer.send(b"x" * MIB)
            sent += 1

    async with RawServer(play) as server:
        reply = await transport.open(get(server.url()))
        await turns()
        assert sent < PLENTY // 2
        received = 0
        while piece := await reply.chunk():
            assert len(piece) <= 2 * MIB
            received += len(piece)
        assert received == PLENTY * MIB
        await reply.aclose()


async def test_a_slow_server_is_not_buried_under_the_request(transport: Transport) -> None:
    taken = asyncio.Event()

    async def play(peer: Peer) -> None:
        await peer.head()
        await taken.wait()
        assert len(await peer.reader.readexactly(16 * MIB)) == 16 * MIB
        await peer.send(plain(b"thanks"))

    async with RawServer(play) as server:
        opening = asyncio.ensure_future(transport.open(post(server.url(), b"x" * (16 * MIB))))
        await turns()
        assert not opening.done()
        taken.set()
        reply = await opening
        assert await reply.read() == b"thanks"
        await reply.aclose()


async def test_a_refusal_that_does_not_wait_for_the_whole_request_is_delivered(transport: Transport) -> None:
    async def play(peer: Peer) -> None:
        await peer.head()
        await peer.send(plain(b"too much", 413, {"connection": "close"}))
        await peer.gone()

    async with RawServer(play) as server:
        reply = await transport.open(post(server.url(), b"x" * (32 * MIB)))
        assert (reply.status, await reply.read()) == (413, b"too much")
        await reply.aclose()
        assert await server.left.get() == 1


async def test_small_writes_are_not_held_back(transport: Transport, kind: str) -> None:
    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.send(head(200, {"transfer-encoding": "chunked"}), chunk(b"x"))
        await peer.gone()

    async with RawServer(play) as server:
        reply = await transport.open(get(server.url()))
        assert socket_of(reply, kind).getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        await reply.aclose()


async def test_a_small_request_is_one_write(transport: Transport) -> None:
    arrived: list[bytes] = []

    async def play(peer: Peer) -> None:
        arrived.append(await peer.reader.read(65536))
        await peer.send(plain(b""))

    async with RawServer(play) as server:
        reply = await transport.open(post(server.url(), b"0123456789" * 100))
        await reply.aclose()
    assert arrived[0].endswith(b"\r\n\r\n" + b"0123456789" * 100)


def socket_of(reply: Reply, kind: str) -> socket.socket:
    connection = reply._connection if kind == "native" else reply._response.connection
    transport = connection._transport if kind == "native" else connection.transport
    return transport.get_extra_info("socket")
