"""From raw HTTP to a call: who asks, for what, in which session. No SQL: everything comes from the snapshot."""

from collections.abc import Mapping
from typing import Final

from omniroute.access.credentials import presented
from omniroute.access.grant import Grant
from omniroute.access.keys import Keyring
from omniroute.access.perimeter import Perimeter, Refusal
from omniroute.catalog.provider import OperationName
from omniroute.clock import Clock
from omniroute.dialects.base import Dialect
from omniroute.dialects.envelope import Address, open_envelope
from omniroute.errors import GatewayError
from omniroute.pipeline.call import Call
from omniroute.pipeline.deadline import NEVER, limit_s, passed
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.forwarding import LONG
from omniroute.pipeline.inquiry import Inquiry, Reading
from omniroute.snapshot.model import Snapshot

_SESSION_HEADERS: Final = ("x-session-id", "x_session_id", "x-omniroute-session", "session-id")
_ANY_SESSION: Final = frozenset(_SESSION_HEADERS)
_SESSION_LIMIT: Final = 64


class Admit:
    """`usual_s` is the deadline of requests that name none, in seconds from their arrival; 0 for none."""

    def __init__(self, perimeter: Perimeter, keyring: Keyring, clock: Clock, *, usual_s: float = 0.0) -> None:
        self._usual_s = usual_s
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

    async def call(
        self,
        exchange: Exchange,
        dialect: Dialect,
        snapshot: Snapshot,
        address: Address | None = None,
        below: str = "",
    ) -> Call:
        """The request, admitted and opened. `address` is what its path says of model and stream, where the dialect
        puts them there; `below` is `Call.below`. Raises `GatewayError`."""
        grant = self.grant(exchange, snapshot)
        headers = exchange.headers
        envelope = open_envelope(await exchange.body(), address)
        stream = envelope.stream
        if stream is None:
            # Ollama's API, the one framed as lines, streams unless it is told not to.
            stream = dialect.framing == "ndjson" or "text/event-stream" in headers.get("accept", "")
        if below:
            stream = False
        return Call(
            exchange=exchange,
            dialect=dialect,
            grant=grant,
            model=envelope.model.removesuffix(LONG),
            asked=len(envelope.body),
            envelope=envelope,
            below=below,
            stream=stream,
            deadline=self._deadline(exchange, stream=stream),
            session_id=session_id(headers),
            progress=stream and headers.get("x-omniroute-progress") == "true" and _bears_progress(dialect),
        )

    async def inquiry(
        self,
        exchange: Exchange,
        dialect: Dialect,
        snapshot: Snapshot,
        operation: OperationName,
        reading: Reading,
    ) -> Inquiry:
        """A question of a simple operation, admitted and read. Raises `GatewayError`."""
        grant = self.grant(exchange, snapshot)
        headers = exchange.headers
        body = await exchange.body()
        asked = reading(body, headers.get("content-type", ""))
        return Inquiry(
            exchange=exchange,
            dialect=dialect,
            grant=grant,
            operation=operation,
            model=asked.model,
            asked=len(body),
            question=asked,
            stream=asked.stream,
            deadline=self._deadline(exchange, stream=asked.stream),
            session_id=session_id(headers),
        )

    def _deadline(self, exchange: Exchange, *, stream: bool) -> float:
        """When the request must be done; its task is cancelled then."""
        limit = limit_s(exchange.headers, stream=stream, usual_s=self._usual_s)
        if limit == NEVER:
            return NEVER
        deadline = exchange.started + limit
        exchange.expire(deadline - self._clock.monotonic(), passed(limit))
        return deadline


def _bears_progress(dialect: Dialect) -> bool:
    """Google's SDKs give up a stream over an event that is none of theirs, and lines have no events."""
    return dialect.framing == "sse" and dialect.name != "gemini"


def session_id(headers: Mapping[str, str]) -> str | None:
    """The session the client named, as `ext:` and at most 64 characters; the first header present wins."""
    if _ANY_SESSION.isdisjoint(headers):
        return None
    for name in _SESSION_HEADERS:
        value = headers.get(name)
        if value is not None and value.strip():
            return "ext:" + value.strip()[:_SESSION_LIMIT]
    return None
