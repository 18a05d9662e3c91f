"""Who speaks what: the dialects of clients and of upstreams, and a gateway between the two."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple

from omniroute.dialects.registry import DIALECTS
from omniroute.ir.request import GenerateRequest
from tests.support.asking import Answered
from tests.support.asking import asking as asking_over
from tests.support.clouds import clouds, connected
from tests.support.gateway import Gateway
from tests.support.upstream import sigv4
from tests.support.upstream.received import Received
from tests.support.upstream.script import ErrorEvent, Refuse, Script
from tests.support.upstream.server import ScriptedUpstream


class Node(NamedTuple):
    """How an operator describes an upstream of some dialect."""

    kind: str
    path: str
    api_type: str = "chat"


NODES: Final = {
    "openai_chat": Node("openai-compatible", "/v1"),
    "openai_responses": Node("openai-compatible", "/v1", "responses"),
    "anthropic": Node("anthropic-compatible", "/v1"),
    "gemini": Node("gemini-compatible", "/v1beta"),
    "ollama": Node("ollama-compatible", ""),
}


class Row(NamedTuple):
    """A provider of the catalog, for dialects that no node can have. `model` has a place for a number."""

    provider: str
    model: str
    secret: str
    parameters: dict[str, str]


ACCESS_KEY, SECRET = next(iter(sigv4.ACCESS_KEYS.items()))
ROWS: Final = {
    "bedrock_converse": Row(
        "bedrock", "anthropic.claude-scripted-{}-v1:0", f"{ACCESS_KEY}:{SECRET}", {"region": "us-east-1"}
    ),
    "cohere": Row("cohere", "command-scripted-{}-reasoning", "scripted-key", {}),
}
UPSTREAMS: Final = (*NODES, *ROWS)
CLIENTS: Final = tuple(DIALECTS)


def asking(dialect: str) -> ModuleType:
    return import_module(f"tests.golden.ask.{dialect}")


def receiving(dialect: str) -> ModuleType:
    return import_module(f"tests.golden.receive.{dialect}")


def hearing(dialect: str) -> ModuleType:
    return import_module(f"tests.golden.hear.{dialect}")


class Between:
    """One gateway between clients and upstreams of all dialects."""

    def __init__(self, gateway: Gateway, upstream: ScriptedUpstream) -> None:
        self._gateway = gateway
        self._upstream = upstream
        self._connections: dict[str, str] = {}
        self._renewed = 0
        self._key = gateway.client_key("golden")
        self._models = {dialect: self._fresh(dialect) for dialect in UPSTREAMS}

    def exchange(
        self,
        request: GenerateRequest,
        script: Script,
        *,
        client: str,
        upstream: str,
        stream: bool,
        until: bytes = b"",
        headers: Mapping[str, str] = {},
        members: Mapping[str, object] = {},
        query: str | None = None,
    ) -> tuple[Answered, Received | None]:
        """What the client was answered, and what the upstream received, if it was asked at all.

        Every attempt meets the same script. One that spoils the account gets one of its own, so that nobody else
        meets the rest of it. `headers`, `query` and `members` of the body replace the client's own. With
        `until` the gate of the script is opened wide only when the client has seen these bytes.
        """
        model = self._fresh(upstream) if _spoils_the_account(script) else self._models[upstream]
        self._upstream.reset()
        self._upstream.default = script
        sent = asking(client).sent(request, model, self._key, stream=stream)
        path = sent.path if query is None else sent.path.partition("?")[0] + query
        given = {**sent.headers, **headers}
        with asking_over(self._gateway.url, path, {**sent.body, **members}, headers=given) as answering:
            if until and script.gate is not None:
                answering.until(until)
                script.gate.release(1000)
            answer = answering.rest()
        if upstream in ROWS and _spoils_the_account(script):
            self._fresh(upstream)
        return answer, next(iter(self._upstream.generations), None)

    def _fresh(self, dialect: str) -> str:
        if dialect in ROWS:
            return self._connected(dialect)
        node = NODES[dialect]
        prefix = self._gateway.provider(node.kind, self._upstream.url + node.path, api_type=node.api_type)
        return f"{prefix}/scripted-small"

    def _connected(self, dialect: str) -> str:
        """There is one provider of the kind: its account is another one from now on, and so is the model."""
        row, old = ROWS[dialect], self._connections.get(dialect)
        self._renewed += 1
        if old is not None:
            self._gateway.admin("DELETE", f"/api/providers/{old}")
        self._connections[dialect] = connected(self._gateway, row.provider, row.secret, **row.parameters)
        return f"{row.provider}/{row.model.format(self._renewed)}"


def _spoils_the_account(script: Script) -> bool:
    """Whether the gateway lets the account rest for a while, or for good, even where there is no other."""
    match script.fault:
        case Refuse(status=401 | 402 | 429) | ErrorEvent(kind="rate_limit"):
            return True
        case _:
            return False


@contextmanager
def between(home: Path, env: Mapping[str, str] = {}) -> Iterator[Between]:
    with clouds(home, env) as (upstream, gateway):
        yield Between(gateway, upstream)
