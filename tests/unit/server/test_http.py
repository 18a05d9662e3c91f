"""The connection of a client, on a transport that remembers what was written."""

import asyncio
from typing import Any

import pytest

from omniroute.pipeline.failures import CLIENT_LEFT, DRAINING
from omniroute.server.exchange import HttpExchange
from omniroute.server.http import HttpProtocol

REQUEST = b"POST /v1/x?a=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closing = False

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Desk:
    """Answers as `answer` does; keeps what it was handed."""

    def __init__(self, answer: Any) -> None:
        self.seen: list[HttpExchange] = []
        self._answer = answer

    @property
    def management(self) -> Any:
        raise AssertionError("nothing here is managed")

    def takes(self, exchange: HttpExchange) -> bool:
        exchange.request_id, exchange.body_limit = "req_1", 1000
        self.seen.append(exchange)
        return True

    async def serve(self, exchange: HttpExchange) -> None:
        try:
            await self._answer(exchange)
        finally:
            exchange.leave()


async def talk(answer: Any, sent: bytes = REQUEST) -> tuple[Wire, Desk]:
    wire, desk = Wire(), Desk(answer)
    protocol = HttpProtocol(desk, set(), asyncio.get_running_loop())
    protocol.connection_made(wire)
    protocol.data_received(sent)
    await asyncio.gather(*(seen.task for seen in desk.seen if seen.task), return_exceptions=True)
    protocol.connection_lost(None)
    return wire, desk


async def test_a_whole_reply_is_one_write() -> None:
    async def answer(exchange: HttpExchange) -> None:
        assert await exchange.body() == b"{}"
        assert (exchange.path, exchange.query) == ("/v1/x", b"a=1")
        await exchange.reply(200, [(b"a", b"b")], b"done")

    wire, _ = await talk(answer)
    assert wire.writes == [b"HTTP/1.1 200 OK\r\na: b\r\nx-request-id: req_1\r\ncontent-length: 4\r\n\r\ndone"]
    assert not wire.closing


async def test_the_head_of_a_stream_goes_with_its_first_piece() -> None:
    async def answer(exchange: HttpExchange) -> None:
        await exchange.begin(200, [])
        await exchange.write(b"one")
        await exchange.end()

    wire, _ = await talk(answer)
    assert [piece.partition(b"\r\n\r\n")[2] for piece in wire.writes] == [b"3\r\none\r\n", b""]


async def test_the_head_of_a_stream_does_not_wait_for_a_piece() -> None:
    begun = asyncio.Event()

    async def answer(exchange: HttpExchange) -> None:
        await exchange.begin(200, [])
        asyncio.get_running_loop().call_soon(begun.set)
        await begun.wait()
        await exchange.write(b"one")
        await exchange.end()

    wire, _ = await talk(answer)
    assert wire.writes[0].endswith(b"\r\n\r\n")
    assert wire.writes[1:] == [b"3\r\none\r\n", b"0\r\n\r\n"]


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: x", b"a\nb", b"a\0b"])
async def test_a_header_that_would_break_out_of_its_line_is_never_sent(value: bytes) -> None:
    async def answer(exchange: HttpExchange) -> None:
        await exchange.reply(200, [(b"x-session", value)], b"")

    wire, _ = await talk(answer)
    assert wire.writes == []
    assert wire.closing


async def test_requests_that_do_not_wait_are_answered_in_order() -> None:
    async def answer(exchange: HttpExchange) -> None:
        await exchange.reply(200, [], exchange.path.encode())

    second = b"GET /second HTTP/1.1\r\nhost: localhost\r\n\r\n"
    wire, desk = Wire(), Desk(answer)
    protocol = HttpProtocol(desk, set(), asyncio.get_running_loop())
    protocol.connection_made(wire)
    protocol.data_received(REQUEST + second)
    for exchange in desk.seen:
        assert exchange.task is not None
        await exchange.task
    protocol.connection_lost(None)
    assert [piece.rpartition(b"\r\n\r\n")[2] for piece in wire.writes] == [b"/v1/x", b"/second"]


async def test_a_client_that_leaves_stops_the_request_under_way_though_it_has_sent_another() -> None:
    wire, desk = Wire(), Desk(lambda exchange: asyncio.Event().wait())
    protocol = HttpProtocol(desk, set(), asyncio.get_running_loop())
    protocol.connection_made(wire)
    protocol.data_received(REQUEST + REQUEST)
    first, second = desk.seen
    assert first.task is not None
    await asyncio.sleep(0)
    protocol.connection_lost(None)
    with pytest.raises(asyncio.CancelledError):
        await first.task
    assert first.stopped is CLIENT_LEFT
    assert second.task is None


async def test_a_deadline_that_passes_stops_the_request_it_was_set_for() -> None:
    async def answer(exchange: HttpExchange) -> None:
        exchange.expire(0.0, DRAINING)
        await asyncio.Event().wait()

    _, desk = await talk(answer)
    assert [seen.stopped for seen in desk.seen] == [DRAINING]


async def test_a_deadline_ends_with_its_request() -> None:
    async def answer(exchange: HttpExchange) -> None:
        if exchange is desk.seen[0]:
            exchange.expire(0.0, DRAINING)
        else:
            later = asyncio.Event()
            asyncio.get_running_loop().call_later(0.0, later.set)  # behind what the first one may have left
            await later.wait()
        await exchange.reply(200, [], b"done")

    wire, desk = Wire(), Desk(answer)
    protocol = HttpProtocol(desk, set(), asyncio.get_running_loop())
    protocol.connection_made(wire)
    protocol.data_received(REQUEST + REQUEST)
    for seen in desk.seen:
        assert seen.task is not None
        await seen.task
    protocol.connection_lost(None)
    assert len(wire.writes) == 2
    assert [seen.stopped for seen in desk.seen] == [None, None]
