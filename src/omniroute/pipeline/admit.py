"""From raw HTTP to a call: who asks, for what, in which session. No SQL: everything comes from the snapshot."""

from collections.abc import Mapping
from typing import Final

from omniroute.access.credentials import presented
from omniroute.access.grant import Grant
from omniroute.access.keys import Keyring
from omniroute.access.perimeter import Perimeter, Refusal
from omniroute.clock import Clock
from omniroute.dialects.base import Dialect
from omniroute.dialects.envelope import open_envelope
from omniroute.errors import GatewayError
from omniroute.pipeline.call import Call
from omniroute.pipeline.exchange import Exchange
from omniroute.snapshot.model import Snapshot

_SESSION_HEADERS: Final = ("x-session-id", "x_session_id", "x-omniroute-session", "session-id")
_SESSION_LIMIT: Final = 64


class Admit:
    def __init__(self, perimeter: Perimeter, keyring: Keyring, clock: Clock) -> None:
        self._perimeter = perimeter
        self._keyring = keyring
        self._clock = clock

    def grant(self, exchange: Exchange, snapshot: Snapshot) -> Grant:
        """What the caller may do. Raises `GatewayError` 401, 403 or 421."""
        headers = exchange.headers
        decision = self._perimeter.admit(
            headers,
            peer=exchange.peer,
            key=presented(headers, exchange.query),
            find=lambda key: self._keyring.find(key, snapshot.grants),
            now=self._clock.now(),
        )
        if isinstance(decision, Refusal):
            raise GatewayError(decision.status, decision.message, code=decision.code)
        return decision

    async def call(self, exchange: Exchange, dialect: Dialect, snapshot: Snapshot) -> Call:
        """The request, admitted and opened. Raises `GatewayError`."""
        grant = self.grant(exchange, snapshot)
        headers = exchange.headers
        envelope = open_envelope(await exchange.body())
        stream = envelope.stream
        if stream is None:
            # Ollama's API, the one framed as lines, streams unless it is told not to.
            stream = dialect.framing == "ndjson" or "text/event-stream" in headers.get("accept", "")
        return Call(
            exchange=exchange,
            dialect=dialect,
            grant=grant,
            envelope=envelope,
            stream=stream,
            session_id=session_id(headers),
            progress=stream and headers.get("x-omniroute-progress") == "true",
        )


def session_id(headers: Mapping[str, str]) -> str | None:
    """The session the client named, as `ext:` and at most 64 characters; the first header present wins."""
    for name in _SESSION_HEADERS:
        value = headers.get(name)
        if value is not None and value.strip():
            return "ext:" + value.strip()[:_SESSION_LIMIT]
    return None
