"""Why a request went where it went: kept for a while, for whoever asks."""

from collections import OrderedDict
from typing import Final

import msgspec

from omniroute.dialects.base import Loss
from omniroute.ir.failure import Failure
from omniroute.ledger.cost import Cost
from omniroute.pipeline.choose import Chosen
from omniroute.pipeline.visit import Tried, Visit
from omniroute.routing.candidate import Candidate, Exclusion

_KEPT: Final = 2_000


class Trace(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the choice followed from, what was left out, what was tried in vain, and how it ended. No bodies and no
    credentials. `winner` is None when nothing answered; `interrupted` was being asked when the request ended
    before that, because its client had left or its time was up.

    `key` is the name of the client key, `took_s` and `first_event_s` count from the arrival of the request,
    `remarks` are the headers that say what the caches made of it."""

    request_id: str
    model: str
    dialect: str
    chosen: Chosen | None
    exclusions: tuple[Exclusion, ...]
    tried: tuple[Tried, ...]
    winner: Candidate | None
    interrupted: Candidate | None
    losses: tuple[Loss, ...]
    failure: Failure | None
    key: str
    stream: bool
    took_s: float
    first_event_s: float
    cost: Cost | None
    replayed: bool
    remarks: tuple[tuple[bytes, bytes], ...]


class Traces:
    """The newest ones, by request id. In memory: the log keeps the attempts of older requests."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._traces: OrderedDict[str, Trace] = OrderedDict()

    def keep(self, visit: Visit, cost: Cost | None, took_s: float) -> None:
        request_id = visit.exchange.request_id
        self._traces[request_id] = Trace(
            request_id=request_id,
            model=visit.model,
            dialect=visit.dialect.name,
            chosen=visit.chosen,
            exclusions=visit.exclusions,
            tried=visit.tried,
            winner=visit.candidate if visit.begun else None,
            interrupted=visit.candidate if not visit.begun and visit.attempts > len(visit.tried) else None,
            losses=visit.losses,
            failure=visit.failure,
            key=visit.grant.name,
            stream=visit.stream,
            took_s=took_s,
            first_event_s=visit.first_event_s,
            cost=cost,
            replayed=visit.replayed,
            remarks=visit.remarks,
        )
        if len(self._traces) > self._kept:
            self._traces.popitem(last=False)

    def find(self, request_id: str) -> Trace | None:
        return self._traces.get(request_id)
