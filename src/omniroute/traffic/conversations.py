"""What combos remember of the conversations they serve: the target each keeps to, and what is handed over."""

from collections import OrderedDict
from typing import Final

import msgspec

from omniroute.routing.handoff import Handoff

_KEPT_S: Final = 30 * 60.0
_MAX_CONVERSATIONS: Final = 10_000


class _Kept(msgspec.Struct):
    leaf: str
    until: float


class Conversations:
    """By conversation key, which holds the client key and the combo. In memory; those that were used longest ago
    are dropped first. Times are monotonic seconds; one event loop."""

    def __init__(self, limit: int = _MAX_CONVERSATIONS) -> None:
        self._limit = limit
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._handoffs: OrderedDict[str, Handoff] = OrderedDict()

    def leaf(self, key: str, now: float) -> str | None:
        """The key of the leaf that the conversation keeps to."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if now >= kept.until:
            del self._kept[key]
            return None
        return kept.leaf

    def keep(self, key: str, leaf: str, now: float) -> None:
        """It keeps to this leaf for half an hour from now."""
        self._kept[key] = _Kept(leaf=leaf, until=now + _KEPT_S)
        self._kept.move_to_end(key)
        if len(self._kept) > self._limit:
            self._kept.popitem(last=False)

    def release(self, key: str) -> None:
        """The next request chooses anew."""
        self._kept.pop(key, None)

    def handoff(self, key: str, now: float) -> Handoff | None:
        """What is to be said to whoever goes on with the conversation."""
        found = self._handoffs.get(key)
        if found is not None and now >= found.until:
            del self._handoffs[key]
            return None
        return found

    def hand_over(self, key: str, handoff: Handoff) -> None:
        """From now on the conversation is for somebody else."""
        self._handoffs[key] = handoff
        self._handoffs.move_to_end(key)
        if len(self._handoffs) > self._limit:
            self._handoffs.popitem(last=False)

    def delivered(self, key: str) -> None:
        """The summary was said where the conversation is now: it stays there, and is not told again."""
        found = self._handoffs.get(key)
        if found is not None and not found.delivered:
            self._handoffs[key] = msgspec.structs.replace(found, delivered=True)
