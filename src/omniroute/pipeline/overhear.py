"""Hears what one call is answered while it is delivered, and has it afterwards in the representation.

On the way to the client nothing is decoded for it: of frames that pass through, the pieces are put aside.
"""

from typing import assert_never

import msgspec

from omniroute.dialects.base import StreamDecoder, Tap
from omniroute.dialects.base import Tapped as Heard
from omniroute.errors import UpstreamError
from omniroute.ir.events import Event
from omniroute.ir.failure import Failure
from omniroute.ir.fold import fold
from omniroute.ir.result import Finish, GenerateResponse, Usage
from omniroute.pipeline.answer import Answer, Decoded, Tapped, Translated, Whole
from omniroute.pipeline.call import Call, Overhearer


class Overhearing:
    """For one call, after `first`, who hears it too."""

    __slots__ = ("_body", "_events", "_first", "_frames", "_response")

    def __init__(self, first: Overhearer | None = None) -> None:
        self._first = first
        self._body: bytes | None = None
        self._frames: list[bytes] = []
        self._events: list[Event] = []
        self._response: GenerateResponse | None = None

    def of(self, answer: Answer) -> Answer:
        """The same answer, to be delivered in its place."""
        if self._first is not None:
            answer = self._first.of(answer)
        match answer:
            case Whole(body=body):
                self._body = body
                return answer
            case Decoded(response=response):
                self._response = response
                return answer
            case Tapped(tap=tap, held=held):
                self._frames.append(held)
                return msgspec.structs.replace(answer, tap=_Tap(tap, self._frames))
            case Translated(decoder=decoder, pending=pending):
                self._events.extend(pending)
                return msgspec.structs.replace(answer, decoder=_Decoder(decoder, self._events))
            case _:
                assert_never(answer)

    def heard(self, call: Call) -> GenerateResponse | None:
        """What `call` was answered; None for what was no whole answer. Costs a decode."""
        if call.failure is not None:
            return None
        try:
            found = self._decoded(call)
        except (UpstreamError, ValueError):
            return None
        if isinstance(found, GenerateResponse) and found.usage is None and call.usage is not None:
            # The frame that had it was withheld from the client, which did not ask for it.
            found = msgspec.structs.replace(found, usage=call.usage)
        return found if isinstance(found, GenerateResponse) else None

    def _decoded(self, call: Call) -> GenerateResponse | Failure | None:
        if self._response is not None:
            return self._response
        if self._body is not None:
            return call.dialect.decode_response(self._body)
        if self._frames:
            decoder = call.dialect.stream_decoder()
            return fold([*decoder.feed(b"".join(self._frames)), *decoder.close()])
        return fold(self._events) if self._events else None


class _Tap:
    """A tap, and a list of what it forwards: whole frames, as they came."""

    __slots__ = ("_frames", "_tap")

    def __init__(self, tap: Tap, frames: list[bytes]) -> None:
        self._tap = tap
        self._frames = frames

    @property
    def usage(self) -> Usage | None:
        return self._tap.usage

    @property
    def finish(self) -> Finish | None:
        return self._tap.finish

    def feed(self, chunk: bytes) -> Heard:
        tapped = self._tap.feed(chunk)
        self._frames.append(tapped.forward)
        return tapped

    def close(self) -> bytes:
        owed = self._tap.close()
        self._frames.append(owed)
        return owed


class _Decoder:
    """A decoder, and a list of its events."""

    __slots__ = ("_decoder", "_events")

    def __init__(self, decoder: StreamDecoder, events: list[Event]) -> None:
        self._decoder = decoder
        self._events = events

    def feed(self, chunk: bytes) -> list[Event]:
        events = self._decoder.feed(chunk)
        self._events.extend(events)
        return events

    def close(self) -> list[Event]:
        events = self._decoder.close()
        self._events.extend(events)
        return events
