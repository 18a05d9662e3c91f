"""A request that gets the answer of another one: its own head, its own record, and nothing to pay."""

from collections.abc import Awaitable, Callable
from typing import Final

from omniroute.caching.tape import Tape
from omniroute.clock import Clock
from omniroute.ir.failure import Failure
from omniroute.pipeline.call import Call
from omniroute.pipeline.exchange import ReplyHeaders
from omniroute.pipeline.failures import INTERNAL, reason
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.flight import Flight, Flights, Life, follow
from omniroute.pipeline.headers import told

_SHARED: Final = frozenset(
    (
        b"content-type",
        b"cache-control",
        b"x-accel-buffering",
        b"retry-after",
        b"x-omniroute-provider",
        b"x-omniroute-losses",
        b"x-omniroute-progress",
    )
)
"""Of the first one's head, what is true of every copy; the rest speaks of that request only."""


class Joined:
    """Leads flights and joins them."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def lead(self, flights: Flights, key: bytes, call: Call, life: Callable[[Flight], Life]) -> None:
        """Answers `call` by `life`, for whoever joins too. Returns when its own client has the answer."""
        exchange = call.exchange
        flight = Flight(call)
        flights.lead(key, flight, life(flight), name=f"answer {exchange.request_id}")
        await flights.attend(key, flight, call, exchange, lambda head: head, lambda: None)

    async def join(self, flights: Flights, key: bytes, call: Call, flight: Flight) -> None:
        """Answers `call` with what the flight brings, a failure too. Who leaves does not end it for the others."""

        def paid() -> None:
            if flight.call.settled or flight.tape.ended:
                self._settle(call, flight.call.failure, flight.tape.status)

        head = self._headed(call)
        await self.told(call, lambda: flights.attend(key, flight, call, call.exchange, head, paid))

    async def replay(self, call: Call, tape: Tape) -> None:
        """Answers `call` with a reply that is complete."""

        def paid() -> None:
            self._settle(call, None, tape.status)

        await self.told(call, lambda: follow(tape, call.exchange, self._headed(call), paid))

    async def told(self, call: Call, giving: Callable[[], Awaitable[object]]) -> None:
        """Has `call` answered by `giving`, and writes down that it cost nothing."""
        call.replayed = True
        self._ledger.opened(call)
        try:
            await giving()
        except BaseException as error:
            call.failure = call.failure or reason(error, call.exchange)
            call.status = call.failure.status
            raise
        finally:
            self._settle(call, call.failure, call.status)

    def _headed(self, call: Call) -> Callable[[ReplyHeaders], ReplyHeaders]:
        def head(first: ReplyHeaders) -> ReplyHeaders:
            return [*(field for field in first if field[0] in _SHARED), *told(call, self._clock.monotonic())]

        return head

    def _settle(self, call: Call, failure: Failure | None, status: int) -> None:
        if not call.settled:
            if failure is None and status >= 400:
                failure = INTERNAL if status >= 500 else _refused(status)
            call.failure = failure
            call.status = status if failure is None else failure.status
            self._ledger.settle(call)


def _refused(status: int) -> Failure:
    return Failure(kind="invalid_request", status=status, message="as the request that this one was joined to")
