"""Giving a good answer to the client, in its own dialect. The usage record is written before the client can
have seen the end of the answer."""

from omniroute.clock import Clock, Ids
from omniroute.errors import UpstreamError
from omniroute.ir.events import Event, Failed, Finished, UsageReported
from omniroute.ir.failure import Failure
from omniroute.ir.fold import unfold
from omniroute.ir.result import GenerateResponse
from omniroute.pipeline.answer import Answer, Decoded, Tapped, Translated, Whole
from omniroute.pipeline.call import Call
from omniroute.pipeline.failures import of_upstream
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.headers import JSON, of_stream, told
from omniroute.pipeline.progress import Progress


class Deliver:
    """One `await` per piece of a stream is the back-pressure: a slow client slows its provider."""

    def __init__(self, ledger: Ledger, clock: Clock, ids: Ids) -> None:
        self._ledger = ledger
        self._clock = clock
        self._ids = ids

    async def answer(self, call: Call, answer: Answer) -> None:
        """Sends `answer` to its end; an upstream that fails on the way ends in the dialect's error event."""
        match answer:
            case Whole():
                call.usage = answer.glance.usage
                call.finish = answer.glance.finish
                await self._whole(call, answer.body, answer.headers)
            case Decoded(response=response):
                await self._decoded(call, response)
            case Tapped():
                try:
                    await self._tapped(call, answer)
                finally:
                    _read_tap(call, answer)
                    await answer.reply.aclose()
            case Translated():
                try:
                    await self._translated(call, answer)
                finally:
                    await answer.reply.aclose()

    async def _whole(self, call: Call, body: bytes, more: list[tuple[bytes, bytes]]) -> None:
        self._ledger.settle(call)
        await call.exchange.reply(200, [JSON, *told(call, self._clock.monotonic()), *more], body)

    async def _decoded(self, call: Call, response: GenerateResponse) -> None:
        call.usage = response.usage
        call.finish = response.finish
        context = call.context(self._ids.token(), self._clock.now())
        if not call.stream:
            encoded = call.dialect.encode_response(response, context)
            call.losses += encoded.losses
            await self._whole(call, encoded.body, [])
            return
        encoder = call.dialect.stream_encoder(context)
        body = b"".join([encoder.send(event) for event in unfold(response)]) + encoder.close()
        await self._begin(call, [])
        self._ledger.settle(call)
        await call.exchange.write(body)
        await call.exchange.end()

    async def _tapped(self, call: Call, answer: Tapped) -> None:
        exchange, tap, reply = call.exchange, answer.tap, answer.reply
        progress = Progress(self._clock.monotonic()) if call.progress else None
        await self._begin(call, answer.headers)
        forward, ended = answer.held, answer.ended
        while True:
            if progress is not None:
                forward = progress.before(forward, self._clock.monotonic(), terminal=ended) + forward
            if ended:
                _read_tap(call, answer)
                self._ledger.settle(call)
            if forward:
                call.received += len(forward)
                await exchange.write(forward)
            if ended:
                break
            tapped = None
            try:
                chunk = await reply.chunk()
                if chunk:
                    tapped = tap.feed(chunk)
            except UpstreamError as error:
                call.failure = of_upstream(error)
            if tapped is None:
                forward, ended = tap.close(), True
                if call.failure is None and tap.finish is None:
                    call.failure = _cut()
            else:
                forward, ended = tapped.forward, tapped.terminal
                call.failure = call.failure or tapped.failure
        await exchange.end()

    async def _translated(self, call: Call, answer: Translated) -> None:
        exchange, reply, decoder = call.exchange, answer.reply, answer.decoder
        encoder = call.dialect.stream_encoder(call.context(self._ids.token(), self._clock.now()))
        progress = Progress(self._clock.monotonic()) if call.progress else None
        await self._begin(call, answer.headers)
        events, ended = answer.pending, False
        while True:
            pieces: list[bytes] = []
            for event in events:
                _note(call, event)
                pieces.append(encoder.send(event))
                ended = ended or isinstance(event, (Failed, Finished))
            if ended:
                pieces.append(encoder.close())
            forward = b"".join(pieces)
            if progress is not None and (forward or ended):
                forward = progress.before(forward, self._clock.monotonic(), terminal=ended) + forward
            if ended:
                self._ledger.settle(call)
            if forward:
                call.received += len(forward)
                await exchange.write(forward)
            if ended:
                break
            try:
                chunk = await reply.chunk()
                events = decoder.feed(chunk) if chunk else decoder.close()
            except UpstreamError as error:
                events = [Failed(failure=of_upstream(error))]
        await exchange.end()

    async def _begin(self, call: Call, more: list[tuple[bytes, bytes]]) -> None:
        if not call.exchange.replying:
            await call.exchange.begin(
                200, [*of_stream(call.dialect.framing), *told(call, self._clock.monotonic()), *more]
            )


def _read_tap(call: Call, answer: Tapped) -> None:
    call.usage = answer.tap.usage
    call.finish = answer.tap.finish


def _note(call: Call, event: Event) -> None:
    match event:
        case UsageReported(usage=usage):
            call.usage = usage
        case Finished(finish=finish):
            call.finish = finish
        case Failed(failure=failure):
            call.failure = failure
        case _:
            pass


def _cut() -> Failure:
    return Failure(
        kind="cut", status=502, message="the provider closed the stream before its end", code="upstream_closed"
    )
