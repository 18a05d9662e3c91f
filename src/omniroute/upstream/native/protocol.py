"""One connection: an asyncio protocol that carries one request at a time and says when it may carry the next."""

import asyncio
import math
from collections.abc import Callable
from typing import cast

from omniroute.errors import UpstreamError
from omniroute.upstream.alarm import Alarm
from omniroute.upstream.head import Key
from omniroute.upstream.native.message import Message
from omniroute.upstream.transport import Deadlines, Sink

READ_AHEAD = 256 * 1024
"""Unread bytes of a body above which reading stops; it starts again when they are taken."""

_SLICE = 256 * 1024


class Connection(asyncio.Protocol):
    """Idle (no message) or busy with one. All waiting goes through one future, all deadlines through one alarm.

    `idle` is called when a reply is complete and the connection may be used again, `lost` when it is gone.
    """

    def __init__(
        self, key: Key, origin: str, idle: Callable[["Connection"], None], lost: Callable[["Connection"], None]
    ) -> None:
        self.key = key
        self.origin = origin
        self.idle_since = 0.0
        self.unanswered = False
        self._idle = idle
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._message: Message | None = None
        self._failure: UpstreamError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._whole = 0
        self._sent = self._reading = self._writable = True
        self._deadlines = Deadlines()
        self._idle_s = 0.0
        self._final = math.inf
        self._alarm = Alarm(self._loop, self._late)

    @property
    def closed(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    async def send(self, method: str, head: bytes, body: bytes, deadlines: Deadlines, final: float) -> Message:
        """Sends a request and waits for the reply's head. Raises `UpstreamError`; then, as after a cancellation,
        the connection is gone, and `unanswered` says whether not a byte came. `final` is the loop's time of the
        total deadline."""
        assert self._transport is not None
        message = self._message = Message(method)
        self._deadlines, self._final, self._whole = deadlines, final, 0
        self._idle_s = deadlines.idle_s
        self._expect(deadlines.first_byte_s)
        try:
            if len(body) <= _SLICE:
                self._transport.write(head + body)
            else:
                await self._send_slices(self._transport, message, head, memoryview(body))
            while not message.headed:
                await self._wait()
        except BaseException:
            self.unanswered = not message.heard
            self.abort()
            raise
        return message

    async def more(self, message: Message) -> bytes:
        """What has arrived of the body, or the next that does; `b""` at the end."""
        while not message.pieces and not message.complete:
            self._want(message, 0)
            await self._wait()
        taken = message.take()
        self._want(message, 0)
        return taken

    async def pump(self, message: Message, sink: Sink) -> bool:
        """As `Reply.pump`. While this waits, `data_received` calls the sink itself, and wakes nobody."""
        message.sink = sink
        try:
            while message.give():
                if message.complete:
                    return False
                self._want(message, 0)
                await self._wait()
            self._want(message, 0)
            return True
        finally:
            message.sink = None

    async def rest(self, message: Message, limit: int) -> bytes:
        """The rest of the body, whole."""
        self._want(message, limit)
        while not message.complete and message.size <= limit:
            await self._wait()
        if message.size > limit:
            self.leave(message)
            raise UpstreamError("protocol", f"{self.origin} sent more than {limit} bytes")
        return message.take()

    def leave(self, message: Message) -> None:
        """The reader is gone; a reply that is not complete takes its connection with it."""
        if self._message is message:
            self.abort()

    def pause(self, message: Message, idle_s: float) -> None:
        """As `Reply.pause`."""
        if self._message is message:
            self._idle_s = idle_s
            if self._reading:
                self._expect(idle_s)

    def give_up(self, message: Message, why: str) -> None:
        """Whoever waits for more of the reply gets an error; one that is complete is left alone."""
        if self._message is message:
            self._fail(UpstreamError("timeout", why))

    def abort(self) -> None:
        """Closes the socket at once."""
        self._end(UpstreamError("closed", f"the connection to {self.origin} was given up"))

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        message = self._message
        if message is None:  # bytes that nobody asked for
            self.abort()
            return
        try:
            message.feed(data)
        except UpstreamError as error:
            self._fail(error)
            return
        if message.complete:
            self._finish(message)
            return
        if message.headed:
            self._expect(self._idle_s)
        if message.sink is not None and message.give():
            return
        if message.size > max(READ_AHEAD, self._whole) and self._reading and self._transport is not None:
            self._reading = False
            self._alarm.move(self._final)  # now the reader is slow, not the peer
            self._transport.pause_reading()
        if message.headed and message.size >= self._whole:
            self._wake()

    def eof_received(self) -> None:
        message = self._message
        if message is not None:
            try:
                message.eof()
            except UpstreamError as error:
                self._fail(error)
            else:
                self._finish(message)
        elif self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._message is not None:
            self._fail(self._message.cut())
        self._alarm.drop()
        self._lost(self)

    def pause_writing(self) -> None:
        self._writable = False
        if self._message is not None and not self._message.headed:
            self._expect(self._deadlines.write_s)

    def resume_writing(self) -> None:
        self._writable = True
        if self._message is not None and not self._message.headed:
            self._expect(self._deadlines.first_byte_s)
        self._wake()

    async def _send_slices(
        self, transport: asyncio.Transport, message: Message, head: bytes, body: memoryview
    ) -> None:
        self._sent = False
        transport.write(head)
        for start in range(0, len(body), _SLICE):
            while not self._writable and message.status < 300:
                await self._wait()
            if self._failure is not None or message.status >= 300:
                return  # a refusal that did not wait for the whole body
            transport.write(body[start : start + _SLICE])
        self._sent = True

    async def _wait(self) -> None:
        if self._failure is not None:
            raise UpstreamError(self._failure.kind, self._failure.message)
        waiter = self._waiter = self._loop.create_future()
        try:
            await waiter
        finally:
            if self._waiter is waiter:
                self._waiter = None

    def _wake(self) -> None:
        # The future is let go at once: before whoever waits here runs again, the connection may be another's.
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _want(self, message: Message, whole: int) -> None:
        """Goes on reading: for the next piece, or for everything up to `whole` bytes. A message that is over
        has no say, the connection may be another's by now."""
        if self._message is message:
            self._whole = whole
            if not self._reading and message.size <= max(READ_AHEAD, whole):
                self._expect(self._idle_s)
                self._read_on()

    def _read_on(self) -> None:
        if not self._reading and self._transport is not None and not self._transport.is_closing():
            self._reading = True
            self._transport.resume_reading()

    def _finish(self, message: Message) -> None:
        self._message = None
        self._alarm.at = math.inf
        self._read_on()
        if message.reusable and self._sent and not self.closed:
            self.idle_since = self._loop.time()
            self._idle(self)
        elif self._transport is not None:
            self._transport.abort()
        self._wake()

    def _fail(self, error: UpstreamError) -> None:
        self._end(UpstreamError(error.kind, f"{self.origin} {error.message}"))

    def _end(self, failure: UpstreamError) -> None:
        self._failure = self._failure or failure
        self._message = None
        self._alarm.at = math.inf
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    def _expect(self, seconds: float) -> None:
        """Something must happen within so many seconds, and everything before the total deadline."""
        self._alarm.move(min(self._final, self._loop.time() + seconds if seconds else math.inf))

    def _late(self) -> None:
        message = self._message
        if message is None:
            return
        if self._alarm.at == self._final:
            what = "did not finish in the total time allowed"
        elif message.headed:
            what = f"sent nothing for {self._idle_s:g} s"
        elif not self._writable:
            what = f"took nothing of the request for {self._deadlines.write_s:g} s"
        else:
            what = f"did not reply within {self._deadlines.first_byte_s:g} s"
        self._fail(UpstreamError("timeout", what))
