"""An exchange whose words are kept, for those who want that: as the client sent them, and as it got them."""

from types import TracebackType
from typing import Literal, Protocol

from omniroute.access.credentials import presented
from omniroute.clock import Clock
from omniroute.ledger.captures import Said
from omniroute.ledger.excerpt import Excerpt
from omniroute.pipeline.around import Around
from omniroute.pipeline.exchange import Exchange, ReplyHeaders
from omniroute.pipeline.visit import Visit
from omniroute.snapshot.logging import Logging


class Kept(Protocol):
    def keep(self, said: Said) -> None:
        """Returns at once."""
        ...


class Recording(Around):
    """Keeps at most `limit` bytes of the reply."""

    __slots__ = ("_response", "_response_headers", "_status")

    def __init__(self, exchange: Exchange, limit: int) -> None:
        super().__init__(exchange)
        self._response = Excerpt(limit)
        self._response_headers: ReplyHeaders = ()
        self._status = 0

    async def reply(self, status: int, headers: ReplyHeaders, body: bytes) -> None:
        self._status, self._response_headers = status, headers
        self._response.add(body)
        await super().reply(status, headers, body)

    async def begin(self, status: int, headers: ReplyHeaders) -> None:
        self._status, self._response_headers = status, headers
        await super().begin(status, headers)

    async def write(self, chunk: bytes) -> None:
        self._response.add(chunk)
        await super().write(chunk)

    def put(self, chunk: bytes) -> None:
        self._response.add(chunk)
        super().put(chunk)

    def said(self, request: bytes, limit: int, at_ms: int) -> Said:
        """What there is to keep; `request` is the body that the client sent."""
        asked = Excerpt(limit)
        asked.add(request)
        query = self.query.decode("latin-1")
        key = presented(self.headers, self.query)
        return Said(
            request_id=self.request_id,
            at_ms=at_ms,
            method=self.method,
            path=f"{self.path}?{query}" if query else self.path,
            request_headers=self.headers,
            request=asked,
            status=self._status,
            response_headers=tuple(self._response_headers),
            response=self._response,
            secrets=() if key is None else (key,),
        )


class Recorder:
    """Makes recordings of visits, where the visit's key or all keys want it."""

    def __init__(self, captures: Kept, clock: Clock) -> None:
        self._captures = captures
        self._clock = clock

    def of(self, visit: Visit, wanted: Logging, request: bytes) -> "Listening":
        """To be entered before the visit is answered, and left when it was. `request` is the client's body."""
        return Listening(self._captures, self._clock, visit, wanted, request)


class Listening:
    """While it is entered, the visit's exchange is recorded."""

    __slots__ = ("_captures", "_clock", "_limit", "_policy", "_recording", "_request", "_visit")

    def __init__(self, captures: Kept, clock: Clock, visit: Visit, wanted: Logging, request: bytes) -> None:
        self._captures = captures
        self._clock = clock
        self._visit = visit
        self._request = request
        self._limit = wanted.body_bytes
        self._policy: Literal["off", "errors", "all"] = wanted.policy(visit.grant)
        self._recording: Recording | None = None

    def __enter__(self) -> None:
        if self._policy != "off":
            self._visit.exchange = self._recording = Recording(self._visit.exchange, self._limit)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        visit = self._visit
        if self._recording is None or (self._policy == "errors" and visit.failure is None and error is None):
            return
        # The log's row has the time of opening to the millisecond; captures are found by their day.
        opened = self._clock.now() - (self._clock.monotonic() - self._recording.started)
        self._captures.keep(self._recording.said(self._request, self._limit, round(opened * 1000)))
