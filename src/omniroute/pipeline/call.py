"""What is known about one generation request while it lives."""

from typing import Protocol

from omniroute.dialects.base import Context
from omniroute.dialects.envelope import Envelope
from omniroute.ir.request import GenerateRequest
from omniroute.pipeline.answer import Answer
from omniroute.pipeline.asking import asked
from omniroute.pipeline.visit import Visit
from omniroute.routing.affinity import conversation
from omniroute.routing.strategy import Asked


class Overhearer(Protocol):
    """Hears an answer while it is delivered."""

    def of(self, answer: Answer) -> Answer:
        """The same answer, to be delivered in its place."""
        ...


class Call(Visit, kw_only=True, eq=False):
    """A visit that wants text generated."""

    envelope: Envelope
    below: str = ""
    """What follows the path of the dialect, such as `/compact`: an operation that only this dialect has."""
    request: GenerateRequest | None = None
    """The decoded request, once a translation or a cache needed it."""
    overhearing: Overhearer | None = None
    """Who wants to know what is answered."""

    def wishes(self) -> Asked:
        """What a choice between models depends on. A conversation, or a request that may come twice, is pinned."""
        pinned = self.session_id is not None or "idempotency-key" in self.exchange.headers
        return asked(self.envelope, pinned=pinned)

    def conversation(self) -> str | None:
        """Which conversation it belongs to, as far as it can be told; costs what looking at all messages costs."""
        return conversation(self.exchange.headers, self.envelope.fields)

    def context(self, token: str, created: float) -> Context:
        """What the client dialect's encoders need."""
        assert self.candidate is not None
        return Context(
            request_id=self.exchange.request_id,
            token=token,
            created=int(created),
            model=self.candidate.target.model,
            include_usage=self.envelope.include_usage,
            input_tokens=self.asked // 4,
            request=self.request,
        )
