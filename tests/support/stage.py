"""A gateway between a client and the scripted upstream, with what it takes to ask in either dialect."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from tests.support import order, strict
from tests.support.asking import Answered, ask
from tests.support.gateway import Gateway
from tests.support.upstream.server import ScriptedUpstream

Dialect: TypeAlias = Literal["openai", "anthropic"]
DIALECTS: tuple[Dialect, ...] = ("openai", "anthropic")
Speaks: TypeAlias = Literal[Dialect, "gemini", "responses", "ollama"]
"""What an upstream may speak."""
PAIRS: tuple[tuple[Dialect, Dialect], ...] = tuple((client, up) for client in DIALECTS for up in DIALECTS)
"""(what the client speaks, what the upstream speaks)"""

UPSTREAM_KEY = "sk-upstream-secret"


@dataclass
class Stage:
    upstream: ScriptedUpstream
    gateway: Gateway
    key: str

    @property
    def url(self) -> str:
        return self.gateway.url

    def site(self, dialect: Speaks) -> "Site":
        """Where a client finds a fresh model of an upstream that speaks `dialect`."""
        return Site(url=self.url, key=self.key, model=self.model(dialect), upstream=self.upstream, speaks=dialect)

    def model(self, dialect: Speaks, *, keys: tuple[str, ...] = (UPSTREAM_KEY,)) -> str:
        """A model of a provider that nothing is known about yet, so that no test meets another one's cooldown.
        The upstream knows it as `scripted-small`."""
        self.upstream.reset()
        path = {"gemini": "/v1beta", "ollama": ""}.get(dialect, "/v1")
        kind, api = ("openai", "responses") if dialect == "responses" else (dialect, "chat")
        prefix = self.gateway.provider(f"{kind}-compatible", f"{self.upstream.url}{path}", keys=keys, api_type=api)
        return f"{prefix}/scripted-small"

    def headers(self, dialect: Dialect) -> dict[str, str]:
        return headers(dialect, self.key)

    def ask(self, dialect: Dialect, body: dict) -> Answered:
        return ask(self.url, PATHS[dialect], body, headers=self.headers(dialect))


@dataclass(kw_only=True)
class Site:
    """What an SDK is pointed at: the gateway before a certain upstream, or (`direct`) the upstream itself."""

    url: str
    key: str
    model: str
    upstream: ScriptedUpstream
    speaks: Speaks
    direct: bool = False

    def ask(self, dialect: Dialect, **more: object) -> Answered:
        """The small question of `question`, over a plain HTTP client."""
        body = question(dialect, self.model, **more)
        return ask(self.url, PATHS[dialect], body, headers=headers(dialect, self.key))


def direct(upstream: ScriptedUpstream, dialect: Speaks) -> Site:
    """The upstream without a gateway: it shows that a test asks for what a vendor really does."""
    upstream.reset()
    return Site(
        url=upstream.url, key="sk-direct", model="scripted-small", upstream=upstream, speaks=dialect, direct=True
    )


PATHS: dict[Dialect, str] = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}


@contextmanager
def stage(upstream: ScriptedUpstream, home: Path) -> Iterator[Stage]:
    with Gateway(home) as gateway:
        yield Stage(upstream, gateway, gateway.client_key("tests"))


def headers(dialect: Dialect, key: str) -> dict[str, str]:
    if dialect == "openai":
        return {"Authorization": f"Bearer {key}"}
    return {"x-api-key": key, "anthropic-version": "2023-06-01"}


def question(dialect: Dialect, model: str, **more: object) -> dict:
    """A small request in `dialect`, overridden by `more`."""
    body: dict = {"model": model, "messages": [{"role": "user", "content": "hello there"}]}
    if dialect == "anthropic":
        body["max_tokens"] = 4000
    return body | more


def told(dialect: Dialect, raw: bytes, *, include_usage: bool = False) -> order.Told:
    """A stream that holds against the vendor's types and the order of events, put together."""
    if dialect == "openai":
        strict.chat_stream(raw)
        return order.openai_chat(raw, include_usage=include_usage)
    strict.message_stream(raw)
    return order.anthropic(raw)


def refusal(dialect: Dialect, raw: bytes) -> dict:
    """The `error` of a native error body."""
    return (strict.openai_error if dialect == "openai" else strict.anthropic_error)(raw)["error"]
