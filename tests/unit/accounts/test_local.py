"""Looking for local servers, over real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping

import msgspec
import pytest

from omniroute.accounts.connection import Connection
from omniroute.accounts.lease import lease
from omniroute.accounts.local import AFTER_ENVIRONMENT, detect
from omniroute.catalog.local import LocalServer, Models, Object, Signature, Text
from omniroute.catalog.provider import Auth, Operation, Provider
from omniroute.errors import UpstreamError
from omniroute.upstream.guard import Guard
from omniroute.upstream.native.transport import NativeTransport
from omniroute.upstream.transport import Deadlines, Reply, UpstreamRequest
from tests.support.raw_http import Peer, Play, RawServer, head, plain
from tests.support.transports import PATIENT, StillClock

GREETING = Signature(path="/", body=Text(value="Llama here"))
VERSION = Signature(path="/version", body=Object(strings=("version",)))
LIST = Signature(path="/v1/models", body=Models(values={"owned_by": "north"}))
MODELS = b'{"object":"list","data":[{"id":"m","owned_by":"north"}]}'


def row(name: str, *, local: bool = True) -> Provider:
    return Provider(
        id=name,
        alias=name,
        name=name.title(),
        base_url="http://localhost:1/api/v1",
        auth=Auth(optional=True),
        operations={"chat": Operation(codec="openai_chat")},
        local=local,
    )


ROWS = {"north": row("north"), "south": row("south")}


def paths(answers: Mapping[str, bytes]) -> Play:
    async def play(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            body = answers.get(request.target)
            await peer.send(plain(b"not here", 404) if body is None else plain(body))

    return play


def at(port: int, *signatures: Signature, provider: str = "north") -> LocalServer:
    return LocalServer(provider=provider, port=port, signatures=signatures)


@pytest.fixture
async def transport() -> AsyncIterator[NativeTransport]:
    transport = NativeTransport(Guard(StillClock()))
    yield transport
    await transport.aclose()


async def found(transport: NativeTransport, *servers: LocalServer, **options: object) -> list[str]:
    connections = await detect(transport, servers, ROWS, deadlines=PATIENT, **options)  # type: ignore[arg-type]
    return [connection.id for connection in connections]


async def test_a_server_with_its_signature_becomes_a_connection(transport: NativeTransport) -> None:
    async with RawServer(paths({"/": b"Llama here", "/version": b'{"version":"1"}'})) as server:
        connections = await detect(transport, [at(server.port, GREETING, VERSION)], ROWS, deadlines=PATIENT)
        assert connections == (
            Connection(
                id="local:north",
                provider="north",
                name=f"North on port {server.port}",
                auth_type="none",
                base_url=f"http://127.0.0.1:{server.port}/api/v1",
                priority=AFTER_ENVIRONMENT,
                origin="local",
            ),
        )
        assert lease(ROWS["north"], connections[0]).url("/models") == server.url("/api/v1/models")
        await transport.aclose()


async def test_only_the_paths_are_asked_for_and_no_credential_is_sent(transport: NativeTransport) -> None:
    async with RawServer(paths({})) as server:
        await found(transport, at(server.port, GREETING, VERSION))
        assert {(request.method, request.target) for request in server.requests} == {
            ("GET", "/"),
            ("GET", "/version"),
        }
        assert {name for request in server.requests for name in request.headers} == {"host", "accept-encoding"}
        await transport.aclose()


async def test_an_open_port_that_answers_with_something_else_is_not_armed(transport: NativeTransport) -> None:
    async with RawServer(paths({"/": b"<html>a router's page</html>", "/v1/models": b"{}"})) as server:
        assert await found(transport, at(server.port, GREETING), at(server.port, LIST)) == []
        await transport.aclose()


async def test_half_a_signature_is_none(transport: NativeTransport) -> None:
    async with RawServer(paths({"/": b"Llama here"})) as server:
        assert await found(transport, at(server.port, GREETING, VERSION)) == []
        await transport.aclose()


async def test_a_server_without_a_signature_is_never_armed(transport: NativeTransport) -> None:
    async with RawServer(paths({})) as server:
        assert await found(transport, at(server.port)) == []
        assert server.connections == 0


async def test_a_redirect_is_not_followed(transport: NativeTransport) -> None:
    async def elsewhere(peer: Peer) -> None:
        await peer.request()
        await peer.send(head(302, {"location": real.url("/"), "content-length": "0"}))

    async with RawServer(paths({"/": b"Llama here"})) as real, RawServer(elsewhere) as server:
        assert await found(transport, at(server.port, GREETING)) == []
        assert real.connections == 0


async def test_an_answer_that_is_not_http_is_not_armed(transport: NativeTransport) -> None:
    async def ssh(peer: Peer) -> None:
        await peer.send(b"SSH-2.0-OpenSSH_9.2\r\n")
        await peer.gone()

    async with RawServer(ssh) as server:
        assert await found(transport, at(server.port, GREETING)) == []


async def test_an_answer_without_end_is_given_up(transport: NativeTransport) -> None:
    async def endless(peer: Peer) -> None:
        await peer.request()
        await peer.send(head(200, {"content-length": str(1 << 40)}))
        while not peer.writer.transport.is_closing():
            await peer.send(b"x" * 65536)

    async with RawServer(endless) as server:
        assert await found(transport, at(server.port, GREETING)) == []


async def test_where_nothing_listens_nothing_is_armed(transport: NativeTransport) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        assert await found(transport, at(held.getsockname()[1], GREETING)) == []


@pytest.mark.parametrize("said", [b"", head(200, {"content-length": "10"}) + b"Llama"])
async def test_a_server_that_stalls_is_left_and_the_others_are_still_found(
    transport: NativeTransport, said: bytes
) -> None:
    async def stall(peer: Peer) -> None:
        await peer.request()
        await peer.send(said)
        await peer.gone()

    async with RawServer(stall) as server:
        assert await detect(transport, [at(server.port, GREETING)], ROWS) == ()
        assert await server.left.get() == 1


async def test_all_are_asked_at_once(transport: NativeTransport) -> None:
    """Each server answers only when both have been asked."""
    both = asyncio.Barrier(2)

    async def together(peer: Peer) -> None:
        await peer.request()
        await both.wait()
        await peer.send(plain(MODELS))

    async with RawServer(together) as one, RawServer(together) as two:
        servers = at(one.port, LIST, provider="south"), at(two.port, LIST)
        assert await found(transport, *servers) == ["local:south", "local:north"]


async def test_our_own_port_and_providers_that_are_unknown_or_remote_are_not_asked(
    transport: NativeTransport,
) -> None:
    async with RawServer(paths({"/v1/models": MODELS})) as server:
        assert await found(transport, at(server.port, LIST), skip_ports={server.port}) == []
        assert await found(transport, at(server.port, LIST, provider="east")) == []
        remote = {"north": row("north", local=False)}
        assert await detect(transport, [at(server.port, LIST)], remote) == ()
        assert server.connections == 0


class Refusing:
    """A transport that keeps the requests and connects to nothing."""

    def __init__(self) -> None:
        self.requests: list[UpstreamRequest] = []

    async def open(self, request: UpstreamRequest) -> Reply:
        self.requests.append(request)
        raise UpstreamError("connect", "nobody is there")

    async def aclose(self) -> None:
        pass


async def test_loopback_only_within_200_ms_past_every_proxy() -> None:
    transport = Refusing()
    assert await detect(transport, [at(11, GREETING, VERSION)], ROWS) == ()
    within = Deadlines(connect_s=0.2, first_byte_s=0.2, idle_s=0.2, total_s=0.2)
    expected = UpstreamRequest(method="GET", url="http://127.0.0.1:11/", deadlines=within, private=True)
    assert transport.requests == [expected, msgspec.structs.replace(expected, url="http://127.0.0.1:11/version")]
