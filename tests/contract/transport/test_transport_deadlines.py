"""Each deadline ends exactly what it is for, as an error of the right kind, and closes the connection."""

import asyncio

import pytest

from omniroute.errors import UpstreamError
from omniroute.upstream.transport import Deadlines, Transport
from tests.support.raw_http import Peer, RawServer, always, chunk, head, plain
from tests.support.transports import PATIENT, Names, fetched, get, pieces, post

SOON = 0.03
# For deadlines before which something has to succeed, on a busy machine too.
FAIR = 0.3
LONG = 60.0


def only(**seconds: float) -> Deadlines:
    """One deadline soon, the others far away."""
    return Deadlines(**{"connect_s": LONG, "first_byte_s": LONG, "idle_s": LONG, **seconds})


async def silence(peer: Peer) -> None:
    await peer.request()
    await peer.gone()


async def first_piece_only(peer: Peer) -> None:
    await peer.request()
    await peer.send(head(200, {"transfer-encoding": "chunked"}), chunk(b"one"))
    await peer.gone()


async def steady_pieces(peer: Peer) -> None:
    await peer.request()
    await peer.send(head(200, {"transfer-encoding": "chunked"}))
    while not peer.writer.transport.is_closing():
        await peer.send(chunk(b"x"))
        await asyncio.sleep(SOON / 10)


async def test_connecting_includes_the_lookup(transport: Transport, names: Names) -> None:
    names.answers["slow.test"] = [()]
    stuck = asyncio.Event()
    names.before = stuck.wait
    with pytest.raises(UpstreamError) as caught:
        await transport.open(get("http://slow.test/v1?key=sesame", deadlines=only(connect_s=SOON)))
    assert caught.value.kind == "connect"
    assert f"{SOON:g} s" in caught.value.message


async def test_connecting_includes_the_tls_handshake(transport: Transport) -> None:
    async def mute(peer: Peer) -> None:
        await peer.gone()

    async with RawServer(mute) as server:
        url = server.url().replace("http:", "https:")
        with pytest.raises(UpstreamError) as caught:
            await transport.open(get(url, deadlines=only(connect_s=SOON)))
        assert caught.value.kind == "connect"
        assert await server.left.get() == 1


async def test_a_server_that_never_replies(transport: Transport) -> None:
    async with RawServer(silence) as server:
        with pytest.raises(UpstreamError) as caught:
            await transport.open(post(server.url("/?key=sesame"), deadlines=only(first_byte_s=SOON)))
        assert caught.value.kind == "timeout"
        assert "sesame" not in caught.value.message
        assert await server.left.get() == 1


async def test_a_server_that_takes_nothing(transport: Transport) -> None:
    async def deaf(peer: Peer) -> None:
        peer.writer.transport.pause_reading()
        await stop.wait()

    stop = asyncio.Event()
    async with RawServer(deaf) as server:
        large = post(server.url(), b"x" * (32 * 1024 * 1024), deadlines=only(write_s=FAIR))
        with pytest.raises(UpstreamError) as caught:
            await transport.open(large)
        assert (caught.value.kind, "took nothing of the request" in caught.value.message) == ("timeout", True)
        stop.set()


async def test_a_request_that_is_taken_slowly_is_taken(transport: Transport) -> None:
    async def sleepy(peer: Peer) -> None:
        for _ in range(5):
            peer.writer.transport.pause_reading()
            await asyncio.sleep(FAIR / 3)
            peer.writer.transport.resume_reading()
            await asyncio.sleep(0.01)
        await peer.request()
        await peer.send(plain(b"ok"))

    async with RawServer(sleepy) as server:
        request = post(server.url(), b"x" * (24 * 1024 * 1024), deadlines=only(write_s=FAIR * 1.5))
        assert await fetched(transport, request) == (200, b"ok")


async def test_the_pauses_of_a_reply_may_become_longer_and_shorter(transport: Transport) -> None:
    async with RawServer(first_piece_only) as server:
        reply = await transport.open(get(server.url(), deadlines=only(idle_s=SOON)))
        reply.pause(LONG)
        assert await reply.chunk() == b"one"
        waiting = asyncio.ensure_future(reply.chunk())
        await asyncio.sleep(SOON * 3)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.wait({waiting})
        reply.pause(SOON)
        with pytest.raises(UpstreamError) as caught:
            await reply.chunk()
        assert (caught.value.kind, f"{SOON:g} s" in caught.value.message) == ("timeout", True)
        await reply.aclose()


