"""Tool-call ids as the Messages API accepts them: letters, digits, `_` and `-`, each used once."""

import re

_REFUSED = re.compile(r"[^A-Za-z0-9_-]")


class ToolIds:
    """Hands out one accepted, unused id per call; what it gives depends only on the calls before."""

    def __init__(self, fallback: str = "call") -> None:
        self._fallback = fallback
        self._used: set[str] = set()

    def fresh(self, call_id: str) -> str:
        base = _REFUSED.sub("_", call_id) or f"{self._fallback}_{len(self._used)}"
        name, n = base, 1
        while name in self._used:
            n += 1
            name = f"{base}_{n}"
        self._used.add(name)
        return name
