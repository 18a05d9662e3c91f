"""The native transport's reading of HTTP/1.1: the same for any split of the bytes, and never anything but a reply
or an `UpstreamError`."""

import asyncio
from itertools import pairwise
from typing import cast

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from omniroute.errors import UpstreamError
from omniroute.upstream.headers import HEAD_LIMIT
from omniroute.upstream.native.message import Message
from omniroute.upstream.native.protocol import Connection
from omniroute.upstream.transport import Deadlines


class Seen(msgspec.Struct, frozen=True):
    """What a reader gets out of a reply."""

    status: int
    headers: dict[str, str]
    body: bytes
    reusable: bool
    failure: str | None


class Sent(msgspec.Struct, frozen=True):
    """Bytes of a server, and what they mean."""

    raw: bytes
    seen: Seen


names = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12).map(lambda text: f"x-{text}")
values = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
fields = st.dictionaries(names, values, max_size=6)
bodies = st.lists(st.binary(min_size=1, max_size=200), max_size=6)
interims = st.lists(
    st.sampled_from([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hints\r\nlink: x\r\n\r\n"]), max_size=2
)


@st.composite
def replies(draw: st.DrawFn) -> Sent:
    """A valid reply in any of the three framings; one without length is followed by the end of the connection."""
    status = draw(st.sampled_from([200, 201, 302, 404, 429, 500, 529]))
    pieces = draw(bodies)
    headers = draw(fields)
    framing = draw(st.sampled_from(["length", "chunked", "close"]))
    body = b"".join(pieces)
    encoded = body
    if framing == "length":
        headers["content-length"] = str(len(body))
    elif framing == "chunked":
        headers["transfer-encoding"] = "chunked"
        extension = draw(st.sampled_from([b"", b";a=b", b';q="c d"']))
        trailer = draw(st.sampled_from([b"", b"x-checked: yes\r\n"]))
        encoded = b"".join(b"%x%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces)
        encoded += b"0\r\n" + trailer + b"\r\n"
    closing = draw(st.booleans())
    if closing:
        headers["connection"] = "close"
    head = f"HTTP/1.1 {status} Fine\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    raw = b"".join(draw(interims)) + head.encode() + b"\r\n" + encoded
    return Sent(raw, Seen(status, headers, body, framing != "close" and not closing, None))


def split(raw: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted({cut % (len(raw) + 1) for cut in cuts}), len(raw)]
    return [raw[start:end] for start, end in pairwise(edges) if start < end]


def read(parts: list[bytes], method: str = "POST") -> Seen:
    message = Message(method)
    failure = None
    body = b""
    try:
        for part in parts:
            message.feed(part)
            body += message.take()
        message.eof()
    except UpstreamError as error:
        failure = error.kind
        body += message.take()
    return Seen(message.status, message.headers(), body, message.reusable and failure is None, failure)


cuts = st.lists(st.integers(min_value=0), max_size=30)


@given(replies(), cuts)
def test_a_reply_is_the_same_however_its_bytes_arrive(sent: Sent, cuts: list[int]) -> None:
    assert read(split(sent.raw, cuts)) == sent.seen


@given(replies())
def test_a_reply_is_the_same_byte_by_byte(sent: Sent) -> None:
    assert read([sent.raw[place : place + 1] for place in range(len(sent.raw))]) == sent.seen


@given(replies(), cuts, st.binary(min_size=1, max_size=40))
def test_what_follows_a_reply_never_gets_into_it(sent: Sent, cuts: list[int], rest: bytes) -> None:
    seen = read(split(sent.raw + rest, cuts))
    if "content-length" in sent.seen.headers or "transfer-encoding" in sent.seen.headers:
        assert (seen.status, seen.body, seen.failure) == (sent.seen.status, sent.seen.body, None)
        # Blank lines between replies are allowed; anything else ends the connection.
        assert not seen.reusable or not rest.strip(b"\r\n")
    else:
        assert seen.body == sent.seen.body + rest


@given(replies(), st.integers(min_value=0))
def test_a_reply_that_is_cut_is_never_taken_for_whole(sent: Sent, cut: int) -> None:
    part = sent.raw[: cut % len(sent.raw)]
    seen = read([part])
    if seen.failure is None:
        delimited = "content-length" in sent.seen.headers or "transfer-encoding" in sent.seen.headers
        assert not delimited or (part.endswith(sent.seen.body) and seen.body == sent.seen.body == b"")
        assert sent.seen.body.startswith(seen.body)
    else:
        assert seen.failure == "closed"


@given(st.binary(max_size=400), cuts, st.sampled_from(["GET", "POST", "HEAD"]))
@example(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n", [], "GET")
@example(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n", [], "GET")
@example(b"HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", [], "GET")
def test_arbitrary_bytes_are_a_reply_or_an_error(raw: bytes, cuts: list[int], method: str) -> None:
    whole, parts = read([raw], method), read(split(raw, cuts), method)
    assert (whole.failure is None) == (parts.failure is None)


@given(replies(), st.data())
def test_damaged_replies_are_a_reply_or_an_error(sent: Sent, data: st.DataObject) -> None:
    raw = bytearray(sent.raw)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place] = data.draw(st.integers(0, 255))
    read(split(bytes(raw), data.draw(cuts)))


@pytest.mark.parametrize(
    "endless",
    [
        (b"HTTP/1.1 200 OK\r\n", b"x-a: b\r\n"),
        (b"HTTP/1.1 200 OK\r\nx-a: ", b"bbbbbbbb"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 ", b"very long reason"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;", b"extension"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", b"x-trailer: b\r\n"),
    ],
)
def test_nothing_but_a_body_goes_on_without_end(endless: tuple[bytes, bytes]) -> None:
    start, more = endless
    message = Message("GET")
    message.feed(start)
    fed = 0

    def feed_for_ever() -> None:
        nonlocal fed
        while fed < 4 * HEAD_LIMIT:
            message.feed(more)
            fed += len(more)

    with pytest.raises(UpstreamError) as caught:
        feed_for_ever()
    assert caught.value.kind == "protocol"
    assert fed <= HEAD_LIMIT


class _Wire:
    """A transport that takes what is written and remembers whether it was aborted."""

    def __init__(self) -> None:
        self.aborted = False
        self.paused = False

    def write(self, data: bytes) -> None:
        pass

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


async def _over_a_connection(parts: list[bytes], whole: bool) -> tuple[Seen, bool]:
    given_back: list[Connection] = []
    connection = Connection(("http", "h", 80, False), "http://h", given_back.append, lambda _: None)
    wire = _Wire()
    connection.connection_made(cast(asyncio.Transport, wire))
    loop = asyncio.get_running_loop()

    def arrive() -> None:
        for part in parts:
            if not wire.aborted:
                connection.data_received(part)
        if not wire.aborted:
            connection.eof_received()
        wire.aborted = True
        connection.connection_lost(None)

    loop.call_soon(arrive)
    deadlines = Deadlines(first_byte_s=5, idle_s=5)
    message = None
    body = b""
    try:
        message = await connection.send("POST", b"", b"", deadlines, float("inf"))
        if whole:
            body = await connection.rest(message, 1 << 30)
        else:
            while piece := await connection.more(message):
                body += piece
    except UpstreamError as error:
        return Seen(0, {}, body, False, error.kind), bool(given_back)
    return Seen(message.status, message.headers(), body, message.reusable, None), bool(given_back)


@given(replies(), cuts, st.booleans())
def test_a_connection_delivers_what_was_sent(sent: Sent, cuts: list[int], whole: bool) -> None:
    seen, given_back = asyncio.run(_over_a_connection(split(sent.raw, cuts), whole))
    assert (seen, given_back) == (sent.seen, sent.seen.reusable)


@given(st.lists(st.binary(max_size=100), max_size=6), st.booleans())
def test_a_connection_ends_whatever_it_is_sent(parts: list[bytes], whole: bool) -> None:
    seen, _ = asyncio.run(_over_a_connection([part for part in parts if part], whole))
    assert seen.failure in (None, "closed", "protocol")