async def test_a_reply_that_is_given_up_says_why_to_its_reader(transport: Transport) -> None:
    async with RawServer(first_piece_only) as server:
        reply = await transport.open(get(server.url(), deadlines=only()))
        assert await reply.chunk() == b"one"
        asyncio.get_running_loop().call_later(SOON, reply.give_up, "said nothing useful")
        with pytest.raises(UpstreamError) as caught:
            await reply.chunk()
        assert caught.value.kind == "timeout"
        assert caught.value.message.endswith("said nothing useful")
        await reply.aclose()
        assert await server.left.get() == 1


async def test_a_whole_reply_is_not_given_up(transport: Transport) -> None:
    async with RawServer(always(plain(b"ok"))) as server:
        for _ in range(2):
            reply = await transport.open(get(server.url(), deadlines=only()))
            assert await reply.read() == b"ok"
            reply.give_up("too late")
            await reply.aclose()
    assert server.connections == 1


async def test_a_head_that_trickles_in_does_not_move_the_deadline(transport: Transport) -> None:
    async def trickle(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nx-filler: ")
        while not peer.writer.transport.is_closing():
            await peer.send(b"y")
            await asyncio.sleep(SOON / 10)

    async with RawServer(trickle) as server:
        with pytest.raises(UpstreamError) as caught:
            await transport.open(get(server.url(), deadlines=only(first_byte_s=SOON)))
        assert caught.value.kind == "timeout"


async def test_a_stream_that_falls_silent(transport: Transport) -> None:
    async with RawServer(first_piece_only) as server:
        reply = await transport.open(get(server.url(), deadlines=only(idle_s=SOON)))
        assert await reply.chunk() == b"one"
        with pytest.raises(UpstreamError) as caught:
            await reply.chunk()
        assert caught.value.kind == "timeout"
        await reply.aclose()
        assert await server.left.get() == 1


async def test_a_body_that_falls_silent_while_it_is_read_whole(transport: Transport) -> None:
    async with RawServer(first_piece_only) as server:
        with pytest.raises(UpstreamError) as caught:
            await fetched(transport, get(server.url(), deadlines=only(idle_s=SOON)))
        assert caught.value.kind == "timeout"
        assert await server.left.get() == 1


async def test_a_stream_that_never_pauses_ends_at_the_total(transport: Transport) -> None:
    async with RawServer(steady_pieces) as server:
        reply = await transport.open(get(server.url(), deadlines=only(total_s=FAIR)))
        with pytest.raises(UpstreamError) as caught:
            await pieces(reply)
        assert caught.value.kind == "timeout"
        assert "total" in caught.value.message
        await reply.aclose()


async def test_the_total_also_ends_the_wait_for_a_reply(transport: Transport) -> None:
    async with RawServer(silence) as server:
        with pytest.raises(UpstreamError) as caught:
            await transport.open(get(server.url(), deadlines=only(total_s=SOON)))
        assert (caught.value.kind, "total" in caught.value.message) == ("timeout", True)
        assert await server.left.get() == 1


async def test_the_total_passes_while_nobody_reads(transport: Transport) -> None:
    async with RawServer(first_piece_only) as server:
        reply = await transport.open(get(server.url(), deadlines=only(total_s=FAIR)))
        await asyncio.sleep(FAIR * 1.2)
        with pytest.raises(UpstreamError) as caught:
            await pieces(reply)
        assert caught.value.kind == "timeout"
        await reply.aclose()
        assert await server.left.get() == 1


async def test_a_deadline_of_one_request_does_not_reach_the_next_on_the_connection(transport: Transport) -> None:
    async with RawServer(always(plain(b"ok"))) as server:
        for _ in range(2):
            assert await fetched(transport, get(server.url(), deadlines=only(first_byte_s=FAIR))) == (200, b"ok")
            await asyncio.sleep(FAIR * 1.2)
            assert await fetched(transport, get(server.url(), deadlines=PATIENT)) == (200, b"ok")
    assert server.connections == 1


async def test_a_slow_reader_is_not_a_silent_server(transport: Transport) -> None:
    body = b"x" * (32 * 1024 * 1024)

    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.send(plain(body))
        await peer.gone()

    async with RawServer(play) as server:
        reply = await transport.open(get(server.url(), deadlines=only(idle_s=FAIR)))
        await asyncio.sleep(FAIR * 2)
        received = 0
        while piece := await reply.chunk():
            received += len(piece)
        assert received == len(body)
        await reply.aclose()


async def test_zero_means_no_deadline(transport: Transport) -> None:
    async with RawServer(always(plain(b"ok"))) as server:
        assert await fetched(transport, get(server.url(), deadlines=PATIENT)) == (200, b"ok")
