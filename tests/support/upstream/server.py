"""The scripted upstream: an HTTP/1.1 server on a thread of its own, told what to answer request by request."""

import asyncio
import ssl
import threading
from collections import deque
from types import ModuleType
from typing import Self

from tests.support.upstream import (
    anthropic,
    anthropic_count,
    bedrock_converse,
    cohere,
    embeddings_elsewhere,
    gemini,
    gemini_count,
    google_token,
    media,
    ollama,
    openai_chat,
    openai_embeddings,
    openai_responses,
    simple,
    vertex_anthropic,
)
from tests.support.upstream.connection import Connection
from tests.support.upstream.received import Received
from tests.support.upstream.reply import Plan, plain, plan
from tests.support.upstream.script import Script
from tests.support.upstream.tunnel import Tunnel
from tests.support.upstream.wire import Request

MODELS = ("scripted-small", "scripted-large")
DIALECTS: tuple[ModuleType, ...] = (
    openai_chat,
    openai_responses,
    openai_embeddings,
    anthropic,
    anthropic_count,
    gemini,
    gemini_count,
    ollama,
    bedrock_converse,
    cohere,
    vertex_anthropic,
    simple,
    embeddings_elsewhere,
)


class ScriptedUpstream:
    """Speaks OpenAI under `*/chat/completions`, `*/responses` and `*/embeddings`, Anthropic under `*/messages` and
    `*/messages/count_tokens`, Gemini under `*/models/<model>:<verb>`, Ollama under `*/api/chat`, Bedrock under
    `*/model/<model>/converse`, Cohere under `*/v2/chat`, and Claude on Vertex AI under its own path.

    Each of these requests takes the next script of the queue, or `default` when the queue is empty. Use it as
    a context manager; `url` is the server's root. With `tls` it is a proxy as well (`proxy_url`): whatever host it
    is asked to connect to, it is that host itself, and shows the certificate of `tls`.
    """

    def __init__(self, port: int = 0, *, tls: ssl.SSLContext | None = None) -> None:
        self.default = Script()
        self.received: list[Received] = []
        self.hosts: list[str] = []
        self._tls = tls
        self._proxy_port: int | None = None
        self._changed = threading.Condition()
        self._scripts: deque[Script] = deque()
        self._asked_port = port
        self._port: int | None = None
        self._connections: set[Connection] = set()
        self._connected = 0
        self._failure: BaseException | None = None
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="scripted-upstream", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    @property
    def port(self) -> int:
        assert self._port is not None, "the upstream has not been started"
        return self._port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def proxy_url(self) -> str:
        assert self._proxy_port is not None, "without `tls` the upstream is no proxy"
        return f"http://127.0.0.1:{self._proxy_port}"

    @property
    def generations(self) -> list[Received]:
        """The requests that asked for an answer of a model."""
        return [one for one in self.received if _dialect(one.request) is not None]

    def script(self, *scripts: Script) -> None:
        """The fates of the next requests, in order."""
        with self._changed:
            self._scripts.extend(scripts)

    def reset(self) -> None:
        """Forgets scripts and records; connections stay."""
        with self._changed:
            self._scripts.clear()
            self.received.clear()
            self.default = Script()

    def wait_received(self, count: int = 1, timeout_s: float = 10.0) -> Received:
        """The `count`-th generation request, as soon as it is whole."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.generations) >= count, timeout_s):
                raise AssertionError(f"{len(self.generations)} requests after {timeout_s} s, not {count}")
            return self.generations[count - 1]

    def only(self) -> Received:
        """The one generation request that came."""
        assert len(self.generations) == 1, [one.request.target for one in self.received]
        return self.generations[0]

    @property
    def open_connections(self) -> int:
        with self._changed:
            return len(self._connections)

    # What `Connection` needs.

    def opened(self, connection: Connection) -> int:
        with self._changed:
            self._connections.add(connection)
            self._connected += 1
            return self._connected

    def closed(self, connection: Connection) -> None:
        with self._changed:
            self._connections.discard(connection)
            self._changed.notify_all()

    def record(self, request: Request, connection: int) -> tuple[Received, Plan]:
        with self._changed:
            received = Received(len(self.received) + 1, connection, request, self._changed)
            self.received.append(received)
            dialect = _dialect(request)
            script = Script()
            if dialect is not None:
                script = self._scripts.popleft() if self._scripts else self.default
            self._changed.notify_all()
        return received, _plan(received, dialect, script)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:
            self._failure = failure
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            server = await self._loop.create_server(
                lambda: Connection(self, tasks), "127.0.0.1", self._asked_port, backlog=1024
            )
            self._port = server.sockets[0].getsockname()[1]
            proxy = await self._proxy(tasks)
            self._ready.set()
            await self._stop.wait()
            server.close()
            if proxy is not None:
                proxy.close()
            for connection in list(self._connections):
                connection.abort()

    async def _proxy(self, tasks: asyncio.TaskGroup) -> asyncio.Server | None:
        if self._tls is None:
            return None
        loop, tls = asyncio.get_running_loop(), self._tls
        server = await loop.create_server(
            lambda: Tunnel(lambda: Connection(self, tasks), tls, tasks, self.hosts), "127.0.0.1", 0
        )
        self._proxy_port = server.sockets[0].getsockname()[1]
        return server


def _dialect(request: Request) -> ModuleType | None:
    if request.method != "POST":
        return None
    return next((one for one in DIALECTS if one.handles(request)), None)


def _lister(request: Request) -> ModuleType:
    """The same path lists models for everybody; headers tell who asks."""
    if request.path.endswith("/api/tags"):
        return ollama
    if request.header("x-goog-api-key") is not None or "/v1beta/" in request.path:
        return gemini
    return openai_chat if request.header("anthropic-version") is None else anthropic


def _plan(received: Received, dialect: ModuleType | None, script: Script) -> Plan:
    request = received.request
    if dialect is not None:
        return plan(dialect, received, script)
    if request.method == "GET" and request.path.endswith(("/models", "/api/tags")):
        if (request.header("host") or "").endswith(".amazonaws.com"):
            return plain(404, {"message": "UnknownOperationException"})
        return plain(200, _lister(request).models(MODELS))
    if request.method == "HEAD":
        return plain(200, None)
    if (told := media.reply(request) or google_token.reply(request)) is not None:
        return told
    return plain(404, openai_chat.error(404, f"no such path: {request.target}"))
