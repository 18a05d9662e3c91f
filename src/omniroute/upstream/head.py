"""The head of a request on the wire; what its URL decides of it is worked out once and remembered."""

from functools import lru_cache
from typing import TypeAlias

import msgspec

from omniroute.errors import UpstreamError
from omniroute.upstream.endpoint import Endpoint, Refused, endpoint
from omniroute.upstream.headers import header_lines
from omniroute.upstream.transport import UpstreamRequest

Key: TypeAlias = tuple[str, str, int, bool]
"""Scheme, host, port, and whether private addresses are allowed: requests that may share a connection."""


class Route(msgspec.Struct, frozen=True):
    """What a URL comes to: where to connect, and the part of the head that never changes."""

    endpoint: Endpoint
    key: Key
    head: bytes


@lru_cache(maxsize=1024)
def route(url: str, *, private: bool) -> Route:
    """Raises `UpstreamError` `blocked` for a URL that is not used."""
    target = endpoint(url)
    if isinstance(target, Refused):
        raise UpstreamError("blocked", f"the upstream URL is not used: {target.reason}")
    head = f" {target.target} HTTP/1.1\r\nhost: {target.authority}\r\naccept-encoding: identity\r\n"
    return Route(target, (target.scheme, target.host, target.port, private), head.encode("ascii"))


def head(request: UpstreamRequest, found: Route) -> bytes:
    """Everything before the body. Raises `UpstreamError` `blocked` for a header that breaks out of its line."""
    body = request.body
    length = b"content-length: %d\r\n" % len(body) if body or request.method in ("POST", "PUT", "PATCH") else b""
    return b"".join((request.method.encode("ascii"), found.head, header_lines(request.headers), length, b"\r\n"))
