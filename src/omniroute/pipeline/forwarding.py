"""What of a client's headers and query goes on to a provider that speaks its dialect."""

from collections.abc import Mapping
from typing import Final

from omniroute.pipeline.exchange import Exchange

_HEADERS: Final[Mapping[str, tuple[str, ...]]] = {"anthropic": ("anthropic-version", "anthropic-beta")}
"""Request headers that mean something to a provider of the client's own dialect; to any other they are noise."""
LONG: Final = "[1m]"
"""What clients write behind the name of a model whose longest context they want."""
_LONG_BETA: Final = "context-1m-2025-08-07"
"""docs.claude.com/en/docs/build-with-claude/context-windows, "1M token context window"."""
_QUERY: Final[Mapping[str, tuple[bytes, ...]]] = {"anthropic": (b"beta=true",)}


def forwarded_headers(
    headers: tuple[tuple[str, str], ...], exchange: Exchange, dialect: str
) -> tuple[tuple[str, str], ...]:
    """`headers` with those that the client may set; its own values win over the row's."""
    if dialect not in _HEADERS:
        return headers
    present = {name: exchange.headers[name] for name in _HEADERS[dialect] if name in exchange.headers}
    if not present:
        return headers
    return (*((name, value) for name, value in headers if name not in present), *present.items())


def with_long_context(headers: tuple[tuple[str, str], ...], dialect: str) -> tuple[tuple[str, str], ...]:
    """`headers` that ask for the window of a million tokens, where that takes asking for."""
    if dialect != "anthropic":
        return headers
    betas = next((value for name, value in headers if name == "anthropic-beta"), "")
    if _LONG_BETA in betas:
        return headers
    asked = f"{betas},{_LONG_BETA}" if betas else _LONG_BETA
    return (*((name, value) for name, value in headers if name != "anthropic-beta"), ("anthropic-beta", asked))


def forwarded_query(exchange: Exchange, dialect: str) -> str:
    query = exchange.query
    if not query or dialect not in _QUERY:
        return ""
    given = query.split(b"&")
    return "&".join(part.decode() for part in _QUERY[dialect] if part in given)
