"""Trying candidates until one gives a good first event. Until then nothing reaches the client, so that falling
back is free and invisible."""

import asyncio
from functools import partial
from typing import Final

from omniroute.accounts.signing import Signing
from omniroute.clock import Clock
from omniroute.dialects.base import StreamDecoder
from omniroute.dialects.hearing import HearingDecoder, heard_response
from omniroute.dialects.renamed import RestoringDecoder, restored_response
from omniroute.dialects.reported import reported_usage
from omniroute.errors import GatewayError, UpstreamError
from omniroute.ir.events import (
    ArgumentsDelta,
    Event,
    Failed,
    Finished,
    PartOpened,
    ReasoningDelta,
    TextDelta,
    UsageReported,
)
from omniroute.ir.failure import Failure
from omniroute.ir.fold import Folder
from omniroute.ir.parts import Reasoning, Text
from omniroute.ir.target import Target
from omniroute.pipeline.answer import Answer, Decoded, Tapped, Translated, Whole
from omniroute.pipeline.call import Call
from omniroute.pipeline.comeback import in_band, with_hint
from omniroute.pipeline.course import Course
from omniroute.pipeline.failures import of_upstream
from omniroute.pipeline.fetching import Fetching
from omniroute.pipeline.headers import passed
from omniroute.pipeline.prepare import Prepare, Prepared
from omniroute.pipeline.vigil import Vigil
from omniroute.pipeline.withheld import withheld
from omniroute.routing.candidate import Candidate
from omniroute.routing.engine import Route
from omniroute.routing.limits import tells_limits
from omniroute.snapshot.model import Snapshot
from omniroute.traffic.learned import Learned
from omniroute.upstream.transport import Reply, Transport

_ERROR_BODY_LIMIT: Final = 1024 * 1024


class Attempts:
    """Performs the attempts that the engine asks for and reports what came of each. Without `fetching`, what a
    request names by address is left to its provider."""

    def __init__(
        self,
        prepare: Prepare,
        transport: Transport,
        course: Course,
        learned: Learned,
        clock: Clock,
        fetching: Fetching | None = None,
    ) -> None:
        self._fetching = fetching
        self._prepare = prepare
        self._transport = transport
        self._learned = learned
        self._clock = clock
        self._signing = Signing(transport, clock)
        self._course = course
        self._loop: asyncio.AbstractEventLoop | None = None

    async def first_good(self, call: Call, route: Route, snapshot: Snapshot) -> Answer | Failure:
        """The first answer that begins well, or the failure that the caller is to be told."""
        body = None if call.purse is None else partial(self._body, call)
        return await self._course.first_good(call, route, lambda: self._try(call, snapshot), body)

    async def fetch(self, call: Call, target: Target) -> None:
        """Has what `target` needs as bytes ready. Raises `InvalidRequest` for what cannot be had."""
        fetching = self._fetching
        if fetching is None or target.dialect not in fetching.by_dialect or target.dialect == call.dialect.name:
            return
        call.files = await fetching.files(self._prepare.decoded(call), target.dialect, call.files)

    async def _body(self, call: Call, candidate: Candidate) -> bytes | None:
        before, call.candidate = call.candidate, candidate
        try:
            await self.fetch(call, candidate.target)
            return self._prepare.body(call, candidate.target)
        except GatewayError:
            return None
        finally:
            call.candidate = before

    async def _try(self, call: Call, snapshot: Snapshot) -> Answer | Failure:
        fetching, candidate = self._fetching, call.candidate
        if fetching is not None and candidate is not None and candidate.target.dialect in fetching.by_dialect:
            await self.fetch(call, candidate.target)
        prepared = self._prepare.of(call, snapshot)
        call.losses = prepared.losses
        request = prepared.request
        try:
            if prepared.signer is not None:
                signed = await self._signing.signed(prepared.signer, request)
                if isinstance(signed, Failure):
                    return signed
                request = signed
            reply = await self._transport.open(request)
        except UpstreamError as error:
            return of_upstream(error)
        if tells_limits(reply.headers):
            self._learn(call, reply)
        try:
            answer = await self._first_event(call, prepared, reply)
        except UpstreamError as error:
            await reply.aclose()
            return of_upstream(error)
        except BaseException:
            await reply.aclose()
            raise
        if not isinstance(answer, (Tapped, Translated)):
            await reply.aclose()
            if isinstance(answer, Failure) and candidate is not None:
                answer = withheld(answer, snapshot.by_id[candidate.account.id])
        elif candidate is not None:
            call.answering = snapshot.by_id[candidate.account.id]
        return answer

    async def _first_event(self, call: Call, prepared: Prepared, reply: Reply) -> Answer | Failure:
        clock = self._clock
        if reply.status >= 300:
            body = await reply.read(_ERROR_BODY_LIMIT)
            failure = prepared.dialect.decode_failure(reply.status, reply.headers, body)
            return with_hint(failure, reply.headers, body, clock.now())
        kind = reply.headers.get("content-type", "")
        streams = "json" not in kind or "ndjson" in kind
        if call.stream and streams:
            loop = self._loop = self._loop or asyncio.get_running_loop()  # once: asking is a system call
            answer = await _stream(call, prepared, reply, Vigil(reply, prepared.schedule, loop))
        else:
            answer = await _whole(call, prepared, reply, streams=streams, kind=kind)
        return in_band(answer, reply.headers, clock.now()) if isinstance(answer, Failure) else answer

    def _learn(self, call: Call, reply: Reply) -> None:
        assert call.candidate is not None
        clock = self._clock
        self._learned.hear(call.candidate.account.id, reply.headers, at=clock.now(), now=clock.monotonic())


