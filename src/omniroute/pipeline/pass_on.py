"""Giving what a conversation led to to the client: a whole answer, or a stream chunk by chunk."""

from omniroute.clock import Clock
from omniroute.errors import UpstreamError
from omniroute.ir.failure import Failure
from omniroute.pipeline.converse import Passing, Spoken
from omniroute.pipeline.failures import of_upstream
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.headers import SSE, told
from omniroute.pipeline.inquiry import Inquiry
from omniroute.pipeline.marks import Marks
from omniroute.pipeline.refuse import end


class PassOn:
    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._marks = Marks(ledger, clock)

    async def whole(self, inquiry: Inquiry, spoken: Spoken) -> None:
        """A whole answer."""
        answer = spoken.answer
        inquiry.usage = answer.usage
        inquiry.losses = answer.losses
        shape = inquiry.question.shape
        body = answer.body if shape is None else shape(answer.body)
        inquiry.received = len(body)
        self._ledger.settle(inquiry)
        headers = [(b"content-type", answer.content_type.encode("latin-1", "replace"))]
        headers += [*told(inquiry, self._clock.monotonic()), *spoken.headers]
        await inquiry.exchange.reply(200, headers, body)

    async def stream(self, inquiry: Inquiry, passing: Passing) -> None:
        """A reply as it comes. One that is cut ends in an error event where it is a stream of events; of anything
        else the connection is closed before its end, which is the only sign there is."""
        exchange = inquiry.exchange
        mark = self._marks.begin(inquiry, None)
        try:
            kind = passing.reply.headers.get("content-type", "application/octet-stream")
            events = kind.startswith("text/event-stream")
            if exchange.replying and not events:
                await end(inquiry, _no_events(), self._ledger, self._clock.monotonic())
                return
            inquiry.bare = not events
            if not exchange.replying:
                head = SSE if events else ((b"content-type", kind.encode("latin-1", "replace")),)
                await exchange.begin(200, [*head, *told(inquiry, self._clock.monotonic()), *passing.headers])
            chunk = passing.held
            while chunk:
                inquiry.received += len(chunk)
                inquiry.sample = chunk
                self._note(inquiry, passing, events=events)
                await exchange.write(chunk)
                chunk = await self._next(inquiry, passing)
            if inquiry.failure is None and passing.meter is not None and passing.meter.ended is False:
                inquiry.failure = _cut()
            whole = inquiry.failure is None or inquiry.settled
            self._ledger.settle(inquiry)
            if not whole and events:
                assert inquiry.failure is not None
                # The blank line ends an event that was torn.
                owed = inquiry.dialect.encode_stream_failure(inquiry.failure, exchange.request_id)
                await exchange.write(b"\n\n" + owed)
            if whole or events:
                await exchange.end()
        finally:
            mark.over()
            if passing.meter is not None:
                inquiry.usage = passing.meter.usage
            await passing.reply.aclose()

    async def _next(self, inquiry: Inquiry, passing: Passing) -> bytes:
        try:
            chunk = await passing.reply.chunk()
        except UpstreamError as error:
            inquiry.failure = inquiry.failure or of_upstream(error)
            return b""
        if chunk and passing.meter is not None:
            passing.meter.feed(chunk)
        return chunk

    def _note(self, inquiry: Inquiry, passing: Passing, *, events: bool) -> None:
        """What the meter says; a stream that has ended is settled before the client sees the end."""
        meter = passing.meter
        if meter is None:
            return
        inquiry.usage = meter.usage
        if inquiry.failure is None:
            inquiry.failure = meter.failure
        if meter.ended and events:
            self._ledger.settle(inquiry)


def _no_events() -> Failure:
    """The client has been kept waiting in a stream of events, and what came is something else."""
    return Failure(
        kind="protocol",
        status=502,
        message="the provider did not answer with a stream of events",
        code="upstream_protocol",
    )


def _cut() -> Failure:
    return Failure(
        kind="cut", status=502, message="the provider closed the stream before its end", code="upstream_closed"
    )
