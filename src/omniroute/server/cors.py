"""Cross-origin headers: none unless the operator named origins."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

_METHODS: Final = b"GET, POST, PUT, DELETE, PATCH, OPTIONS"
_DEFAULT_HEADERS: Final = "content-type, authorization, x-api-key, anthropic-version, accept"
_EXPOSED: Final = (
    b"x-request-id, x-omniroute-cache, x-omniroute-idempotent, x-omniroute-progress, x-omniroute-session-id,"
    b" x-omniroute-losses, x-omniroute-attempts, x-omniroute-budget, x-omniroute-downgraded, server-timing,"
    b" retry-after"
)


class Cors(msgspec.Struct, frozen=True):
    """`origins` are lower-case and without trailing slashes; `*` among them allows any."""

    origins: frozenset[str]

    @property
    def enabled(self) -> bool:
        return bool(self.origins)

    def headers(self, request: Mapping[str, str]) -> tuple[tuple[bytes, bytes], ...]:
        """What every reply to this request carries."""
        origin = request.get("origin")
        if not origin or not self._allows(origin):
            return ((b"vary", b"Origin"),) if self.enabled else ()
        return (
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", _EXPOSED),
            (b"vary", b"Origin"),
        )

    def preflight(self, request: Mapping[str, str]) -> tuple[tuple[bytes, bytes], ...]:
        """What the answer to OPTIONS says beyond `headers`."""
        origin = request.get("origin")
        if not origin or not self._allows(origin):
            return ()
        wanted = request.get("access-control-request-headers") or _DEFAULT_HEADERS
        return (
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", wanted.encode("latin-1")),
            (b"access-control-max-age", b"600"),
        )

    def _allows(self, origin: str) -> bool:
        return "*" in self.origins or origin.strip().lower().rstrip("/") in self.origins


def cors(origins: Iterable[str]) -> Cors:
    """Prepares the origins of `cors_allowed_origins`."""
    return Cors(frozenset(origin.strip().lower().rstrip("/") for origin in origins if origin.strip()))
