"""What becomes of a provider's stream on its way to the client: read along, or put into another dialect."""

from typing import Final, Protocol

from omniroute.dialects.base import Context
from omniroute.dialects.outline import Outline
from omniroute.ir.events import Event, Failed, Finished, Ping, UsageReported
from omniroute.ir.failure import Failure
from omniroute.pipeline.answer import Tapped, Translated
from omniroute.pipeline.call import Call
from omniroute.pipeline.withheld import withheld, withheld_bytes

_LONGEST_SIGN: Final = 80
"""Bytes. Signs of life are short: of OpenAI, the longest of those that were seen, 66."""


class Passage(Protocol):
    """Each method but `note` gives what the client gets next; once it is `ended`, that was the last of it. `heard`
    becomes true with every piece that says something; who asks makes it false again."""

    ended: bool
    heard: bool

    def first(self) -> bytes:
        """What came before the answer was known to be good."""
        ...

    def feed(self, chunk: bytes) -> bytes:
        """Raises `UpstreamError`."""
        ...

    def close(self) -> bytes:
        """The provider's stream is over."""
        ...

    def fail(self, failure: Failure) -> bytes:
        """It broke."""
        ...

    def note(self) -> None:
        """Writes into the call what the stream has said of itself."""
        ...


class Tapping:
    """The provider's own frames, beside a tap."""

    __slots__ = ("_answer", "_call", "_tap", "ended", "heard")

    def __init__(self, call: Call, answer: Tapped) -> None:
        self._call = call
        self._answer = answer
        self._tap = answer.tap
        self.ended = answer.ended
        self.heard = True

    def first(self) -> bytes:
        return self._answer.held

    def feed(self, chunk: bytes) -> bytes:
        tapped = self._tap.feed(chunk)
        if len(chunk) > _LONGEST_SIGN or not _is_sign(chunk):
            self.heard = True
        self.ended = tapped.terminal
        if tapped.failure is not None and self._call.failure is None:
            self._call.failure = withheld(tapped.failure, self._call.answering)
            return withheld_bytes(tapped.forward, self._call.answering)
        return tapped.forward

    def close(self) -> bytes:
        self.ended = True
        forward = self._tap.close()
        if self._call.failure is None and self._tap.finish is None:
            self._call.failure = _cut()
        return forward

    def fail(self, failure: Failure) -> bytes:
        self._call.failure = failure
        return self.close()

    def note(self) -> None:
        self._call.usage = self._tap.usage
        self._call.finish = self._tap.finish


class Translating:
    """A decoder of the provider's dialect, and an encoder of the client's."""

    __slots__ = ("_call", "_context", "_decoder", "_encoder", "_outline", "_pending", "ended", "heard")

    def __init__(self, call: Call, answer: Translated, context: Context) -> None:
        self._call = call
        self._context = context
        self._decoder = answer.decoder
        self._pending = answer.pending
        self._encoder = call.dialect.stream_encoder(context)
        self._outline = Outline()
        self.ended = False
        self.heard = True

    def first(self) -> bytes:
        return self._written(self._pending)

    def feed(self, chunk: bytes) -> bytes:
        return self._written(self._decoder.feed(chunk))

    def close(self) -> bytes:
        return self._written(self._decoder.close())

    def fail(self, failure: Failure) -> bytes:
        return self._written([Failed(failure=failure)])

    def note(self) -> None:
        """What there is to note was noted event by event."""

    def _written(self, events: list[Event]) -> bytes:
        pieces: list[bytes] = []
        if events and not isinstance(events[-1], Ping):
            self.heard = True
            if isinstance(events[-1], Failed):
                events = [*events[:-1], self._withheld(events[-1])]
        for event in events:
            self._note(event)
            self._outline.note(event)
            pieces.append(self._encoder.send(event))
        if self.ended:
            pieces.append(self._encoder.close())
            self._call.losses += self._outline.losses(self._call.dialect, self._context)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _withheld(self, event: Failed) -> Failed:
        return Failed(failure=withheld(event.failure, self._call.answering))

    def _note(self, event: Event) -> None:
        match event:
            case UsageReported(usage=usage):
                self._call.usage = usage
            case Finished(finish=finish):
                self._call.finish = finish
                self.ended = True
            case Failed(failure=failure):
                self._call.failure = failure
                self.ended = True
            case _:
                pass


class Handover:
    """Called with a piece of the provider's stream, hands it on to the client at once: from socket to socket,
    without waking the task of the request. It refuses to go on (False) where that task is needed: at the end, for
    a client that is slow, and always when it `waits`. What is then owed to the client has not been sent."""

    __slots__ = ("_call", "_exchange", "_owed", "_passage", "_trouble", "_waits")

    def __init__(self, call: Call, passage: Passage, *, waits: bool) -> None:
        self._call = call
        self._exchange = call.exchange
        self._passage = passage
        self._waits = waits
        self._owed = b""
        self._trouble: Exception | None = None

    def __call__(self, chunk: bytes) -> bool:
        try:
            forward = self._passage.feed(chunk)
        except Exception as error:  # belongs to the task, not to the connection that calls
            self._trouble = error
            return False
        if self._passage.ended or self._waits or not self._exchange.writable:
            self._owed = forward
            return False
        if forward:
            call = self._call
            call.received += len(forward)
            call.sample = forward
            self._exchange.put(forward)
        return True

    def owed(self) -> bytes:
        """What the client is to be sent after a refusal. Raises what `feed` raised."""
        if self._trouble is not None:
            raise self._trouble
        return self._owed


def _is_sign(chunk: bytes) -> bool:
    """Whether a short piece of a stream only shows that its sender is alive: a comment, blank lines, or an event
    of that name (Anthropic's `ping`, OpenAI's `keepalive`)."""
    return chunk.startswith((b":", b"event: ping", b"event: keepalive")) or not chunk.strip()


def _cut() -> Failure:
    return Failure(
        kind="cut", status=502, message="the provider closed the stream before its end", code="upstream_closed"
    )
