"""Ids for calls that have none: this API matches a result to its call by name and order.

A call without an id is marked by a null `id` among its unknown fields, so that none is written back.
"""

import re
from collections.abc import Sequence

from omniroute.dialects.look import as_object, as_text, objects_in
from omniroute.ir.json import JsonValue

_REFUSED = re.compile(r"[^A-Za-z0-9_-]")


class CallIds:
    """The calls of one conversation or one answer, in order."""

    def __init__(self, prefix: str = "call", taken: frozenset[str] = frozenset()) -> None:
        self._prefix = prefix
        self._taken = set(taken)
        self._calls = 0
        self._unanswered: list[tuple[str, str]] = []

    def call(self, said: str | None, name: str) -> str:
        """The id of the next call; made up, and unused so far, where the wire says none."""
        call_id = said
        if call_id is None:
            call_id = f"{self._prefix}_{self._calls}"
            while call_id in self._taken:
                self._calls += 1
                call_id = f"{self._prefix}_{self._calls}"
        self._calls += 1
        self._taken.add(call_id)
        self._unanswered.append((name, call_id))
        return call_id

    def result(self, said: str | None, name: str) -> str:
        """The id of the call that a result answers: the one it names, else the oldest open call of `name`."""
        for position, (called, call_id) in enumerate(self._unanswered):
            if call_id == said if said is not None else called == name:
                del self._unanswered[position]
                return call_id
        return said if said is not None else f"{self._prefix}_{name}"


def of_answer(response_id: str) -> CallIds:
    """For the calls of an answer: its own id makes them different from those of every other answer."""
    known = _REFUSED.sub("", response_id)[:40]
    return CallIds(f"call_{known}" if known else "call")


def of_conversation(contents: Sequence[JsonValue]) -> CallIds:
    taken: set[str] = set()
    for content in contents:
        for part in objects_in((as_object(content) or {}).get("parts")):
            call = as_object(part.get("functionCall")) or as_object(part.get("functionResponse")) or {}
            said = as_text(call.get("id"))
            if said is not None:
                taken.add(said)
    return CallIds(taken=frozenset(taken))
