"""The end of a request, whatever it was: one journal record, one log line, one count."""

from omniroute.clock import Clock
from omniroute.dialects.base import Loss
from omniroute.ir.failure import Failure
from omniroute.ir.result import Usage
from omniroute.ledger.journal import Journal
from omniroute.ledger.records import Attempted, Opened, Settled
from omniroute.pipeline.call import Call
from omniroute.telemetry.counters import Counters
from omniroute.telemetry.log import Log
from omniroute.telemetry.redact import redacted

_CHARS_PER_TOKEN = 4
"""Roughly, for English and code; used only where no provider reported numbers, and marked as an estimate."""


class Ledger:
    """Writes the life of a call to the journal as it happens."""

    def __init__(self, journal: Journal, counters: Counters, log: Log, clock: Clock) -> None:
        self._journal = journal
        self._counters = counters
        self._log = log
        self._clock = clock

    def opened(self, call: Call) -> None:
        """The request was admitted and will be tried."""
        client_id = call.exchange.headers.get("x-request-id")
        self._counters.active += 1
        self._journal.append(
            Opened(
                request_id=call.exchange.request_id,
                at=self._clock.now(),
                key_id=call.grant.key_id,
                dialect=call.dialect.name,
                operation="chat",
                model=call.envelope.model,
                stream=call.stream,
                session_id=call.session_id,
                client_request_id=client_id[:200] if client_id else None,
            )
        )

    def attempted(self, call: Call, failure: Failure | None, took_s: float) -> None:
        """One attempt ended: failed, or with a good first event. Of a whole answer at the first attempt the
        settled record, which follows at once, says it all; the drain makes the attempt's row from that."""
        assert call.candidate is not None
        target = call.candidate.target
        outcome = "ok" if failure is None else failure.kind
        self._counters.attempts[target.provider, outcome] += 1
        if failure is None and call.attempts == 1 and not call.stream:
            return
        self._journal.append(
            Attempted(
                request_id=call.exchange.request_id,
                number=call.attempts,
                at=self._clock.now(),
                provider=target.provider,
                connection_id=call.candidate.account.id,
                model=target.model,
                outcome=outcome,
                status=200 if failure is None else failure.status,
                duration_ms=round(took_s * 1000),
                message="" if failure is None else redacted(failure.message)[:500],
            )
        )

    def settle(self, call: Call) -> None:
        """Exactly once, before the client can have seen the end of its answer."""
        if call.settled:
            return
        call.settled = True
        failure = call.failure
        usage = call.usage or _estimated(call)
        target = call.candidate.target if call.candidate else None
        provider = target.provider if target else ""
        took_s = self._clock.monotonic() - call.exchange.started
        outcome = "ok" if failure is None else failure.kind
        self._journal.append(
            Settled(
                request_id=call.exchange.request_id,
                at=self._clock.now(),
                outcome=outcome,
                status=call.status,
                provider=provider,
                connection_id=call.candidate.account.id if call.candidate else "",
                model=target.model if target else "",
                input_tokens=usage.input,
                output_tokens=usage.output,
                cache_read_tokens=usage.cache_read,
                cache_write_tokens=usage.cache_write,
                reasoning_tokens=usage.reasoning,
                usage_source="none" if usage is _NO_USAGE else "estimated" if usage.estimated else "reported",
                first_event_ms=round(call.first_event_s * 1000),
                duration_ms=round(took_s * 1000),
                attempts=call.attempts,
                losses=len(call.losses),
                message="" if failure is None else redacted(failure.message)[:500],
            )
        )
        self._count(call, provider, outcome, usage)
        self._tell(call, provider, outcome, usage, took_s)

    def _count(self, call: Call, provider: str, outcome: str, usage: Usage) -> None:
        counters = self._counters
        counters.active -= 1
        counters.requests[call.dialect.name, provider, outcome] += 1
        counters.input_tokens += usage.input_total
        counters.output_tokens += usage.output
        if call.losses and call.candidate is not None:
            for loss in call.losses:
                counters.losses[call.dialect.name, call.candidate.target.dialect, loss.what] += 1

    def _tell(self, call: Call, provider: str, outcome: str, usage: Usage, took_s: float) -> None:
        say = self._log.info if outcome in ("ok", "cancelled", "invalid_request") else self._log.warning
        say(
            "request" if outcome == "ok" else f"request {outcome}",
            id=call.exchange.request_id,
            key=call.grant.name,
            dialect=call.dialect.name,
            model=call.envelope.model,
            provider=provider,
            status=call.status,
            ms=round(took_s * 1000),
            tokens_in=usage.input_total,
            tokens_out=usage.output,
            attempts=call.attempts if call.attempts != 1 else None,
            losses=_named(call.losses),
            error=call.failure.message if call.failure is not None else None,
        )


_NO_USAGE = Usage()


def _estimated(call: Call) -> Usage:
    """Nothing was reported: an estimate for what was really exchanged, nothing for what never began."""
    if not call.received:
        return _NO_USAGE
    return Usage(
        input=len(call.envelope.body) // _CHARS_PER_TOKEN,
        output=call.received // _CHARS_PER_TOKEN,
        estimated=True,
    )


def _named(losses: tuple[Loss, ...]) -> str | None:
    return ",".join(sorted({loss.what for loss in losses})) if losses else None
