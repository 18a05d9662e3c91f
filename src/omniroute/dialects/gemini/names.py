"""Tool names as this API accepts them, and the way back to the caller's own.

The rule is the stricter one of the data-plane specification, 8.3.1: letters, digits and single underscores, at
most 64; a name that is too long, or that two tools would share, ends in eight digits of its SHA-256. The mapping
depends on nothing but the names of the request's tools, so an answer can be read with it later.
"""

import hashlib
import re
from collections.abc import Iterable

from omniroute.ir.request import GenerateRequest

_LONGEST = 64
_STEM = 55
_REFUSED = re.compile(r"[^A-Za-z0-9_]")
_UNDERSCORES = re.compile(r"__+")


class Names:
    """The wire names of the tools that a request declares; other names are fitted alike."""

    def __init__(self, declared: Iterable[str] = ()) -> None:
        self._wire: dict[str, str] = {}
        self._taken: set[str] = set()
        for name in declared:
            if name not in self._wire:
                wire = self._fitted(name)
                self._wire[name] = wire
                self._taken.add(wire)

    def wire(self, name: str) -> str:
        known = self._wire.get(name)
        return self._fitted(name) if known is None else known

    @property
    def restoring(self) -> dict[str, str]:
        """The caller's name for every wire name that differs from it."""
        return {wire: name for name, wire in self._wire.items() if wire != name}

    def _fitted(self, name: str) -> str:
        stem = _UNDERSCORES.sub("_", _REFUSED.sub("_", name.strip())).strip("_")
        if stem[:1].isdigit():
            stem = f"fn_{stem}"
        if stem and len(stem) <= _LONGEST and stem not in self._taken:
            return stem
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        return f"{stem[:_STEM] or 'fn'}_{digest}"


def restoring(request: GenerateRequest) -> dict[str, str]:
    """Wire name to caller's name, for the answers to `request`; empty when no name had to change."""
    if request.dialect == "gemini":
        return {}
    return Names(tool.name for tool in request.tools if tool.hosted is None).restoring
