"""The end of a request, whatever it was: one journal record, one log line, one count."""

from typing import Final

import msgspec
from msgspec.structs import astuple

from omniroute.catalog.provider import OperationName
from omniroute.clock import Clock
from omniroute.dialects.base import Loss
from omniroute.ir.failure import Failure
from omniroute.ir.result import Usage
from omniroute.ledger.budgets import Charge
from omniroute.ledger.cost import Cost, Price
from omniroute.ledger.journal import Journal
from omniroute.ledger.records import Attempted, Opened, Progress, Settled, UsageSource
from omniroute.pipeline.choose import Chosen
from omniroute.pipeline.purse import Purse
from omniroute.pipeline.sample import text_share
from omniroute.pipeline.trace import Traces
from omniroute.pipeline.visit import InVain, Visit
from omniroute.telemetry.counters import Counters
from omniroute.telemetry.log import Log
from omniroute.telemetry.redact import redacted
from omniroute.traffic.combo_metrics import StepAttempt
from omniroute.traffic.pulse import PROVIDERS_FAULT, Pulse

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
                combo="" if visit.chosen is None or visit.chosen.combo is None else visit.chosen.combo.name,
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
        usage, cost = _NO_USAGE, None
        charges: tuple[Charge, ...] = ()
        if failure is not None:
            visit.received = 0
            if visit.usage is not None:
                usage = believable(visit.usage)
                cost = self._price(target, usage)
                visit.usage, visit.in_vain = None, _more(visit.in_vain, usage, cost)
                if visit.purse is not None:
                    charges = visit.purse.settle(target, usage, cost)
                    self._warn(visit.purse)
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
                input_tokens=usage.input,
                output_tokens=usage.output,
                cache_read_tokens=usage.cache_read,
                cache_write_tokens=usage.cache_write,
                cost_micro_usd=None if cost is None else cost.micro_usd,
                price_source=None if cost is None else cost.source,
                charges=charges,
            )
        )

    def settle(self, visit: Visit) -> None:
        """Exactly once, before the client can have seen the end of its answer."""
        if visit.settled:
            return
        visit.settled = True
        failure = visit.failure
        usage = _NO_USAGE if visit.replayed else believable(_used(visit))
        target = visit.candidate.target if visit.candidate else None
        provider = target.provider if target else ""
        cost = None if target is None or usage is _NO_USAGE else self._price(target, usage)
        if visit.replayed:
            cost = _PAID
        took_s = self._clock.monotonic() - visit.exchange.started
        outcome = "ok" if failure is None else failure.kind
        charges: tuple[Charge, ...] = ()
        if visit.purse is not None:
            charges = visit.purse.settle(target, None if usage is _NO_USAGE else usage, cost)
        answered = usage
        if visit.in_vain is not None:
            usage, cost = _in_all(visit.in_vain, usage, cost)
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
                charges=charges,
                media=None if usage.media is None else astuple(usage.media),
                cache_write_hour_tokens=usage.cache_write_hour,
                tier=usage.tier,
            )
        )
        if visit.begun and visit.candidate is not None:
            candidate = visit.candidate
            now = visit.exchange.started + took_s
            self._pulse.ended(candidate.target, answered.output, now, failure, candidate.account.category)
        if visit.seat is not None:
            if failure is not None and failure.kind in PROVIDERS_FAULT and visit.begun:
                visit.seat.broke(_binding(visit))
            visit.seat.leave()
        if visit.session is not None and visit.begun and visit.candidate is not None:
            visit.session.connection_id = visit.candidate.account.id
        if visit.metered is not None:
            visit.metered.settle(answered.input_total + answered.output)
            visit.metered.leave()
        if visit.reservation is not None:
            visit.reservation.reconcile(usage.input_total + usage.output)
        if visit.chosen is not None and visit.chosen.combo is not None:
            self._tally(visit, visit.chosen, visit.chosen.combo.name)
        self._traces.keep(visit, cost, took_s)
        if visit.purse is not None:
            self._warn(visit.purse)
        self._count(visit, provider, outcome, usage, took_s)
        self._tell(visit, provider, outcome, usage, took_s)

    def progressed(self, visit: Visit) -> None:
        """A stream goes on: what there is to settle if the process ends now. Raises `LedgerFull`."""
        if visit.settled or visit.candidate is None:
            return
        target = visit.candidate.target
        usage = believable(_so_far(visit))
        cost = self._price(target, usage)
        charges = () if visit.purse is None else visit.purse.mark(usage, cost)
        if visit.in_vain is not None:
            usage, cost = _in_all(visit.in_vain, usage, cost)
        self._journal.append(
            Progress(
                request_id=visit.exchange.request_id,
                at=self._clock.now(),
                input_tokens=usage.input,
                output_tokens=usage.output,
                provider=target.provider,
                connection_id=visit.candidate.account.id,
                model=target.model,
                cost_micro_usd=None if cost is None else cost.micro_usd,
                price_source=None if cost is None else cost.source,
                charges=charges,
                cache_read_tokens=usage.cache_read,
                cache_write_tokens=usage.cache_write,
            )
        )

    def _warn(self, purse: Purse) -> None:
        for budget, spent in purse.due:
            self._log.warning(
                "budget warning",
                budget=budget.named,
                spent_usd=spent / 1_000_000,
                limit_usd=budget.limit / 1_000_000,
            )

    def _tally(self, visit: Visit, chosen: Chosen, combo: str) -> None:
        failure = visit.failure
        keys = {id(candidate): key for key, candidate in chosen.placed()}
        attempts = [
            StepAttempt(
                key=keys.get(id(one.candidate), ""),
                target=one.candidate.target,
                status=one.failure.status,
                took_s=one.took_s,
            )
            for one in visit.tried
        ]
        waited_s = visit.upstream_s
        left = failure is not None and failure.kind == "cancelled"
        if visit.begun and visit.candidate is not None:
            attempts.append(
                StepAttempt(
                    key=keys.get(id(visit.candidate), ""),
                    target=visit.candidate.target,
                    status=200 if failure is None or left else failure.status,
                    took_s=waited_s - sum(one.took_s for one in visit.tried),
                )
            )
        now = self._clock.now()
        self._pulse.combos.ended(combo, attempts, good=failure is None, left=left, waited_s=waited_s, at=now)

    def _count(self, visit: Visit, provider: str, outcome: str, usage: Usage, took_s: float) -> None:
        counters = self._counters
        if visit.begun:
            counters.latency.record(
                provider,
                self._clock.monotonic(),
                total=round(took_s * 1000),
                first_event=round(visit.first_event_s * 1000),
                gateway=max(round((visit.first_event_s - visit.upstream_s) * 1000), 0),
            )
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
_MOST_TOKENS: Final = 10**9
"""No request uses more, whatever its provider claims."""
_BUCKETS: Final = ("input", "output", "cache_read", "cache_write", "cache_write_hour", "reasoning")
_PAID: Final = Cost(0, "cache")
_WRITES_TEXT: Final = frozenset[OperationName](("chat", "responses", "completions"))
_READS_TEXT: Final = _WRITES_TEXT | frozenset[OperationName](("embeddings", "moderations", "rerank", "speech"))


