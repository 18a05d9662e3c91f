"""The one-time link with which the first password is set."""

import hashlib
import hmac
import threading
from collections.abc import Callable
from typing import Final

from omniroute.clock import Clock

LIFETIME_S: Final = 3600.0


class SetupTokens:
    """At most one valid token, kept as a hash in memory only: a restart or a new link ends it."""

    def __init__(self, clock: Clock, random: Callable[[int], bytes]) -> None:
        self._clock = clock
        self._random = random
        self._lock = threading.Lock()
        self._digest: bytes | None = None
        self._expires = 0.0

    def issue(self) -> str:
        """A new token of 64 hexadecimal characters, good for one hour and one use."""
        token = self._random(32).hex()
        with self._lock:
            self._digest = _digest(token)
            self._expires = self._clock.monotonic() + LIFETIME_S
        return token

    def is_valid(self, token: str) -> bool:
        """Whether the token would be redeemed now."""
        with self._lock:
            return self._matches(token)

    def redeem(self, token: str) -> bool:
        """True once for the valid token, which is then spent."""
        with self._lock:
            if not self._matches(token):
                return False
            self._digest = None
            return True

    def _matches(self, token: str) -> bool:
        if self._digest is None or self._clock.monotonic() >= self._expires:
            return False
        return hmac.compare_digest(self._digest, _digest(token))


def link(base_url: str, token: str) -> str:
    """The address to open; the token stands behind `#`, so that it reaches no server log."""
    return f"{base_url.rstrip('/')}/setup#token={token}"


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