async def _stream(call: Call, prepared: Prepared, reply: Reply, vigil: Vigil) -> Answer | Failure:
    """A stream up to the first event that says something, for which the vigil waits so long and no longer."""
    good = False
    try:
        answer: Answer | Failure
        if prepared.translated:
            answer = await _peek_events(call, _decoder(prepared), reply, vigil)
        else:
            answer = await _peek_frames(call, reply, vigil)
        good = not isinstance(answer, Failure)
        return answer
    except UpstreamError as error:
        unready = vigil.failure(error)
        if unready is None:
            raise
        return unready
    finally:
        if good:
            vigil.ready()
        else:
            vigil.over()


async def _whole(call: Call, prepared: Prepared, reply: Reply, *, streams: bool, kind: str) -> Answer | Failure:
    upstream = prepared.dialect
    if streams and kind.startswith(("text/event-stream", "application/x-ndjson")):
        return await _assembled(call, _decoder(prepared), reply)
    body = await reply.read()
    call.received += len(body)
    if prepared.translated or call.stream:
        response = upstream.decode_response(body)
        if isinstance(response, Failure):
            call.usage = reported_usage(upstream.name, body)
            return response
        if response.usage is None:
            call.sample = body
        response = heard_response(response, prepared.hooks)
        if prepared.remembering is not None:
            prepared.remembering.hear(response)
        return Decoded(response=restored_response(response, prepared.renamed))
    try:
        glance = call.dialect.glance(body)
    except UpstreamError:
        told = upstream.decode_response(body)
        if isinstance(told, Failure):
            call.usage = reported_usage(upstream.name, body)
            return told
        raise
    if glance.usage is None:
        call.sample = body
    if glance.empty and glance.finish is None:
        call.usage = glance.usage
        told = upstream.decode_response(body)
        if isinstance(told, Failure):
            return told
        return Failure(
            kind="empty", status=502, message="the provider returned an empty answer", code="empty_answer"
        )
    return Whole(body=body, glance=glance, headers=passed(reply.headers))


def _decoder(prepared: Prepared) -> StreamDecoder:
    decoder = prepared.dialect.stream_decoder()
    if prepared.hooks:
        decoder = HearingDecoder(decoder, prepared.hooks)
    if prepared.remembering is not None:
        decoder = prepared.remembering.listening(decoder)
    return RestoringDecoder(decoder, prepared.renamed) if prepared.renamed else decoder


async def _peek_frames(call: Call, reply: Reply, vigil: Vigil) -> Tapped | Failure:
    """What the stream says of its use is noted as it comes: whatever ends the attempt, it may be billed."""
    tap = call.dialect.tap(include_usage=call.envelope.include_usage)
    held = b""
    while True:
        chunk = await reply.chunk()
        if not chunk:
            return _early_end()
        tapped = tap.feed(chunk)
        held += tapped.forward
        call.usage = tap.usage
        if tapped.failure is not None:
            await reply.aclose()
            return tapped.failure
        if tapped.useful or tapped.terminal:
            return Tapped(
                reply=reply,
                vigil=vigil,
                tap=tap,
                held=held,
                ended=tapped.terminal,
                headers=passed(reply.headers),
            )


async def _peek_events(call: Call, decoder: StreamDecoder, reply: Reply, vigil: Vigil) -> Translated | Failure:
    pending: list[Event] = []
    while True:
        chunk = await reply.chunk()
        events = decoder.feed(chunk) if chunk else decoder.close()
        pending += events
        for event in events:
            if isinstance(event, UsageReported):
                call.usage = event.usage
            elif isinstance(event, Failed):
                await reply.aclose()
                return event.failure if chunk else _early_end()
        if any(_useful(event) for event in events):
            return Translated(
                reply=reply, vigil=vigil, decoder=decoder, pending=pending, headers=passed(reply.headers)
            )
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


async def _assembled(call: Call, decoder: StreamDecoder, reply: Reply) -> Decoded | Failure:
    """A stream for a client that wants one answer."""
    folder = Folder()
    while True:
        chunk = await reply.chunk()
        for event in decoder.feed(chunk) if chunk else decoder.close():
            folder.feed(event)
        call.usage = folder.usage
        if not chunk:
            break
    response = folder.result()
    return response if isinstance(response, Failure) else Decoded(response=response)


def _early_end() -> Failure:
    return Failure(
        kind="cut",
        status=502,
        message="the provider closed the stream before any content",
        code="STREAM_EARLY_EOF",
    )
