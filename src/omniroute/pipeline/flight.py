"""Answers under way that several clients may wait for.

A flight is a task of its own. It ends when its answer does, or when the last client that waits for it has left:
the one that asked first is not special, so whoever leaves, those who stay get the answer of the one call that was
made. Nothing is handed over and nothing is asked again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from omniroute.caching.tape import Tape
from omniroute.errors import GatewayError
from omniroute.ir.failure import Failure
from omniroute.pipeline.broadcast import Broadcast
from omniroute.pipeline.call import Call
from omniroute.pipeline.exchange import Exchange, ReplyHeaders
from omniroute.pipeline.failures import CLIENT_LEFT, INTERNAL
from omniroute.pipeline.refuse import refuse

Life: TypeAlias = Callable[[], Awaitable[None]]


class Flight:
    """`call` is the request that is answered, `attending` counts the clients that wait for it."""

    __slots__ = ("_broadcast", "attending", "call", "tape", "task")

    def __init__(self, call: Call) -> None:
        self.call = call
        self.tape = Tape()
        self.attending = 0
        self._broadcast = call.exchange = Broadcast(call.exchange, self.tape)
        self.task: asyncio.Task[None] | None = None

    @property
    def good(self) -> bool:
        """The reply is a success, and here to its end."""
        return self.tape.complete and self.tape.status == 200 and self.call.failure is None

    @property
    def trouble(self) -> BaseException | None:
        """What the task ended with, if it was a bug or could not be written down."""
        task = self.task
        return task.exception() if task is not None and task.done() and not task.cancelled() else None

    def stop(self, why: Failure) -> None:
        """Nobody waits for it any more."""
        self._broadcast.stopped = why
        self.tape.close()
        assert self.task is not None
        self.task.cancel()

    async def over(self) -> None:
        """Returns when the task has ended, however it did."""
        if self.task is not None:
            await asyncio.wait({self.task})


class Flights:
    """Those that can be joined, by key."""

    def __init__(self) -> None:
        self._flights: dict[bytes, Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def find(self, key: bytes) -> Flight | None:
        return self._flights.get(key)

    def lead(self, key: bytes, flight: Flight, life: Life, *, name: str) -> None:
        """Begins a flight. From now on the reply of its call goes on its tape."""

        async def fly() -> None:
            try:
                await life()
            finally:
                flight.tape.close()
                self._forget(key, flight)

        self._flights[key] = flight
        flight.task = asyncio.get_running_loop().create_task(fly(), name=name)

    async def attend(
        self,
        key: bytes,
        flight: Flight,
        call: Call,
        exchange: Exchange,
        head: Callable[[ReplyHeaders], ReplyHeaders],
        before: Callable[[], None],
    ) -> None:
        """Gives the answer to one client. `head` makes its own of the first one's head; `before` is called ahead
        of every piece. Raises what the flight raised when nobody else is there to hear of it."""
        flight.attending += 1
        flight.call.deadline = max(flight.call.deadline, call.deadline)
        try:
            complete = await follow(flight.tape, exchange, head, before)
        except asyncio.CancelledError:
            stopped = exchange.stopped or CLIENT_LEFT
            await self._leave(key, flight, stopped)
            if stopped.kind != "cancelled":
                await refuse(exchange, call.dialect, stopped)
            raise
        except BaseException:
            await self._leave(key, flight, CLIENT_LEFT)
            raise
        await self._leave(key, flight, CLIENT_LEFT)
        if not complete:
            await flight.over()
            trouble = flight.trouble
            if isinstance(trouble, GatewayError) and not exchange.replying:
                raise trouble
            await refuse(exchange, call.dialect, INTERNAL)
        if not flight.attending and flight.trouble is not None:
            raise flight.trouble

    async def _leave(self, key: bytes, flight: Flight, why: Failure) -> None:
        flight.attending -= 1
        if flight.attending:
            return
        if not flight.tape.ended:
            self._forget(key, flight)
            flight.stop(why)
        await flight.over()

    def _forget(self, key: bytes, flight: Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


async def follow(
    tape: Tape,
    exchange: Exchange,
    head: Callable[[ReplyHeaders], ReplyHeaders],
    before: Callable[[], None],
) -> bool:
    """Sends what is on the tape and what comes to it. False when it broke off; then the reply has no end yet."""
    while not tape.begun and not tape.ended:
        await tape.news()
    if not tape.begun:
        return False
    if tape.whole:
        before()
        await exchange.reply(tape.status, head(tape.headers), b"".join(tape.pieces))
        return True
    before()
    await exchange.begin(tape.status, head(tape.headers))
    sent = 0
    while True:
        while sent < len(tape.pieces):
            piece = tape.pieces[sent]
            sent += 1
            before()
            await exchange.write(piece)
        if tape.ended:
            break
        await tape.news()
    before()
    if tape.complete:
        await exchange.end()
    return tape.complete
