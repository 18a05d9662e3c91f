"""The story of one generation request."""

import asyncio

from omniroute.access.grant import Grant
from omniroute.clock import Clock
from omniroute.dialects.base import Dialect
from omniroute.dialects.envelope import Address, open_envelope
from omniroute.errors import GatewayError
from omniroute.ir.failure import Failure
from omniroute.pipeline.admit import Admit
from omniroute.pipeline.allowance import Allowance
from omniroute.pipeline.attempt import Attempts
from omniroute.pipeline.call import Call
from omniroute.pipeline.choose import Choose, Chosen
from omniroute.pipeline.conduct import Conduct
from omniroute.pipeline.deliver import Deliver
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.failures import reason
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.inner import InnerExchange
from omniroute.pipeline.patience import Patience
from omniroute.pipeline.recording import Recorder
from omniroute.pipeline.refuse import end, turn_away
from omniroute.pipeline.ruling import rule
from omniroute.pipeline.sharing import Sharing
from omniroute.pipeline.spending import unlimited
from omniroute.pipeline.strict import Strict, is_strict
from omniroute.pipeline.threads import RESPONSES, Threads, held
from omniroute.routing.blocks import Blocks
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
        threads: Threads,
        sharing: Sharing,
        choose: Choose,
        conduct: Conduct,
        allowance: Allowance,
        strict: Strict,
        attempts: Attempts,
        deliver: Deliver,
        ledger: Ledger,
        recorder: Recorder,
        resting: Resting,
        clock: Clock,
        log: Log,
        max_attempts: int,
    ) -> None:
        self._live = live
        self._admit = admit
        self._threads = threads
        self._sharing = sharing
        self._choose = choose
        self._conduct = conduct
        self._allowance = allowance
        self._strict = strict
        self._attempts = attempts
        self._deliver = deliver
        self._ledger = ledger
        self._recorder = recorder
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
        except GatewayError as error:
            await turn_away(exchange, dialect, error, self._log)
            return
        if snapshot.captured is None:
            await self._admitted(call, snapshot, pinned)
            return
        with self._recorder.of(call, snapshot.captured, call.envelope.body):
            await self._admitted(call, snapshot, pinned)

    async def inner(
        self, exchange: InnerExchange, dialect: Dialect, grant: Grant, chosen: Chosen | None = None
    ) -> None:
        """Answers a request of the gateway's own, for `grant`, which is charged for it. It is shared with nobody
        and changed by no combo. With `chosen` given, resting accounts are asked all the same: somebody wants to
        know."""
        snapshot = self._live.current
        envelope = open_envelope(await exchange.body())
        call = Call(
            exchange=exchange,
            dialect=dialect,
            grant=grant,
            model=envelope.model,
            asked=len(envelope.body),
            envelope=envelope,
            stream=False,
            inner=True,
        )
        await self._answer(call, snapshot, None, chosen)

    async def _admitted(self, call: Call, snapshot: Snapshot, pinned: str | None) -> None:
        exchange = call.exchange  # that of its client; a shared answer has one of its own
        try:
            rule(call, snapshot)
            if call.dialect.name == RESPONSES:
                self._threads.take_up(call)
            sharing = self._sharing.of(call, pinned)
            if sharing is not None:
                await self._sharing.serve(call, sharing, lambda: self._answer(call, snapshot, pinned))
                return
        except GatewayError as error:
            await turn_away(exchange, call.dialect, error, self._log)
            return
        await self._answer(call, snapshot, pinned)

    async def _answer(
        self, call: Call, snapshot: Snapshot, pinned: str | None, given: Chosen | None = None
    ) -> None:
        try:
            chosen = call.chosen = given or self._chosen(call, snapshot, call.model, pinned, call.grant)
            if snapshot.budgets is not None:
                cheaper = await self._allowance.spending.begin(call, snapshot.budgets, snapshot)
                if cheaper is not None and given is None:
                    chosen = call.chosen = self._chosen(call, snapshot, cheaper, None, unlimited(call.grant))
            self._allowance.claim(call, call.conversation)
            self._ledger.opened(call)
        except GatewayError as error:
            await turn_away(call.exchange, call.dialect, error, self._log)
            return
        try:
            usable = chosen.candidates if call.thread is None else held(call.thread, chosen.candidates)
            if is_strict(call):
                for target in dict.fromkeys(candidate.target for candidate in usable):
                    await self._attempts.fetch(call, target)
            candidates, unfaithful = self._strict.faithful(call, usable)
            blocks: Blocks = self._resting.view if given is None else {}
            most = chosen.max_attempts(self._max_attempts)
            route = Route(candidates, blocks, max_attempts=most, on=chosen.on, fills=chosen.fills)
            route.exclusions += unfaithful
            await self._serve(call, route, snapshot)
        except BaseException as error:
            await self._end(call, reason(error, call.exchange))
            if not isinstance(error, GatewayError):
                raise
        finally:
            self._ledger.settle(call)

    def _chosen(self, call: Call, snapshot: Snapshot, name: str, pinned: str | None, grant: Grant) -> Chosen:
        chosen = self._choose.of(snapshot, name, pinned, grant, call.wishes, conversation=call.conversation)
        call.conducted = None
        if chosen.combo is not None and chosen.combo.conducts and not call.inner:
            return self._conduct.begin(call, chosen, snapshot.prompt)
        return chosen

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
        conducted = call.conducted is not None
        if isinstance(answer, Failure):
            if conducted:
                self._conduct.failed(call, answer)
            await self._end(call, answer)
            return
        if conducted:
            self._conduct.answered(call)
        await self._deliver.answer(call, answer if call.overhearing is None else call.overhearing.of(answer))
        if conducted:
            self._conduct.ended(call, self.inner)

    async def _end(self, call: Call, failure: Failure) -> None:
        await end(call, failure, self._ledger, self._clock.monotonic())
