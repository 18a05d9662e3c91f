"""What is particular to the native transport: bytes after a reply, late resets, what it imports."""

import asyncio
import subprocess
import sys

import pytest

from omniroute.errors import UpstreamError
from omniroute.upstream.guard import Guard
from omniroute.upstream.native.transport import NativeTransport
from tests.support.raw_http import Peer, RawServer, always, plain
from tests.support.transports import Names, StillClock, fetched, get, post


@pytest.fixture
def transport() -> NativeTransport:
    return NativeTransport(Guard(StillClock(), Names()))


async def test_garbage_after_a_reply_costs_the_connection_and_nothing_else(transport: NativeTransport) -> None:
    async with RawServer(always(plain(b"ok") + b"more than was promised")) as server:
        for _ in range(3):
            assert await fetched(transport, get(server.url())) == (200, b"ok")
    assert server.connections == 3
    await transport.aclose()


async def test_a_post_is_not_sent_again_after_a_byte_and_a_reset(transport: NativeTransport) -> None:
    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.send(plain(b"ok"))
        await peer.request()
        await peer.send(b"H")
        # The byte has to be read before the reset arrives, which would overtake it.
        await server_read.wait()
        peer.reset()

    server_read = asyncio.Event()
    async with RawServer(play) as server:
        await fetched(transport, post(server.url()))
        opening = asyncio.ensure_future(transport.open(post(server.url())))
        for _ in range(50):
            await asyncio.sleep(0)
        server_read.set()
        with pytest.raises(UpstreamError) as caught:
            await opening
    assert (caught.value.kind, server.connections) == ("closed", 1)
    await transport.aclose()


async def test_a_transport_that_is_closed_keeps_no_connection(transport: NativeTransport) -> None:
    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.send(plain(b"ok"))
        await peer.gone()

    async with RawServer(play) as server:
        await transport.aclose()
        with pytest.raises(UpstreamError) as caught:
            await transport.open(get(server.url()))
        assert caught.value.kind == "closed"
        assert await server.left.get() == 1


def test_selecting_and_native_do_not_import_aiohttp() -> None:
    script = (
        "import sys, omniroute.upstream.native.transport, omniroute.upstream.selecting, omniroute.upstream.demo;"
        "sys.exit('aiohttp' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
