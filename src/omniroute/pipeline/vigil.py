"""Watches a stream from its head to its end, and gives it up when it says nothing for too long.

What counts is what says something: comments, pings and events without content keep a connection alive, not an
answer. A stream costs one timer; its pieces cost nothing here, since each is only asked about now and then.
"""

import asyncio
from typing import Final, Protocol

from omniroute.errors import UpstreamError
from omniroute.ir.failure import Failure
from omniroute.pipeline.phases import Schedule
from omniroute.upstream.transport import Reply

_LOOKS: Final = 4
"""Into a limit between two events: it is kept to a quarter."""


class Heard(Protocol):
    heard: bool
    """Something was said since this was last set to False."""


class Taker(Protocol):
    @property
    def writable(self) -> bool:
        """False while it takes less than it is given: then its provider is not listened to either."""
        ...


class Vigil:
    """Begins with the head. `ready` says that the first event is there, `attend` who hears what follows; `over`
    ends it, always."""

    __slots__ = ("_heard", "_looks", "_loop", "_ready", "_reply", "_schedule", "_taker", "_timer")

    def __init__(self, reply: Reply, schedule: Schedule, loop: asyncio.AbstractEventLoop) -> None:
        self._reply = reply
        self._schedule = schedule
        self._loop = loop
        self._ready = False
        self._heard: Heard | None = None
        self._taker: Taker | None = None
        self._looks = 0
        first_event_s = schedule.first_event_s
        if 0 < schedule.deadlines.idle_s < first_event_s:
            reply.pause(first_event_s)
        self._timer = loop.call_later(first_event_s, self._look) if first_event_s else None

    def ready(self) -> None:
        """The first event that says something is there."""
        self._ready = True
        idle_s = self._schedule.deadlines.idle_s
        if 0 < idle_s < self._schedule.first_event_s:
            self._reply.pause(idle_s)

    def attend(self, heard: Heard, taker: Taker) -> None:
        """What follows goes to `taker`, and `heard` knows whether it says something."""
        self._heard, self._taker = heard, taker
        schedule = self._schedule
        if self._timer is None:
            self._look_later()
        elif 0 < schedule.useful_idle_s < _LOOKS * schedule.first_event_s:
            self._timer.cancel()  # it would look too late
            self._look_later()

    def over(self) -> None:
        """Leaves no timer behind."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._heard = self._taker = None

    def failure(self, error: UpstreamError) -> Failure | None:
        """What a reader's `error` before the first event means, if that was only late."""
        if error.kind != "timeout":
            return None
        limit_s = self._schedule.first_event_s
        message = f"the provider {_unready(limit_s)}" if limit_s else error.message
        return Failure(kind="timeout", status=504, message=message, code="STREAM_READINESS_TIMEOUT")

    def _look(self) -> None:
        self._timer = None
        if not self._ready:
            self._reply.give_up(_unready(self._schedule.first_event_s))
            return
        heard, taker = self._heard, self._taker
        if heard is None or taker is None:
            return
        if heard.heard or not taker.writable:
            heard.heard = False
            self._looks = 0
        else:
            self._looks += 1
        if self._looks < _LOOKS:
            self._look_later()
        else:
            self._reply.give_up(f"said nothing in its stream for {self._schedule.useful_idle_s:g} s")

    def _look_later(self) -> None:
        if self._schedule.useful_idle_s:
            self._timer = self._loop.call_later(self._schedule.useful_idle_s / _LOOKS, self._look)


def _unready(limit_s: float) -> str:
    return f"began a stream and said nothing in it within {limit_s:g} s"
