"""Requests that are sent again: the second one gets the answer of the first, and is not paid for again.

A client names such requests with `Idempotency-Key`, or with `X-Request-Id`. Within the window after the answer's
end, and while it is under way, the same name on the same path with the same body means the same request. Only
successes are remembered: what failed may be tried again at once.
"""

from hashlib import blake2b
from typing import Final

import msgspec

from omniroute.caching.window import Window
from omniroute.pipeline.call import Call
from omniroute.pipeline.flight import Flight, Flights, Life
from omniroute.pipeline.joined import Joined

_AGAIN: Final = (b"x-omniroute-idempotent", b"true")


class Repeats:
    """Remembers in `window`."""

    def __init__(self, joined: Joined, window: Window) -> None:
        self._joined = joined
        self._window = window
        self._flights = Flights()

    def slot(self, call: Call) -> bytes | None:
        """What the request is called, over tenant, path, name and body; None for one without a name."""
        headers = call.exchange.headers
        if "idempotency-key" not in headers and "x-request-id" not in headers:
            return None
        key = headers.get("idempotency-key", "").strip()
        value = key or headers.get("x-request-id", "").strip()
        if not value or not self._window.length_s:
            return None
        body = blake2b(call.envelope.body, digest_size=32).hexdigest()
        # Where the body does not say whether it is a stream, the head has; then the two are two requests.
        path = (call.exchange.path, call.stream if call.envelope.stream is None else None)
        named = msgspec.json.encode((call.grant.key_id, path, "key" if key else "id", value, body))
        return blake2b(named, digest_size=32).digest()

    async def serve(self, call: Call, slot: bytes, life: Life) -> None:
        """Answers `call` with the answer of its first sending, or by `life`."""
        remembered = self._window.find(slot)
        flight = self._flights.find(slot)
        if remembered is not None:
            self._window.replayed += 1
            call.remarks = (_AGAIN,)
            await self._joined.replay(call, remembered.tape)
        elif flight is not None:
            self._window.replayed += 1
            call.remarks = (_AGAIN,)
            await self._joined.join(self._flights, slot, call, flight)
        else:
            await self._joined.lead(
                self._flights,
                slot,
                call,
                lambda flight: lambda: self._first(slot, flight, life),
            )

    async def _first(self, slot: bytes, flight: Flight, life: Life) -> None:
        await life()
        if flight.good:
            self._window.keep(slot, flight.tape)
