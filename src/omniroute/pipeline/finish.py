"""The end of a request, whatever it was: one journal record, one log line, one count."""

from typing import Final

from omniroute.catalog.provider import OperationName
from omniroute.clock import Clock
from omniroute.dialects.base import Loss
from omniroute.ir.failure import Failure
from omniroute.ir.result import Usage
from omniroute.ledger.cost import Cost, Price
from omniroute.ledger.journal import Journal
from omniroute.ledger.records import Attempted, Opened, Settled, UsageSource
from omniroute.pipeline.trace import Traces
from omniroute.pipeline.visit import Visit
from omniroute.telemetry.counters import Counters
from omniroute.telemetry.log import Log
from omniroute.telemetry.redact import redacted
from omniroute.traffic.pulse import Pulse

_CHARS_PER_TOKEN = 4
"""Roughly, for English and code; used only where no provider reported numbers, and marked as an estimate."""


class Ledger:
    """Writes the life of a visit to the journal as it happens."""

    def __init__(
        self,
        journal: Journal,
        price: Price,
        pulse: Pulse,
        traces: Traces,
        counters: Counters,
        log: Log,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._price = price
        self._traces = traces
        self._pulse = pulse
        self._counters = counters
        self._log = log
        self._clock = clock

    def opened(self, visit: Visit) -> None:
        """The request was admitted and will be tried."""
        client_id = visit.exchange.headers.get("x-request-id")
        self._counters.active += 1
        self._journal.append(
            Opened(
                request_id=visit.exchange.request_id,
                at=self._clock.now(),
                key_id=visit.grant.key_id,
                dialect=visit.dialect.name,
                operation=visit.operation,
                model=visit.model,
                stream=visit.stream,
                session_id=visit.session_id,
                client_request_id=client_id[:200] if client_id else None,
            )
        )

    def attempted(self, visit: Visit, failure: Failure | None, took_s: float) -> None:
        """One attempt ended: failed, or with a good first event. Of a whole answer at the first attempt the
        settled record, which follows at once, says it all; the drain makes the attempt's row from that."""
        assert visit.candidate is not None
        target = visit.candidate.target
        outcome = "ok" if failure is None else failure.kind
        self._counters.attempts[target.provider, outcome] += 1
        if failure is None and visit.attempts == 1 and not visit.stream:
            return
        self._journal.append(
            Attempted(
                request_id=visit.exchange.request_id,
                number=visit.attempts,
                at=self._clock.now(),
                provider=target.provider,
                connection_id=visit.candidate.account.id,
                model=target.model,
                outcome=outcome,
                status=200 if failure is None else failure.status,
                duration_ms=round(took_s * 1000),
                message="" if failure is None else redacted(failure.message)[:500],
            )
        )

    def settle(self, visit: Visit) -> None:
        """Exactly once, before the client can have seen the end of its answer."""
        if visit.settled:
            return
        visit.settled = True
        failure = visit.failure
        usage = _NO_USAGE if visit.replayed else visit.usage or _estimated(visit)
        target = visit.candidate.target if visit.candidate else None
        provider = target.provider if target else ""
        cost = None if target is None or usage is _NO_USAGE else self._price(target, usage)
        if visit.replayed:
            cost = _PAID
        took_s = self._clock.monotonic() - visit.exchange.started
        outcome = "ok" if failure is None else failure.kind
        self._journal.append(
            Settled(
                request_id=visit.exchange.request_id,
                at=self._clock.now(),
                outcome=outcome,
                status=visit.status,
                provider=provider,
                connection_id=visit.candidate.account.id if visit.candidate else "",
                model=target.model if target else "",
                input_tokens=usage.input,
                output_tokens=usage.output,
                cache_read_tokens=usage.cache_read,
                cache_write_tokens=usage.cache_write,
                reasoning_tokens=usage.reasoning,
                usage_source=_source(visit, usage),
                cost_micro_usd=None if cost is None else cost.micro_usd,
                price_source=None if cost is None else cost.source,
                first_event_ms=round(visit.first_event_s * 1000),
                duration_ms=round(took_s * 1000),
                attempts=visit.attempts,
                losses=len(visit.losses),
                message="" if failure is None else redacted(failure.message)[:500],
            )
        )
        if visit.begun and target is not None:
            self._pulse.ended(target, usage.output)
        if visit.seat is not None:
            visit.seat.leave()
        if visit.session is not None and visit.begun and visit.candidate is not None:
            visit.session.connection_id = visit.candidate.account.id
        if visit.reservation is not None:
            visit.reservation.reconcile(usage.input_total + usage.output)
        self._traces.keep(visit)
        self._count(visit, provider, outcome, usage)
        self._tell(visit, provider, outcome, usage, took_s)

    def _count(self, visit: Visit, provider: str, outcome: str, usage: Usage) -> None:
        counters = self._counters
        counters.active -= 1
        counters.requests[visit.dialect.name, provider, outcome] += 1
        counters.input_tokens += usage.input_total
        counters.output_tokens += usage.output
        if visit.losses and visit.candidate is not None:
            for loss in visit.losses:
                counters.losses[visit.dialect.name, visit.candidate.target.dialect, loss.what] += 1

    def _tell(self, visit: Visit, provider: str, outcome: str, usage: Usage, took_s: float) -> None:
        say = self._log.info if outcome in ("ok", "cancelled", "invalid_request") else self._log.warning
        say(
            "request" if outcome == "ok" else f"request {outcome}",
            id=visit.exchange.request_id,
            key=visit.grant.name,
            dialect=visit.dialect.name,
            model=visit.model,
            provider=provider,
            status=visit.status,
            ms=round(took_s * 1000),
            tokens_in=usage.input_total,
            tokens_out=usage.output,
            attempts=visit.attempts if visit.attempts != 1 else None,
            losses=_named(visit.losses),
            error=visit.failure.message if visit.failure is not None else None,
        )


_NO_USAGE = Usage()
_PAID: Final = Cost(0, "cache")
_WRITES_TEXT: Final = frozenset[OperationName](("chat", "responses", "completions"))
_READS_TEXT: Final = _WRITES_TEXT | frozenset[OperationName](("embeddings", "moderations", "rerank", "speech"))


def _source(visit: Visit, usage: Usage) -> UsageSource:
    if visit.replayed:
        return "cache"
    if usage is _NO_USAGE:
        return "none"
    return "estimated" if usage.estimated else "reported"


def _estimated(visit: Visit) -> Usage:
    """Nothing was reported: an estimate for the text that was really exchanged, nothing for what never began."""
    if not visit.received or visit.operation not in _READS_TEXT:
        return _NO_USAGE
    return Usage(
        input=visit.asked // _CHARS_PER_TOKEN,
        output=visit.received // _CHARS_PER_TOKEN if visit.operation in _WRITES_TEXT else 0,
        estimated=True,
    )


def _named(losses: tuple[Loss, ...]) -> str | None:
    return ",".join(sorted({loss.what for loss in losses})) if losses else None
