"""What is known about one generation request while it lives."""

from collections.abc import Mapping
from typing import Protocol

from omniroute.accounts.connection import Connection
from omniroute.dialects.base import Context, Loss
from omniroute.dialects.envelope import Envelope
from omniroute.dialects.filling import Fetched
from omniroute.dialects.thinking_rule import ThinkingRule
from omniroute.ir.request import GenerateRequest
from omniroute.pipeline.answer import Answer
from omniroute.pipeline.asking import asked
from omniroute.pipeline.revision import Conducted
from omniroute.pipeline.thread import Thread
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
    files: Mapping[str, Fetched] = {}
    """What the request names by address, as far as somebody needed it as bytes."""
    thread: Thread | None = None
    """What it continues and where its answer will be found, for clients whose API has such things."""
    conducted: Conducted | None = None
    """What its combo changes in it; None for a combo that changes nothing, and where there is none."""
    amended: tuple[Loss, ...] = ()
    """What the operator's own settings added to it."""
    thinking: ThinkingRule | None = None
    """How much its model may think, whatever it asks; None leaves it to the client."""
    inner: bool = False
    """The gateway asks itself."""
    answering: Connection | None = None
    """The account whose stream is under way: what it says of a failure may repeat its credential."""
    overhearing: Overhearer | None = None
    """Who wants to know what is answered."""

    def wishes(self) -> Asked:
        """What a choice between models depends on. A conversation, or a request that may come twice, is pinned."""
        pinned = self.session_id is not None or "idempotency-key" in self.exchange.headers
        return asked(self.envelope, pinned=pinned)

    def conversation(self) -> str | None:
        """Which conversation it belongs to, as far as it can be told; costs what looking at all messages costs."""
        return conversation(self.exchange.headers, self.envelope.fields)

    def repeated(self) -> GenerateRequest | None:
        """The request as its answer repeats it."""
        thread, request = self.thread, self.request
        return request if thread is None or request is None else thread.told(request)

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
            request=self.repeated(),
        )
