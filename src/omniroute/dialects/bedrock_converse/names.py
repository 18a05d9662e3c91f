"""Names of tools and ids of calls as the Converse API accepts them: few kinds of characters, at most 64."""

import hashlib
import re
from collections.abc import Iterable

_LONGEST = 64
_REFUSED_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
_REFUSED_IN_IDS = re.compile(r"[^A-Za-z0-9_.:-]")


class Names:
    """The wire name of each tool; what it is depends only on the names declared, in their order."""

    def __init__(self, declared: Iterable[str]) -> None:
        self._wire: dict[str, str] = {}
        taken: set[str] = set()
        for name in declared:
            if name not in self._wire:
                self._wire[name] = _fitted(name, taken)
                taken.add(self._wire[name])
        self._taken = taken

    def wire(self, name: str) -> str:
        known = self._wire.get(name)
        return _fitted(name, self._taken) if known is None else known

    @property
    def renamed(self) -> dict[str, str]:
        """The caller's name for every wire name that differs from it."""
        return {wire: name for name, wire in self._wire.items() if wire != name}


class CallIds:
    """Hands out one accepted, unused id per call; what it gives depends only on the calls before."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def fresh(self, call_id: str) -> str:
        base = _REFUSED_IN_IDS.sub("_", call_id)[: _LONGEST - 6] or f"call_{len(self._used)}"
        if len(call_id) <= _LONGEST and not _REFUSED_IN_IDS.search(call_id) and call_id:
            base = call_id
        name, n = base, 1
        while name in self._used:
            n += 1
            name = f"{base[: _LONGEST - 6]}_{n}"
        self._used.add(name)
        return name


def _fitted(name: str, taken: set[str]) -> str:
    plain = _REFUSED_IN_NAMES.sub("_", name)
    if len(plain) <= _LONGEST and plain not in taken:
        return plain
    digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:8]
    return f"{plain[: _LONGEST - 9]}_{digest}"
