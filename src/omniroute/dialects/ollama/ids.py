"""Ids of tool calls, which this wire mostly does without.

A call without an id gets one by its place. A made-up id is recognised by its form and is never written back; a
client's own id that happens to have this form stays among the unknown fields as well, and so survives.
"""

import hashlib
import re

from omniroute.dialects.look import as_text
from omniroute.ir.json import JsonValue

_MADE_UP = re.compile(r"call_(?:[0-9a-f]{12}_)?[0-9]+", re.ASCII)


def is_made_up(call_id: str) -> bool:
    return _MADE_UP.fullmatch(call_id) is not None


class CallIds:
    """Names the calls of a conversation in order and finds the call that a result belongs to.

    What it gives depends only on the messages before, so that a longer conversation starts like a shorter one.
    """

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._next = 0
        self._waiting: list[tuple[str, str]] = []

    def begin_round(self) -> None:
        """New calls follow; results still to come belong to them."""
        self._waiting.clear()

    def of_call(self, given: str | None, name: str) -> str:
        call_id = given or self._fresh()
        self._used.add(call_id)
        self._waiting.append((call_id, name))
        return call_id

    def of_result(self, given: str | None, name: str | None) -> str:
        """The call that said this id, else the first unanswered one of that name (without a name: of any)."""
        for position, (call_id, called) in enumerate(self._waiting):
            if call_id == given if given else name in (None, called):
                del self._waiting[position]
                return call_id
        return given or self._fresh()

    def _fresh(self) -> str:
        while (call_id := f"call_{self._next}") in self._used:
            self._next += 1
        self._used.add(call_id)
        return call_id


def id_in_answer(created_at: JsonValue, position: int) -> str:
    """An id for call number `position` of an answer. The server's time stamp, which has nanoseconds, keeps the
    calls of one conversation apart."""
    stamp = as_text(created_at)
    if not stamp:
        return f"call_{position}"
    return f"call_{hashlib.sha256(stamp.encode()).hexdigest()[:12]}_{position}"
