"""Giving a good answer to the client, in its own dialect. The usage record is written before the client can
have seen the end of the answer."""

from omniroute.clock import Clock, Ids
from omniroute.dialects.base import Context
from omniroute.errors import UpstreamError
from omniroute.ir.fold import unfold
from omniroute.ir.result import GenerateResponse
from omniroute.pipeline.answer import Answer, Decoded, PassedHeaders, Tapped, Translated, Whole
from omniroute.pipeline.call import Call
from omniroute.pipeline.failures import of_upstream
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.headers import JSON, of_stream, told
from omniroute.pipeline.marks import Marks
from omniroute.pipeline.passage import Handover, Passage, Tapping, Translating
from omniroute.pipeline.progress import Progress


class Deliver:
    """Back-pressure: while a client takes nothing, nothing is taken from its provider."""

    def __init__(self, ledger: Ledger, clock: Clock, ids: Ids) -> None:
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._marks = Marks(ledger, clock)

    async def answer(self, call: Call, answer: Answer) -> None:
        """Sends `answer` to its end; an upstream that fails on the way ends in the dialect's error event."""
        match answer:
            case Whole():
                call.usage = answer.glance.usage
                call.finish = answer.glance.finish
                await self._whole(call, answer.body, answer.headers)
            case Decoded(response=response):
                await self.response(call, response, call.context(self._ids.token(), self._clock.now()))
            case Tapped(headers=headers):
                await self._stream(call, answer, Tapping(call, answer), headers)
            case Translated(headers=headers):
                context = call.context(self._ids.token(), self._clock.now())
                await self._stream(call, answer, Translating(call, answer, context), headers)

    async def response(self, call: Call, response: GenerateResponse, context: Context) -> None:
        """Sends a whole answer that is in the representation, as a stream when the client wants one."""
        call.usage = response.usage
        call.finish = response.finish
        encoded = call.dialect.encode_response(response, context)
        call.losses += encoded.losses
        if not call.stream:
            await self._whole(call, encoded.body, [])
            return
        encoder = call.dialect.stream_encoder(context)
        body = b"".join([encoder.send(event) for event in unfold(response)]) + encoder.close()
        await self._begin(call, [])
        self._ledger.settle(call)
        await call.exchange.write(body)
        await call.exchange.end()

    async def _whole(self, call: Call, body: bytes, more: list[tuple[bytes, bytes]]) -> None:
        self._ledger.settle(call)
        await call.exchange.reply(200, [JSON, *told(call, self._clock.monotonic()), *more], body)

    async def _stream(
        self, call: Call, answer: Tapped | Translated, passage: Passage, more: PassedHeaders
    ) -> None:
        exchange, reply = call.exchange, answer.reply
        progress = Progress(self._clock.monotonic()) if call.progress else None
        handover = Handover(call, passage, waits=progress is not None)
        mark = self._marks.begin(call, passage.note)
        answer.vigil.attend(passage, exchange)
        try:
            await self._begin(call, more)
            forward = call.sample = passage.first()
            while True:
                if progress is not None and (forward or passage.ended):
                    now = self._clock.monotonic()
                    forward = progress.before(forward, now, terminal=passage.ended) + forward
                if call.failure is None:  # else what is left to say are our own words
                    call.received += len(forward)
                if passage.ended:
                    passage.note()
                    self._ledger.settle(call)
                if forward:
                    await exchange.write(forward)
                if passage.ended:
                    break
                try:
                    stopped = await reply.pump(handover)
                    forward = handover.owed() if stopped else passage.close()
                except UpstreamError as error:
                    forward = passage.fail(of_upstream(error))
            await exchange.end()
        finally:
            answer.vigil.over()
            mark.over()
            passage.note()
            await reply.aclose()

    async def _begin(self, call: Call, more: list[tuple[bytes, bytes]]) -> None:
        if not call.exchange.replying:
            await call.exchange.begin(
                200, [*of_stream(call.dialect.framing), *told(call, self._clock.monotonic()), *more]
            )
