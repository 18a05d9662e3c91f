"""The story of one generation request."""

import asyncio

from omniroute.clock import Clock
from omniroute.dialects.base import Dialect
from omniroute.errors import GatewayError
from omniroute.ir.failure import Failure
from omniroute.pipeline.admit import Admit
from omniroute.pipeline.attempt import Attempts
from omniroute.pipeline.call import Call
from omniroute.pipeline.candidates import Candidates
from omniroute.pipeline.deliver import Deliver
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.failures import CLIENT_LEFT, INTERNAL, of_gateway
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.patience import Patience
from omniroute.pipeline.refuse import refuse
from omniroute.routing.engine import Route
from omniroute.snapshot.live import Live
from omniroute.snapshot.model import Snapshot
from omniroute.telemetry.log import Log
from omniroute.traffic.resting import Resting


class Generate:
    """Admit, find candidates, try them until one begins well, deliver, and write down what it was: in this order,
    and with one configuration from beginning to end."""

    def __init__(
        self,
        *,
        live: Live,
        admit: Admit,
        candidates: Candidates,
        attempts: Attempts,
        deliver: Deliver,
        ledger: Ledger,
        resting: Resting,
        clock: Clock,
        log: Log,
        max_attempts: int,
    ) -> None:
        self._live = live
        self._admit = admit
        self._candidates = candidates
        self._attempts = attempts
        self._deliver = deliver
        self._ledger = ledger
        self._resting = resting
        self._clock = clock
        self._log = log
        self._max_attempts = max_attempts

    async def __call__(self, exchange: Exchange, dialect: Dialect, pinned: str | None = None) -> None:
        """Answers `exchange` in `dialect`. `pinned` is the provider of a dedicated route."""
        snapshot = self._live.current
        try:
            call = await self._admit.call(exchange, dialect, snapshot)
            candidates = self._candidates.of(snapshot, call.envelope.model, pinned, call.grant)
            self._ledger.opened(call)
        except GatewayError as error:
            self._log.info(
                "refused", id=exchange.request_id, status=error.status, code=error.code, error=error.message
            )
            await refuse(exchange, dialect, of_gateway(error))
            return
        try:
            route = Route(candidates, self._resting.view, max_attempts=self._max_attempts)
            await self._serve(call, route, snapshot)
        except BaseException as error:
            await self._end(call, _reason(error, exchange))
            if not isinstance(error, GatewayError):
                raise
        finally:
            self._ledger.settle(call)

    async def _serve(self, call: Call, route: Route, snapshot: Snapshot) -> None:
        if not call.stream:
            answer = await self._attempts.first_good(call, route, snapshot)
        else:
            patience = Patience(call, asyncio.get_running_loop())
            try:
                answer = await self._attempts.first_good(call, route, snapshot)
            finally:
                await patience.stop()
        if isinstance(answer, Failure):
            await self._end(call, answer)
        else:
            await self._deliver.answer(call, answer)

    async def _end(self, call: Call, failure: Failure) -> None:
        """The honest end of a request that failed: recorded, then told in the caller's own dialect."""
        call.failure = failure
        call.status = failure.status
        self._ledger.settle(call)
        if failure.kind != "cancelled":
            await refuse(call.exchange, call.dialect, failure, call, self._clock.monotonic())


def _reason(error: BaseException, exchange: Exchange) -> Failure:
    if isinstance(error, GatewayError):
        return of_gateway(error)
    if isinstance(error, asyncio.CancelledError):
        return exchange.stopped or CLIENT_LEFT
    return INTERNAL
