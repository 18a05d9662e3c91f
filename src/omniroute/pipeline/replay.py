"""Seals that a client's dialect cannot carry: remembered by tool-call id and put back on the next turn.

A model that thought before it called a tool wants to see that thought again, with the proof that it is its own
(Anthropic's `signature`, Gemini's `thoughtSignature`, encrypted reasoning of the Responses API), when the result
comes; Gemini refuses the request otherwise. The calls of an answer have ids that every client sends back, so what
belongs to a call is kept under its id, in memory only, and goes back to whoever made it and to nobody else.
Clients of Ollama send no ids: theirs is kept under the call's place in the conversation, too. What was forgotten
or never seen stays away: a seal is never made up.
"""

from typing import Final

from omniroute.clock import Clock
from omniroute.dialects.base import StreamDecoder
from omniroute.dialects.ollama.ids import is_made_up
from omniroute.dialects.quirks import replay_reasoning_details
from omniroute.ir.events import ArgumentsDelta, Event, Finished, TextDelta
from omniroute.ir.fold import Folder
from omniroute.ir.parts import ToolCall
from omniroute.ir.request import GenerateRequest, Turn
from omniroute.ir.result import GenerateResponse
from omniroute.pipeline.call import Call
from omniroute.pipeline.places import end_of, place, places
from omniroute.pipeline.seals import Origin, Seals, kept, origin_of, restored

_WITHOUT_SEALS: Final = frozenset({"openai_chat", "ollama"})
"""Dialects that have none but for providers with a quirk, so that nobody needs to listen."""


_WITHOUT_IDS: Final = "ollama"
"""The dialect whose clients send no ids back."""


class Remembering:
    """The memory of one attempt: whom its answer comes from, and who may have it back. `before` is the
    conversation so far, for a client that will know the calls of the answer by their places only."""

    def __init__(
        self, seals: Seals, clock: Clock, owner: str, origin: Origin, before: tuple[Turn, ...] | None
    ) -> None:
        self._before = before
        self._seals = seals
        self._clock = clock
        self._owner = owner
        self._origin = origin

    def hear(self, response: GenerateResponse) -> None:
        found = kept(response.parts, self._origin)
        now = self._clock.monotonic()
        self._seals.remember(self._owner, found, now)
        if self._before is not None and found:
            said = end_of(self._before)
            calls = (part for part in response.parts if isinstance(part, ToolCall) and part.executor == "client")
            placed = {place(said, number): found.get(call.call_id) for number, call in enumerate(calls)}
            self._seals.remember(self._owner, {at: one for at, one in placed.items() if one is not None}, now)

    def listening(self, decoder: StreamDecoder) -> StreamDecoder:
        """`decoder`, overheard: what it tells is remembered before anybody can act upon its last event."""
        return _Overheard(decoder, self)


class _Overheard:
    def __init__(self, decoder: StreamDecoder, remembering: Remembering) -> None:
        self._decoder = decoder
        self._remembering = remembering
        self._folder = Folder()

    def feed(self, chunk: bytes) -> list[Event]:
        return self._heard(self._decoder.feed(chunk))

    def close(self) -> list[Event]:
        return self._heard(self._decoder.close())

    def _heard(self, events: list[Event]) -> list[Event]:
        for event in events:
            if isinstance(event, (TextDelta, ArgumentsDelta)):  # neither words nor arguments are kept
                continue
            self._folder.feed(event)
            if isinstance(event, Finished):
                answer = self._folder.result()
                if isinstance(answer, GenerateResponse):
                    self._remembering.hear(answer)
        return events


class Replay:
    """The two ends of it: what goes upstream is completed, what comes back is overheard."""

    def __init__(self, clock: Clock) -> None:
        self._seals = Seals()
        self._clock = clock

    def restored(self, call: Call, request: GenerateRequest) -> GenerateRequest:
        """`request` for the call's candidate, with the seals that this one gave and the client could not keep."""
        if not self._seals or call.candidate is None:
            return request
        owner, origin, now = call.grant.key_id, origin_of(call.candidate), self._clock.monotonic()
        find = self._seals.find
        if call.dialect.name != _WITHOUT_IDS:
            return restored(request, lambda call_id: find(owner, call_id, origin, now))
        at = places(request.turns)
        return restored(
            request, lambda call_id: find(owner, at[call_id] if is_made_up(call_id) else call_id, origin, now)
        )

    def remembering(self, call: Call) -> Remembering | None:
        """For an answer that is translated; None when nothing in it can be worth remembering."""
        candidate, request = call.candidate, call.request
        if candidate is None or request is None or not request.tools:
            return None
        target = candidate.target
        if target.dialect == call.dialect.name:
            return None
        if target.dialect in _WITHOUT_SEALS and replay_reasoning_details.NAME not in target.quirks:
            return None
        before = request.turns if call.dialect.name == _WITHOUT_IDS else None
        return Remembering(self._seals, self._clock, call.grant.key_id, origin_of(candidate), before)
