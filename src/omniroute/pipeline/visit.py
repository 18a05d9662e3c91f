"""What is known about a client's request while it lives, whatever it asks for."""

import math

import msgspec

from omniroute.access.grant import Grant
from omniroute.catalog.provider import OperationName
from omniroute.dialects.base import Dialect, Loss
from omniroute.ir.failure import Failure
from omniroute.ir.result import Finish, Usage
from omniroute.ledger.cost import Cost
from omniroute.pipeline.choose import Chosen
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.purse import Purse
from omniroute.routing.actions import Action
from omniroute.routing.candidate import Candidate, Exclusion
from omniroute.traffic.accounts import Seat
from omniroute.traffic.buckets import Reservation
from omniroute.traffic.gate import Entry
from omniroute.traffic.sessions import Session


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt in vain. `rest_s` is how long its account rests for it, 0 for not at all; `action` is what the
    combo's own rules made of it, None where they say nothing."""

    candidate: Candidate
    failure: Failure
    took_s: float
    rest_s: float
    action: Action | None = None


class InVain(msgspec.Struct, frozen=True):
    """What failed attempts used, by the reports of their providers. `cost` is None when nobody knows all of it."""

    usage: Usage
    cost: Cost | None


class Visit(msgspec.Struct, kw_only=True, eq=False):
    """Filled in stage by stage; `pipeline.finish` writes down what it holds at the end.

    `dialect` is how its caller wants to hear about errors, `model` the name as the caller wrote it. `asked`,
    `received` are bytes, for estimates when no usage is reported. `upstream_s` is the time spent waiting for
    providers before the first event, so that the gateway's own share can be told.
    """

    exchange: Exchange
    dialect: Dialect
    grant: Grant
    operation: OperationName = "chat"
    model: str
    asked: int
    stream: bool
    deadline: float = math.inf
    """When it must be done, monotonic seconds; infinite for no deadline. Its task is then cancelled, wherever it
    waits: nothing needs to look at the clock but what divides the time that is left."""
    session_id: str | None = None
    most_tokens: int | None = None
    """The most that its answer may have by policy."""
    progress: bool = False
    chosen: Chosen | None = None
    candidate: Candidate | None = None
    exclusions: tuple[Exclusion, ...] = ()
    tried: tuple[Tried, ...] = ()
    attempts: int = 0
    begun: bool = False
    """An attempt had a good first event; its target is busy with it until the end."""
    seat: Seat | None = None
    """The place at the account that answers, which is given back at the end."""
    session: Session | None = None
    reservation: Reservation | None = None
    """What was taken from the limits of the caller's key in advance."""
    metered: Entry | None = None
    """What was taken from the minutes of the account that is asked, where it has bounds."""
    purse: Purse | None = None
    """The money set aside for it; None when no budget is about it."""
    losses: tuple[Loss, ...] = ()
    usage: Usage | None = None
    """What the provider that is asked has reported so far."""
    in_vain: InVain | None = None
    """What attempts before that used; None for nothing, as far as is known."""
    finish: Finish | None = None
    failure: Failure | None = None
    status: int = 200
    first_event_s: float = 0.0
    upstream_s: float = 0.0
    received: int = 0
    sample: bytes = b""
    """A piece of the stream as the client gets it, the latest at hand, or a whole answer that counts no tokens: it
    shows how much is text."""
    replayed: bool = False
    """The answer was paid for by an earlier request, or by one at the same time."""
    remarks: tuple[tuple[bytes, bytes], ...] = ()
    """What the reply's head says beside the usual."""
    settled: bool = False
