"""The recording hop changes nothing and keeps what the client sent."""

from tests.support.asking import ask, asking
from tests.support.hop import Hop
from tests.support.stage import headers, question
from tests.support.upstream.gate import Gate
from tests.support.upstream.script import Cut, Script
from tests.support.upstream.server import ScriptedUpstream


def test_both_ends_see_the_same_requests() -> None:
    with ScriptedUpstream() as upstream, Hop(upstream.port) as hop:
        for stream in (False, True):
            body = question("anthropic", "m", stream=stream)
            assert ask(hop.url, "/v1/messages?beta=true", body, headers=headers("anthropic", "k")).status == 200
        assert hop.requests == [received.request for received in upstream.received]


def test_a_break_on_either_side_reaches_the_other() -> None:
    with ScriptedUpstream() as upstream, Hop(upstream.port) as hop:
        upstream.script(Script(fault=Cut(3)), Script(gate=Gate(3)))
        body = question("openai", "m", stream=True)
        assert not ask(hop.url, "/v1/chat/completions", body).whole
        with asking(hop.url, "/v1/chat/completions", body) as answer:
            answer.until(b"echo")
        assert upstream.received[1].wait_ended() == "left"
