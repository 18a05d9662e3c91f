"""The story of one request of a simple operation: embeddings, images, audio, rerank, moderations, completions."""

import asyncio
from collections.abc import Mapping

from omniroute.accounts.lease import lease
from omniroute.catalog.provider import OperationName
from omniroute.clock import Clock, Ids
from omniroute.dialects.base import Dialect
from omniroute.dialects.simple.base import Codec, Question
from omniroute.errors import GatewayError
from omniroute.ir.failure import Failure
from omniroute.pipeline.admit import Admit
from omniroute.pipeline.allowance import Allowance
from omniroute.pipeline.choose import Choose
from omniroute.pipeline.converse import Converse, Passing, Spoken
from omniroute.pipeline.course import Course
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.failures import reason
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.inquiry import Inquiry, Reading
from omniroute.pipeline.pass_on import PassOn
from omniroute.pipeline.patience import Patience
from omniroute.pipeline.recording import Recorder
from omniroute.pipeline.refuse import end, turn_away
from omniroute.pipeline.ruling import police
from omniroute.pipeline.spending import unlimited
from omniroute.pipeline.timings import Timings
from omniroute.pipeline.withheld import withheld
from omniroute.routing.engine import Route
from omniroute.routing.strategy import Asked
from omniroute.snapshot.live import Live
from omniroute.snapshot.model import Snapshot
from omniroute.telemetry.log import Log
from omniroute.traffic.resting import Resting


class Relay:
    """Admit, find candidates, hold the operation's conversation with one after the other until one leads to an
    answer, pass it on, and write down what it was. Errors are told in `dialect`."""

    def __init__(
        self,
        *,
        live: Live,
        admit: Admit,
        choose: Choose,
        allowance: Allowance,
        course: Course,
        codecs: Mapping[str, Codec],
        converse: Converse,
        timings: Timings,
        ledger: Ledger,
        recorder: Recorder,
        resting: Resting,
        clock: Clock,
        ids: Ids,
        log: Log,
        max_attempts: int,
        dialect: Dialect,
    ) -> None:
        self._live = live
        self._admit = admit
        self._choose = choose
        self._allowance = allowance
        self._codecs = codecs
        self._converse = converse
        self._timings = timings
        self._course = course
        self._pass_on = PassOn(ledger, clock)
        self._ledger = ledger
        self._recorder = recorder
        self._resting = resting
        self._clock = clock
        self._ids = ids
        self._log = log
        self._max_attempts = max_attempts
        self._dialect = dialect

    async def __call__(
        self,
        exchange: Exchange,
        operation: OperationName,
        reading: Reading,
        pinned: str | None = None,
        dialect: Dialect | None = None,
    ) -> None:
        """Answers `exchange`. `pinned` is the provider of a dedicated route, `dialect` that of a client who does
        not speak the usual one."""
        snapshot = self._live.current
        dialect = dialect or self._dialect
        try:
            inquiry = await self._admit.inquiry(exchange, dialect, snapshot, operation, reading)
        except GatewayError as error:
            await turn_away(exchange, dialect, error, self._log)
            return
        if snapshot.captured is None:
            await self._answer(inquiry, snapshot, pinned)
            return
        with self._recorder.of(inquiry, snapshot.captured, inquiry.question.raw):
            await self._answer(inquiry, snapshot, pinned)

    async def _answer(self, inquiry: Inquiry, snapshot: Snapshot, pinned: str | None) -> None:
        operation = inquiry.operation
        if snapshot.policies:
            police(inquiry, snapshot)
        try:
            chosen = self._choose.of(snapshot, inquiry.model, pinned, inquiry.grant, Asked, operation)
            inquiry.chosen = chosen
            if snapshot.budgets is not None:
                cheaper = await self._allowance.spending.begin(inquiry, snapshot.budgets, snapshot)
                if cheaper is not None:
                    grant = unlimited(inquiry.grant)
                    chosen = inquiry.chosen = self._choose.of(snapshot, cheaper, None, grant, Asked, operation)
            self._allowance.claim(inquiry)
            self._ledger.opened(inquiry)
        except GatewayError as error:
            await turn_away(inquiry.exchange, inquiry.dialect, error, self._log)
            return
        try:
            route = Route(
                chosen.candidates,
                self._resting.view,
                max_attempts=chosen.max_attempts(self._max_attempts),
                on=chosen.on,
                fills=chosen.fills,
            )
            await self._serve(inquiry, route, snapshot)
        except BaseException as error:
            await self._end(inquiry, reason(error, inquiry.exchange))
            if not isinstance(error, GatewayError):
                raise
        finally:
            self._ledger.settle(inquiry)

    async def _serve(self, inquiry: Inquiry, route: Route, snapshot: Snapshot) -> None:
        patience = Patience(inquiry, asyncio.get_running_loop()) if inquiry.stream else None
        try:
            result = await self._course.first_good(inquiry, route, lambda: self._ask(inquiry, snapshot))
        finally:
            if patience is not None:
                await patience.stop()
        match result:
            case Failure():
                await self._end(inquiry, result)
            case Spoken():
                await self._pass_on.whole(inquiry, result)
            case Passing():
                await self._pass_on.stream(inquiry, result)

    async def _ask(self, inquiry: Inquiry, snapshot: Snapshot) -> Spoken | Passing | Failure:
        """One attempt. Raises `GatewayError` for a question that the candidate cannot be asked."""
        assert inquiry.candidate is not None
        target, asked = inquiry.candidate.target, inquiry.question
        connection = snapshot.by_id[inquiry.candidate.account.id]
        provider = snapshot.providers[connection.provider]
        operation = provider.operations[inquiry.operation]
        codec = self._codecs[operation.codec]
        prefix = provider.alias if provider.node else provider.id
        question = Question(
            target=target,
            fields=asked.fields,
            raw=asked.raw,
            token=self._ids.token(),
            created=int(self._clock.now()),
            shown_model=target.model if target.model.startswith(f"{prefix}/") else f"{prefix}/{target.model}",
            path=operation.address(target.model, stream=inquiry.stream),
            content_type=asked.content_type,
            uploads=asked.uploads,
            foreign=asked.foreign,
        )
        codec.check(question)
        deadlines = self._timings.of(inquiry, snapshot).deadlines
        result = await self._converse(codec.ask(question), lease(provider, connection, operation), deadlines)
        return withheld(result, connection) if isinstance(result, Failure) else result

    async def _end(self, inquiry: Inquiry, failure: Failure) -> None:
        if inquiry.bare:
            inquiry.failure = failure
            self._ledger.settle(inquiry)
            return
        await end(inquiry, failure, self._ledger, self._clock.monotonic())
