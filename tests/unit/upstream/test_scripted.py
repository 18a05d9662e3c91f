"""The scripted transport does what its script says, in order."""

import asyncio

import pytest

from omniroute.errors import UpstreamError
from omniroute.upstream.scripted import Answer, Fault, Gate, ScriptedTransport
from omniroute.upstream.transport import UpstreamRequest
from tests.support.transports import get, pieces, post


async def test_requests_are_recorded_and_answered_in_order() -> None:
    transport = ScriptedTransport(
        Answer(status=201, headers={"x": "y"}, chunks=(b"a", b"b")), Fault("connect", "no")
    )
    first = post("https://h/1")
    reply = await transport.open(first)
    assert (reply.status, reply.headers, await pieces(reply)) == (201, {"x": "y"}, [b"a", b"b"])
    with pytest.raises(UpstreamError) as caught:
        await transport.open(get("https://h/2"))
    assert (caught.value.kind, caught.value.message) == ("connect", "no")
    assert [request.url for request in transport.requests] == ["https://h/1", "https://h/2"]


async def test_a_reply_can_be_read_whole_and_remembers_its_end() -> None:
    transport = ScriptedTransport(Answer(chunks=(b"a", b"", b"b")), Answer(chunks=(b"a",)))
    whole, left = await transport.open(get("https://h/")), await transport.open(get("https://h/"))
    assert await whole.read() == b"ab"
    await whole.aclose()
    await left.aclose()
    assert [(reply.finished, reply.cut) for reply in transport.replies] == [(True, False), (False, True)]
    with pytest.raises(UpstreamError) as caught:
        await left.chunk()
    assert caught.value.kind == "closed"


async def test_a_gate_stalls_the_head_or_a_piece_until_it_is_opened() -> None:
    before, between = Gate(), Gate()
    transport = ScriptedTransport(Answer(before=before, chunks=(b"a", between, b"b")))
    opening = asyncio.ensure_future(transport.open(get("https://h/")))
    await before.reached.wait()
    assert not opening.done()
    before.open()
    reply = await opening
    assert await reply.chunk() == b"a"
    waiting = asyncio.ensure_future(reply.chunk())
    await between.reached.wait()
    assert not waiting.done()
    between.open()
    assert await waiting == b"b"


async def test_a_fault_in_the_middle_comes_after_what_was_sent() -> None:
    transport = ScriptedTransport(Answer(chunks=(b"a", Fault("closed", "cut"))))
    reply = await transport.open(get("https://h/"))
    assert await reply.chunk() == b"a"
    with pytest.raises(UpstreamError) as caught:
        await reply.chunk()
    assert (caught.value.kind, caught.value.message) == ("closed", "cut")


async def test_a_limit_is_applied() -> None:
    reply = await ScriptedTransport(Answer(chunks=(b"abc",))).open(get("https://h/"))
    with pytest.raises(UpstreamError) as caught:
        await reply.read(limit=2)
    assert caught.value.kind == "protocol"


async def test_a_function_at_the_end_answers_everything() -> None:
    def echo(request: UpstreamRequest) -> Answer:
        return Answer(chunks=(request.body,))

    transport = ScriptedTransport(Answer(chunks=(b"first",)), echo)
    bodies = [await (await transport.open(post("https://h/", body))).read() for body in (b"1", b"2", b"3")]
    assert bodies == [b"first", b"2", b"3"]


async def test_a_script_that_is_over_says_so() -> None:
    transport = ScriptedTransport()
    with pytest.raises(LookupError, match=r"no answer left for GET https://h/x$"):
        await transport.open(get("https://h/x?key=sesame"))
    transport.add(Answer())
    assert (await transport.open(get("https://h/x"))).status == 200
