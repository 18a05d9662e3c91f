"""Whenever a client leaves, nothing stays behind: no request, permit, wait, task, or busy connection."""

import socket
import struct

import msgspec
import pytest

from tests.support.inside import Inside
from tests.support.stage import PAIRS, PATHS, Dialect, Stage, question
from tests.support.upstream.answer import Answer, said
from tests.support.upstream.gate import Gate
from tests.support.upstream.script import Hang, Script

EVENTS = 60
TEXT = " ".join(f"word{number}" for number in range(56))
ANSWER: dict[Dialect, Answer] = {"openai": said(TEXT, pieces=56), "anthropic": said(TEXT, pieces=54)}


class Client:
    """A connection on which a request is sent piece by piece, and which can be torn down at any moment."""

    def __init__(self, on: Stage, dialect: Dialect, body: dict) -> None:
        sent = msgspec.json.encode(body)
        lines = {"Host": f"127.0.0.1:{on.gateway.port}", "Content-Type": "application/json"}
        lines |= on.headers(dialect) | {"Content-Length": str(len(sent))}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.head = f"POST {PATHS[dialect]} HTTP/1.1\r\n{head}\r\n".encode()
        self.body = sent
        self._socket = socket.create_connection(("127.0.0.1", on.gateway.port), timeout=20)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, piece: bytes) -> None:
        self._socket.sendall(piece)

    def ask(self) -> None:
        self.send(self.head + self.body)

    def until(self, mark: bytes) -> None:
        read = b""
        while mark not in read:
            piece = self._socket.recv(65536)
            assert piece, f"the connection ended without {mark!r}: {read[-300:]!r}"
            read += piece

    def leave(self, how: str) -> None:
        if how == "reset":
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


@pytest.mark.parametrize("how", ["closed", "reset"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_who_leaves_in_the_middle_of_its_own_head(inside: Inside, within: Stage, share: float, how: str) -> None:
    with Client(within, "openai", question("openai", "any/model")) as client:
        client.send(client.head[: int(len(client.head) * share)])
        client.leave(how)
    assert inside.at_rest() == {}


@pytest.mark.parametrize("how", ["closed", "reset"])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_who_leaves_in_the_middle_of_its_own_body(inside: Inside, within: Stage, share: float, how: str) -> None:
    with Client(within, "openai", question("openai", "any/model")) as client:
        client.send(client.head + client.body[: int(len(client.body) * share)])
        client.leave(how)
    assert inside.at_rest() == {}


@pytest.mark.parametrize("how", ["closed", "reset"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("after", [None, 0])
@pytest.mark.parametrize(("client", "speaks"), PAIRS)
def test_who_leaves_before_anything_was_answered(
    inside: Inside, within: Stage, client: Dialect, speaks: Dialect, after: int | None, stream: bool, how: str
) -> None:
    model = within.model(speaks)
    within.upstream.script(Script(fault=Hang(after)))
    with Client(within, client, question(client, model, stream=stream)) as leaving:
        leaving.ask()
        received = within.upstream.wait_received()
        leaving.leave(how)
        assert received.wait_ended() == "left"
    assert inside.at_rest() == {}


@pytest.mark.parametrize(("client", "speaks"), PAIRS)
def test_who_leaves_after_any_event_of_a_stream(
    inside: Inside, within: Stage, client: Dialect, speaks: Dialect
) -> None:
    model = within.model(speaks)
    for events in range(4, EVENTS, 3):
        within.upstream.reset()
        within.upstream.script(Script(answer=ANSWER[speaks], gate=Gate(events)))
        with Client(within, client, question(client, model, stream=True)) as leaving:
            leaving.ask()
            received = within.upstream.wait_received()
            received.wait_sent(events)
            leaving.until(b"word0")
            leaving.leave("reset" if events % 2 else "closed")
            assert received.wait_ended() == "left", events
        assert inside.at_rest() == {}, events


@pytest.mark.parametrize("how", ["closed", "reset"])
@pytest.mark.parametrize("stream", [False, True])
def test_who_leaves_the_line_for_a_place(inside: Inside, within: Stage, stream: bool, how: str) -> None:
    model = within.model("openai")
    narrow(within, model)
    body = question("openai", model, stream=True)
    within.upstream.script(Script(answer=ANSWER["openai"], gate=Gate(6)))
    with Client(within, "openai", body) as first, Client(within, "openai", body | {"stream": stream}) as second:
        first.ask()
        first.until(b"word0")
        second.ask()
        while not inside.held().get("waiting"):
            pass
        second.leave(how)
        while inside.held().get("waiting"):
            pass
        assert inside.held()["permits"] == 1, "the first one still has its place"
        first.leave(how)
    assert inside.at_rest() == {}
    assert len(within.upstream.generations) == 1


def test_who_leaves_a_shared_answer_last_ends_it(inside: Inside, within: Stage) -> None:
    model = within.model("openai")
    within.upstream.script(Script(answer=ANSWER["openai"], gate=Gate(6)))
    body = question("openai", model, stream=True)
    with Client(within, "openai", body) as first, Client(within, "openai", body) as second:
        for one in (first, second):
            one.head = one.head.replace(b"\r\n\r\n", b"\r\nIdempotency-Key: same\r\n\r\n")
            one.ask()
            one.until(b"word0")
        received = within.upstream.only()
        first.leave("closed")
        while inside.held().get("requests", 0) > 1:
            pass
        assert received.ending is None
        second.leave("reset")
        assert received.wait_ended() == "left"
    assert inside.at_rest() == {}


def narrow(on: Stage, model: str) -> None:
    """The account of the model's provider takes one request at a time."""
    prefix = model.partition("/")[0]
    nodes = on.gateway.admin("GET", "/api/provider-nodes")["nodes"]
    node = next(node["id"] for node in nodes if node["prefix"] == prefix)
    for connection in on.gateway.admin("GET", "/api/providers")["connections"]:
        if connection["provider"] == node:
            on.gateway.admin("PUT", f"/api/providers/{connection['id']}", {"maxConcurrent": 1})
