"""What is known about one generation request while it lives."""

import msgspec

from omniroute.access.grant import Grant
from omniroute.dialects.base import Context, Dialect, Loss
from omniroute.dialects.envelope import Envelope
from omniroute.ir.failure import Failure
from omniroute.ir.request import GenerateRequest
from omniroute.ir.result import Finish, Usage
from omniroute.pipeline.exchange import Exchange
from omniroute.routing.candidate import Candidate


class Call(msgspec.Struct, kw_only=True, eq=False):
    """Filled in stage by stage; `pipeline.finish` writes down what it holds at the end.

    `upstream_s` is the time spent waiting for providers before the first event, so that the gateway's own share
    can be told. `sent` and `received` are bytes, for estimates when no usage is reported.
    """

    exchange: Exchange
    dialect: Dialect
    grant: Grant
    envelope: Envelope
    stream: bool
    session_id: str | None = None
    progress: bool = False
    request: GenerateRequest | None = None
    """The decoded request, once a translation needed it."""
    candidate: Candidate | None = None
    attempts: int = 0
    losses: tuple[Loss, ...] = ()
    usage: Usage | None = None
    finish: Finish | None = None
    failure: Failure | None = None
    status: int = 200
    first_event_s: float = 0.0
    upstream_s: float = 0.0
    received: int = 0
    settled: bool = False

    def context(self, token: str, created: float) -> Context:
        """What the client dialect's encoders need."""
        assert self.candidate is not None
        return Context(
            request_id=self.exchange.request_id,
            token=token,
            created=int(created),
            model=self.candidate.target.model,
            include_usage=self.envelope.include_usage,
            input_tokens=len(self.envelope.body) // 4,
            request=self.request,
        )
