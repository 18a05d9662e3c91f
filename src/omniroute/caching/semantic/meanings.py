"""Finding a kept answer by what a question means, once the model for that is loaded."""

import asyncio
from typing import TYPE_CHECKING

import msgspec

from omniroute.caching.key import Tenant, key_of
from omniroute.clock import Clock
from omniroute.ir.parts import Text
from omniroute.ir.request import GenerateRequest

if TYPE_CHECKING:
    from omniroute.caching.semantic.store import Found, Questions


class Meaning(msgspec.Struct, frozen=True):
    """A question, and everything beside it that must be equal for its answer to fit."""

    partition: bytes
    text: str


def meaning_of(tenant: Tenant, request: GenerateRequest) -> Meaning | None:
    """None for a request that does not end with words of the user alone: a picture or a tool's result cannot be
    compared in this way."""
    last = request.turns[-1] if request.turns else None
    if last is None or last.role != "user" or len(last.parts) != 1:
        return None
    (part,) = last.parts
    if not isinstance(part, Text):
        return None
    blank = msgspec.structs.replace(last, parts=(msgspec.structs.replace(part, text=""),))
    partition = key_of(tenant, msgspec.structs.replace(request, turns=(*request.turns[:-1], blank)))
    return None if partition is None else Meaning(partition, part.text)


class Meanings:
    """Loads the model in a thread when the first question comes; until then, and where it is not installed,
    nothing is found. Only `clear` may be called from another thread than the event loop's."""

    def __init__(self, clock: Clock, *, most: int, ttl_s: float) -> None:
        self._clock = clock
        self._most = most
        self._ttl_s = ttl_s
        self._questions: Questions | None = None
        self._loading: asyncio.Future[Questions] | None = None
        self._stale = False
        self.problem: str | None = None

    def __len__(self) -> int:
        return 0 if self._questions is None or self._stale else len(self._questions)

    def find(self, meaning: Meaning) -> "Found | None":
        questions = self._ready()
        return None if questions is None else questions.find(meaning.partition, meaning.text)

    def remember(self, meaning: Meaning, key: bytes) -> None:
        """The answer to the question is kept under `key`."""
        questions = self._ready()
        if questions is not None:
            questions.remember(meaning.partition, meaning.text, key)

    async def loaded(self) -> None:
        """Returns when the model is there, or known to be missing."""
        self._ready()
        if self._loading is not None:
            await asyncio.wait((self._loading,))
            self._ready()

    def clear(self) -> None:
        self._stale = True

    def _ready(self) -> "Questions | None":
        if self._questions is None:
            if self._loading is None:
                self._loading = asyncio.get_running_loop().run_in_executor(None, self._made)
            elif self._loading.done() and self.problem is None:
                self._take(self._loading)
        elif self._stale:
            self._stale = False
            self._questions.clear()
        return self._questions

    def _take(self, loading: "asyncio.Future[Questions]") -> None:
        try:
            self._questions = loading.result()
        except ModuleNotFoundError as error:
            self.problem = f"{error.name} is not installed; it comes with the extra `semantic`"

    def _made(self) -> "Questions":
        # numpy and the model cost 100 MB and a second, which only who wants them pays.
        from omniroute.caching.semantic.embedder import Embedder
        from omniroute.caching.semantic.store import Questions

        return Questions(Embedder.load(), most=self._most, ttl_s=self._ttl_s, now=self._clock.now)
