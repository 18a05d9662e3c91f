"""Trying candidates until one gives a good first event. Until then nothing reaches the client, so that falling
back is free and invisible."""

from typing import Final

from omniroute.clock import Clock
from omniroute.dialects.base import Dialect
from omniroute.errors import UpstreamError
from omniroute.ir.events import ArgumentsDelta, Event, Failed, Finished, PartOpened, ReasoningDelta, TextDelta
from omniroute.ir.failure import Failure
from omniroute.ir.fold import fold
from omniroute.ir.parts import Reasoning, Text
from omniroute.pipeline.answer import Answer, Decoded, Tapped, Translated, Whole
from omniroute.pipeline.call import Call
from omniroute.pipeline.failures import of_upstream
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.headers import passed
from omniroute.pipeline.prepare import Prepare, Prepared
from omniroute.routing.engine import Attempt, Done, Route, Step, Succeeded
from omniroute.snapshot.model import Snapshot
from omniroute.traffic.resting import Resting
from omniroute.upstream.transport import Reply, Transport

_ERROR_BODY_LIMIT: Final = 1024 * 1024


class Attempts:
    """Performs the attempts that the engine asks for and reports what came of each."""

    def __init__(
        self, prepare: Prepare, transport: Transport, resting: Resting, ledger: Ledger, clock: Clock
    ) -> None:
        self._prepare = prepare
        self._transport = transport
        self._resting = resting
        self._ledger = ledger
        self._clock = clock

    async def first_good(self, call: Call, route: Route, snapshot: Snapshot) -> Answer | Failure:
        """The first answer that begins well, or the failure that the caller is to be told."""
        step: Step = route.start(self._clock.monotonic())
        while isinstance(step, Attempt):
            candidate = step.candidate
            call.candidate = candidate
            call.attempts = step.number
            began = self._clock.monotonic()
            result = await self._try(call, snapshot)
            now = self._clock.monotonic()
            call.upstream_s += now - began
            if isinstance(result, Failure):
                step = route.report(result, now)
                if route.verdict is not None:
                    self._resting.rest(candidate.account, route.verdict, result, now)
                self._ledger.attempted(call, result, now - began)
            else:
                following = route.report(Succeeded(), now)
                assert isinstance(following, Done)
                call.first_event_s = now - call.exchange.started
                self._resting.wake(candidate.account)
                self._ledger.attempted(call, None, now - began)
                return result
        assert not isinstance(step, Done)
        return step.failure

    async def _try(self, call: Call, snapshot: Snapshot) -> Answer | Failure:
        prepared = self._prepare.of(call, snapshot)
        call.losses = prepared.losses
        try:
            reply = await self._transport.open(prepared.request)
        except UpstreamError as error:
            return of_upstream(error)
        try:
            answer = await _first_event(call, prepared, reply)
        except UpstreamError as error:
            await reply.aclose()
            return of_upstream(error)
        except BaseException:
            await reply.aclose()
            raise
        if not isinstance(answer, (Tapped, Translated)):
            await reply.aclose()
        return answer


async def _first_event(call: Call, prepared: Prepared, reply: Reply) -> Answer | Failure:
    upstream = prepared.dialect
    if reply.status >= 300:
        body = await reply.read(_ERROR_BODY_LIMIT)
        return upstream.decode_failure(reply.status, reply.headers, body)
    kind = reply.headers.get("content-type", "")
    streams = "json" not in kind or "ndjson" in kind
    if call.stream and streams:
        if prepared.translated:
            return await _peek_events(upstream, reply)
        return await _peek_frames(upstream, reply, include_usage=call.envelope.include_usage)
    if streams and kind.startswith(("text/event-stream", "application/x-ndjson")):
        return await _assembled(upstream, reply)
    body = await reply.read()
    call.received += len(body)
    if prepared.translated or call.stream:
        response = upstream.decode_response(body)
        return response if isinstance(response, Failure) else Decoded(response=response)
    glance = upstream.glance(body)
    if glance.empty and glance.finish is None:
        told = upstream.decode_response(body)
        if isinstance(told, Failure):
            return told
        return Failure(
            kind="empty", status=502, message="the provider returned an empty answer", code="empty_answer"
        )
    return Whole(body=body, glance=glance, headers=passed(reply.headers))


async def _peek_frames(upstream: Dialect, reply: Reply, *, include_usage: bool) -> Tapped | Failure:
    tap = upstream.tap(include_usage=include_usage)
    held = b""
    while True:
        chunk = await reply.chunk()
        if not chunk:
            return _early_end()
        tapped = tap.feed(chunk)
        held += tapped.forward
        if tapped.failure is not None:
            await reply.aclose()
            return tapped.failure
        if tapped.useful or tapped.terminal:
            return Tapped(reply=reply, tap=tap, held=held, ended=tapped.terminal, headers=passed(reply.headers))


async def _peek_events(upstream: Dialect, reply: Reply) -> Translated | Failure:
    decoder = upstream.stream_decoder()
    pending: list[Event] = []
    while True:
        chunk = await reply.chunk()
        events = decoder.feed(chunk) if chunk else decoder.close()
        pending += events
        for event in events:
            if isinstance(event, Failed):
                await reply.aclose()
                return event.failure if chunk else _early_end()
        if any(_useful(event) for event in events):
            return Translated(reply=reply, decoder=decoder, pending=pending, headers=passed(reply.headers))
        if not chunk:
            return _early_end()


def _useful(event: Event) -> bool:
    """Content or an end: an opened text block alone promises nothing yet."""
    match event:
        case TextDelta() | ReasoningDelta() | ArgumentsDelta() | Finished():
            return True
        case PartOpened(shell=shell):
            return not isinstance(shell, (Text, Reasoning))
        case _:
            return False


async def _assembled(upstream: Dialect, reply: Reply) -> Decoded | Failure:
    """A stream for a client that wants one answer."""
    decoder = upstream.stream_decoder()
    events: list[Event] = []
    while chunk := await reply.chunk():
        events += decoder.feed(chunk)
    events += decoder.close()
    response = fold(events)
    return response if isinstance(response, Failure) else Decoded(response=response)


def _early_end() -> Failure:
    return Failure(
        kind="cut",
        status=502,
        message="the provider closed the stream before any content",
        code="STREAM_EARLY_EOF",
    )
