"""Whether a request may get the answer of another one: because it is sent again, or because it asks the same."""

from typing import NamedTuple

from omniroute.pipeline.cached import Cached, Question
from omniroute.pipeline.call import Call
from omniroute.pipeline.flight import Life
from omniroute.pipeline.repeat import Repeats


class Shared(NamedTuple):
    """At least one of the two."""

    slot: bytes | None
    question: Question | None


class Sharing:
    """What is sent again is recognised first: it does not matter then what it asks."""

    def __init__(self, repeats: Repeats, cached: Cached) -> None:
        self._repeats = repeats
        self._cached = cached

    def of(self, call: Call, pinned: str | None) -> Shared | None:
        """None for nearly every request."""
        slot = self._repeats.slot(call)
        question = self._cached.question(call, pinned)
        return None if slot is None and question is None else Shared(slot, question)

    async def serve(self, call: Call, shared: Shared, generate: Life) -> None:
        """Answers `call`. Raises `GatewayError` for one that could not be written down."""
        slot, question = shared

        async def answered() -> None:
            if question is None:
                await generate()
            else:
                await self._cached.serve(call, question, generate)

        if slot is None:
            await answered()
        else:
            await self._repeats.serve(call, slot, answered)
