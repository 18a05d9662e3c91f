"""How long each phase of an attempt may take: layered, and what follows for one request."""

import math
from typing import Final

import msgspec

from omniroute.ir.timeouts import Timeouts
from omniroute.upstream.transport import Deadlines

_UNLIMITED: Final = 0.0


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for one attempt, in seconds, 0 for no limit. `first_event_s` runs from the head of a stream to
    the first event that says something, `useful_idle_s` from each such event to the next."""

    deadlines: Deadlines
    first_event_s: float = _UNLIMITED
    useful_idle_s: float = _UNLIMITED


class Phases(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds; 0 means no limit.

    `connect_s` bounds a connection with DNS and TLS, `write_s` each 256 KiB of a request that nobody takes.
    `first_byte_s` and `total_s` are about answers that are no streams, from the sent request to the head, and over
    the attempt. Streams have `stream_first_byte_s` to their head; then `first_event_s` (a model that thinks:
    `reasoning_first_event_s`) to the first event that says something; then `idle_s` between any two signs of life,
    comments and pings among them, and `useful_idle_s` between two events that say something. They have no total.

    The first event of a target whose first events usually come late is waited for longer (`stretches`), unless
    somebody named a number for this account or combo (the same for its head: `head_stretches`).
    """

    connect_s: float = 10.0
    write_s: float = 30.0
    first_byte_s: float = 600.0
    stream_first_byte_s: float = 60.0
    first_event_s: float = 30.0
    reasoning_first_event_s: float = 120.0
    idle_s: float = 120.0
    useful_idle_s: float = 300.0
    total_s: float = 600.0
    stretches: bool = True
    head_stretches: bool = True

    def under(self, said: Timeouts | None) -> "Phases":
        """These, where `said` says nothing else."""
        if said is None:
            return self
        named = {name: value for name in Timeouts.__struct_fields__ if (value := getattr(said, name)) is not None}
        if "first_event_s" in named:
            named |= {"reasoning_first_event_s": named["first_event_s"], "stretches": False}
        if "stream_first_byte_s" in named:
            named["head_stretches"] = False
        return msgspec.structs.replace(self, **named)

    def whole(self, *, bounded: bool = False) -> Schedule:
        """For an answer that is no stream; `bounded` by a deadline that its client named, which then counts."""
        first_byte_s = _UNLIMITED if bounded else self.first_byte_s
        deadlines = Deadlines(
            connect_s=self.connect_s,
            write_s=self.write_s,
            first_byte_s=first_byte_s,
            idle_s=first_byte_s,  # a head that came early does not make the answer come earlier
            total_s=_UNLIMITED if bounded else self.total_s,
        )
        return Schedule(deadlines=deadlines)

    def stream(self, *, thinks: bool, late_s: float = 0.0) -> Schedule:
        """For a stream, of a model that `thinks`; a first event that takes `late_s` is nothing unusual there."""
        first_event_s = self.reasoning_first_event_s if thinks else self.first_event_s
        if self.stretches and first_event_s:
            first_event_s = max(first_event_s, min(late_s, self.useful_idle_s or math.inf))
        head_s = self.stream_first_byte_s
        if head_s and self.head_stretches and first_event_s > self.first_event_s:
            head_s = max(head_s, first_event_s)  # some send their head with the first event
        deadlines = Deadlines(
            connect_s=self.connect_s, write_s=self.write_s, first_byte_s=head_s, idle_s=self.idle_s, total_s=0.0
        )
        return Schedule(deadlines=deadlines, first_event_s=first_event_s, useful_idle_s=self.useful_idle_s)


class Timing:
    """The schedules that follow from phases, made once; only late targets need one of their own."""

    __slots__ = ("_bounded", "_phases", "_stream", "_thinks", "_whole")

    def __init__(self, phases: Phases) -> None:
        self._phases = phases
        self._whole = phases.whole()
        self._bounded = phases.whole(bounded=True)
        self._stream = phases.stream(thinks=False)
        self._thinks = phases.stream(thinks=True)

    def whole(self, *, bounded: bool) -> Schedule:
        """See `Phases`."""
        return self._bounded if bounded else self._whole

    def stream(self, *, thinks: bool, late_s: float = 0.0) -> Schedule:
        """See `Phases`."""
        usual = self._thinks if thinks else self._stream
        return usual if late_s <= usual.first_event_s else self._phases.stream(thinks=thinks, late_s=late_s)
