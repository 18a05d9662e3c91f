"""The routes that generate text, in the dialect that each of them speaks."""

from collections.abc import Iterator, Mapping
from typing import Final

from omniroute.access.routes import Route
from omniroute.dialects.base import Dialect
from omniroute.pipeline.generate import Generate
from omniroute.surfaces.chat import Chat
from omniroute.surfaces.table import Endpoint

_PATHS: Final[dict[str, tuple[str, ...]]] = {
    "openai_chat": ("/v1/chat/completions", "/v1/providers/{provider}/chat/completions"),
    "openai_responses": ("/v1/responses", "/v1/providers/{provider}/responses"),
    "anthropic": ("/v1/messages", "/v1/providers/{provider}/messages"),
    "ollama": ("/v1/api/chat", "/api/chat"),
}
_BELOW: Final[dict[str, tuple[str, ...]]] = {"openai_responses": ("/compact",)}
"""Operations below a dialect's path that are passed on to providers of that dialect."""


def generation(generate: Generate, dialects: Mapping[str, Dialect]) -> Iterator[Endpoint]:
    """One endpoint for every path under which clients of a dialect look for it."""
    for name, paths in _PATHS.items():
        dialect = dialects[name]
        for below in ("", *_BELOW.get(name, ())):
            chat = Chat(generate, dialect, below)
            for path in paths:
                route = Route("POST", path + below, "client", "chat")
                yield Endpoint(route=route, handler=chat, dialect=dialect)
