"""The story of one generation request."""

import asyncio

from omniroute.clock import Clock
from omniroute.dialects.base import Dialect
from omniroute.dialects.envelope import Address
from omniroute.errors import GatewayError
from omniroute.ir.failure import Failure
from omniroute.pipeline.admit import Admit
from omniroute.pipeline.allowance import Allowance
from omniroute.pipeline.attempt import Attempts
from omniroute.pipeline.call import Call
from omniroute.pipeline.choose import Choose
from omniroute.pipeline.deliver import Deliver
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.failures import reason
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.patience import Patience
from omniroute.pipeline.refuse import end, turn_away
from omniroute.pipeline.sharing import Sharing
from omniroute.pipeline.strict import Strict
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
        sharing: Sharing,
        choose: Choose,
        allowance: Allowance,
        strict: Strict,
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
        self._sharing = sharing
        self._choose = choose
        self._allowance = allowance
        self._strict = strict
        self._attempts = attempts
        self._deliver = deliver
        self._ledger = ledger
        self._resting = resting
        self._clock = clock
        self._log = log
        self._max_attempts = max_attempts
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(
        self,
        exchange: Exchange,
        dialect: Dialect,
        pinned: str | None = None,
        address: Address | None = None,
        below: str = "",
    ) -> None:
        """Answers `exchange` in `dialect`. `pinned` is the provider of a dedicated route, `address` what the path
        says of model and stream, `below` what follows the dialect's own path."""
        snapshot = self._live.current
        try:
            call = await self._admit.call(exchange, dialect, snapshot, address, below)
            sharing = self._sharing.of(call, pinned)
            if sharing is not None:
                await self._sharing.serve(call, sharing, lambda: self._answer(call, snapshot, pinned))
                return
        except GatewayError as error:
            await turn_away(exchange, dialect, error, self._log)
            return
        await self._answer(call, snapshot, pinned)

    async def _answer(self, call: Call, snapshot: Snapshot, pinned: str | None) -> None:
        try:
            chosen = self._choose.of(
                snapshot, call.model, pinned, call.grant, call.wishes, conversation=call.conversation
            )
            call.chosen = chosen
            self._allowance.claim(call, call.conversation)
            self._ledger.opened(call)
        except GatewayError as error:
            await turn_away(call.exchange, call.dialect, error, self._log)
            return
        try:
            candidates, unfaithful = self._strict.faithful(call, chosen.candidates)
            route = Route(candidates, self._resting.view, max_attempts=chosen.max_attempts(self._max_attempts))
            route.exclusions += unfaithful
            await self._serve(call, route, snapshot)
        except BaseException as error:
            await self._end(call, reason(error, call.exchange))
            if not isinstance(error, GatewayError):
                raise
        finally:
            self._ledger.settle(call)

    async def _serve(self, call: Call, route: Route, snapshot: Snapshot) -> None:
        if not call.stream:
            answer = await self._attempts.first_good(call, route, snapshot)
        else:
            loop = self._loop = self._loop or asyncio.get_running_loop()  # once: asking is a system call
            patience = Patience(call, loop)
            try:
                answer = await self._attempts.first_good(call, route, snapshot)
            finally:
                await patience.stop()
        if isinstance(answer, Failure):
            await self._end(call, answer)
        else:
            await self._deliver.answer(call, answer if call.overhearing is None else call.overhearing.of(answer))

    async def _end(self, call: Call, failure: Failure) -> None:
        await end(call, failure, self._ledger, self._clock.monotonic())
