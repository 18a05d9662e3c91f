"""Whose timeouts hold for an attempt: the settings', the provider's, the account's, the combo's; once each."""

from typing import TypeAlias

from omniroute.accounts.provider_data import timeouts
from omniroute.pipeline.deadline import HEADER
from omniroute.pipeline.phases import Phases, Schedule, Timing
from omniroute.pipeline.visit import Visit
from omniroute.routing.combo import Combo
from omniroute.snapshot.model import Snapshot
from omniroute.traffic.waits import Waits

_Key: TypeAlias = str | tuple[str, str]


class Timings:
    """`usual` are the settings; each layer above them says what it wants otherwise. A client's own deadline is
    above all: it bounds the whole request, so that an answer that is no stream needs no other limit."""

    def __init__(self, usual: Phases, waits: Waits) -> None:
        self._usual = usual
        self._waits = waits
        self._snapshot: Snapshot | None = None
        self._known: dict[_Key, Timing] = {}

    def of(self, visit: Visit, snapshot: Snapshot) -> Schedule:
        """For the attempt at the visit's candidate."""
        candidate = visit.candidate
        assert candidate is not None
        timing = self._timing(snapshot, candidate.account.id, _combo(visit))
        if not visit.stream:
            return timing.whole(bounded=HEADER in visit.exchange.headers)
        target = candidate.target
        return timing.stream(thinks=target.facts.reasoning is True, late_s=self._waits.late_s(target))

    def _timing(self, snapshot: Snapshot, connection_id: str, combo: Combo | None) -> Timing:
        if snapshot is not self._snapshot:
            self._snapshot, self._known = snapshot, {}
        key: _Key = connection_id if combo is None else (connection_id, combo.name)
        known = self._known.get(key)
        if known is None:
            connection = snapshot.by_id[connection_id]
            phases = self._usual.under(snapshot.providers[connection.provider].timeouts)
            phases = phases.under(timeouts(connection.parameters))
            known = Timing(phases if combo is None else phases.under(combo.config.timeouts))
            self._known[key] = known
        return known


def _combo(visit: Visit) -> Combo | None:
    """The combo, if it says anything of timeouts."""
    combo = None if visit.chosen is None else visit.chosen.combo
    return None if combo is None or combo.config.timeouts is None else combo
