"""What a client sees when sockets break, and what the gateway does to its upstream when a client leaves."""

import http.client
from collections.abc import Iterator
from contextlib import ExitStack

import msgspec
import pytest

from tests.support import rows
from tests.support.asking import Answering, asking
from tests.support.gateway import Gateway
from tests.support.stage import (
    DIALECTS,
    PAIRS,
    PATHS,
    UPSTREAM_KEY,
    Dialect,
    Stage,
    question,
    refusal,
    stage,
    told,
)
from tests.support.upstream.answer import Answer, said
from tests.support.upstream.gate import Gate
from tests.support.upstream.script import Cut, EndEarly, Fault, Hang, Script
from tests.support.upstream.server import ScriptedUpstream
from tests.support.waiting import soon

EVENTS = 12
TEXT = "one two three four five six seven eight"
ANSWER: dict[Dialect, Answer] = {"openai": said(TEXT, pieces=8), "anthropic": said(TEXT, pieces=6)}
"""Twelve events in each upstream dialect: role, 8 deltas, finish, usage, [DONE]; or message_start, ping, block
start, 6 deltas, block stop, message_delta, message_stop."""

FIRST_USEFUL: dict[Dialect, int] = {"openai": 2, "anthropic": 4}
"""How many events it takes until the first text has come: with fewer, nothing may have reached the client."""

FINISHED: dict[Dialect, int] = {"openai": 10, "anthropic": 11}
"""How many events it takes until the reason of the end is known."""


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ScriptedUpstream() as upstream, stage(upstream, tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.mark.parametrize("after", range(EVENTS + 1))
@pytest.mark.parametrize(("client", "speaks"), PAIRS)
@pytest.mark.parametrize("how", ["closed", "ended"])
def test_a_stream_that_breaks_anywhere_has_exactly_one_terminal_event(
    behind: Stage, client: Dialect, speaks: Dialect, after: int, how: str
) -> None:
    model = behind.model(speaks)
    fault: Fault = Cut(after) if how == "closed" else EndEarly(after)
    behind.upstream.default = Script(answer=ANSWER[speaks], fault=fault)
    reply = behind.ask(client, question(client, model, stream=True))
    assert reply.whole, f"the client's own connection was cut: {reply}"
    assert behind.upstream.generations[-1].events_sent == after
    if after < FIRST_USEFUL[speaks]:
        assert reply.status in (502, 503, 504), reply
        refusal(client, reply.body)
        return
    assert reply.status == 200
    seen = told(client, reply.body)
    assert TEXT.startswith(seen.text)
    if after < FINISHED[speaks]:
        assert seen.ended == "failed"
    elif after == EVENTS or (how == "ended" and speaks == "openai"):
        # Some servers of OpenAI's dialect end the body in good order after the finish_reason and send no [DONE].
        assert (seen.ended, seen.text) == ("ok", TEXT)
    else:
        assert seen.text == TEXT


@pytest.mark.parametrize(("client", "speaks"), PAIRS)
@pytest.mark.parametrize("fault", [Cut(None), Cut(None, "reset"), Cut(0)])
def test_a_plain_answer_that_breaks_is_a_native_error(
    behind: Stage, client: Dialect, speaks: Dialect, fault: Cut
) -> None:
    model = behind.model(speaks)
    behind.upstream.default = Script(fault=fault)
    reply = behind.ask(client, question(client, model))
    assert reply.status in (502, 503, 504), reply
    assert refusal(client, reply.body)["message"]


@pytest.mark.parametrize(("client", "speaks"), PAIRS)
def test_a_client_that_leaves_a_stream_closes_its_upstream(
    behind: Stage, client: Dialect, speaks: Dialect
) -> None:
    model = behind.model(speaks)
    behind.upstream.script(Script(answer=ANSWER[speaks], gate=Gate(6)))
    with asking(
        behind.url, PATHS[client], question(client, model, stream=True), headers=behind.headers(client)
    ) as answer:
        answer.until(b"one t")
        request_id = answer.headers["x-request-id"]
        received = behind.upstream.only()
        assert received.ending is None
    assert received.wait_ended() == "left"
    assert _settled(behind.gateway, request_id).outcome == "cancelled"


@pytest.mark.parametrize(("client", "speaks"), PAIRS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_while_it_waits_closes_its_upstream(
    behind: Stage, client: Dialect, speaks: Dialect, stream: bool
) -> None:
    model = behind.model(speaks)
    behind.upstream.script(Script(fault=Hang(None)))
    connection = http.client.HTTPConnection("127.0.0.1", behind.gateway.port)
    body = msgspec.json.encode(question(client, model, stream=stream))
    connection.request("POST", PATHS[client], body, behind.headers(client) | {"Content-Type": "application/json"})
    received = behind.upstream.wait_received()
    connection.close()
    assert received.wait_ended() == "left"


def test_a_stop_lets_running_streams_end_well(tmp_path_factory: pytest.TempPathFactory) -> None:
    with ScriptedUpstream() as upstream, stage(upstream, tmp_path_factory.mktemp("draining")) as behind:
        gates = [Gate(6) for _ in PAIRS]
        with ExitStack() as open_streams:
            streams = _open_all(behind, open_streams, gates)
            behind.gateway.terminate()
            soon(lambda: behind.gateway.draining)
            for gate in gates:
                gate.release(EVENTS)
            for (client, _), answer in zip(PAIRS, streams, strict=True):
                reply = answer.rest()
                assert reply.whole
                seen = told(client, reply.body)
                assert (seen.ended, seen.text) == ("ok", TEXT)
        assert behind.gateway.stop() == 0


def test_a_stop_ends_streams_that_outlast_the_drain_limit_with_an_error(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = tmp_path_factory.mktemp("impatient")
    with (
        ScriptedUpstream() as upstream,
        Gateway(home, env={"OMNIROUTE_DRAIN_S": "1"}) as gateway,
        ExitStack() as left,
    ):
        behind = Stage(upstream, gateway, gateway.client_key("tests"))
        streams = _open_all(behind, left, [Gate(6) for _ in PAIRS])
        gateway.terminate()
        for (client, _), answer in zip(PAIRS, streams, strict=True):
            reply = answer.rest()
            assert reply.whole
            assert told(client, reply.body).ended == "failed"
        assert gateway.stop() == 0


def _open_all(behind: Stage, stack: ExitStack, gates: list[Gate]) -> list[Answering]:
    """One stream for each pair of dialects, each past its first text and waiting at its gate."""
    prefixes = {
        speaks: behind.gateway.provider(f"{speaks}-compatible", f"{behind.upstream.url}/v1", keys=(UPSTREAM_KEY,))
        for speaks in DIALECTS
    }
    streams: list[Answering] = []
    for (client, speaks), gate in zip(PAIRS, gates, strict=True):
        behind.upstream.script(Script(answer=ANSWER[speaks], gate=gate))
        body = question(client, f"{prefixes[speaks]}/scripted-small", stream=True)
        answer = stack.enter_context(asking(behind.url, PATHS[client], body, headers=behind.headers(client)))
        answer.until(b"one t")
        streams.append(answer)
    return streams


def _settled(gateway: Gateway, request_id: str) -> rows.Row:
    """The request's row as soon as it is settled; the ledger is drained in the background."""
    row = soon(lambda: rows.requests(gateway.database).get(request_id), lambda row: row and row.settled_at)
    assert row is not None
    return row