def _binding(visit: Visit) -> str | None:
    """The key under which the conversation is with its account."""
    chosen, candidate = visit.chosen, visit.candidate
    return None if chosen is None or candidate is None else chosen.bindings.get(candidate.target.provider)


def believable(usage: Usage) -> Usage:
    """`usage`, as far as it can be true: numbers beyond all measure would fit no column."""
    if usage.input_total + usage.output <= _MOST_TOKENS:
        return usage
    return Usage(
        **{name: min(getattr(usage, name), _MOST_TOKENS) for name in _BUCKETS},
        estimated=usage.estimated,
        raw=usage.raw,
    )


def _more(before: InVain | None, usage: Usage, cost: Cost | None) -> InVain:
    if before is None:
        return InVain(usage, cost)
    known = None if before.cost is None or cost is None else before.cost + cost
    return InVain(before.usage + usage, known)


def _in_all(vain: InVain, usage: Usage, cost: Cost | None) -> tuple[Usage, Cost | None]:
    """With what earlier attempts used. What nobody knows all of is not known."""
    if usage is _NO_USAGE:
        return vain.usage, vain.cost
    return usage + vain.usage, None if cost is None or vain.cost is None else cost + vain.cost


def _source(visit: Visit, usage: Usage) -> UsageSource:
    if visit.replayed:
        return "cache"
    if usage is _NO_USAGE:
        return "none"
    return "estimated" if usage.estimated else "reported"


def _used(visit: Visit) -> Usage:
    """A stream that was cut has reported what it read, and of what it wrote only how it began."""
    if visit.usage is None:
        return _estimated(visit)
    if _cut_short(visit) and _written(visit) > visit.usage.output:
        return _so_far(visit)
    return visit.usage


def _cut_short(visit: Visit) -> bool:
    return visit.failure is not None and visit.finish is None and visit.stream and visit.begun


def _estimated(visit: Visit) -> Usage:
    """Nothing was reported: an estimate for the text that was really exchanged, nothing for what never began."""
    if not visit.received or visit.operation not in _READS_TEXT:
        return _NO_USAGE
    return Usage(
        input=visit.asked // _CHARS_PER_TOKEN,
        output=_written(visit) if visit.operation in _WRITES_TEXT else 0,
        estimated=True,
    )


def _so_far(visit: Visit) -> Usage:
    """Of a stream that goes on. Some providers report what they read at once, and what they write at the end."""
    written = _written(visit) if visit.operation in _WRITES_TEXT else 0
    if visit.usage is None:
        return Usage(input=visit.asked // _CHARS_PER_TOKEN, output=written, estimated=True)
    return msgspec.structs.replace(visit.usage, output=max(visit.usage.output, written), estimated=True)


def _written(visit: Visit) -> int:
    """Tokens of what was received. Of a stream most is not text; a piece of it shows how much is."""
    text = visit.received * text_share(visit.sample) if visit.sample else visit.received
    return int(text) // _CHARS_PER_TOKEN


def _named(losses: tuple[Loss, ...]) -> str | None:
    return ",".join(sorted({loss.what for loss in losses})) if losses else None
