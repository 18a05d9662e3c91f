"""How long the answers of each model lately were, for what is set aside in standard budgets. Pure; in memory."""

from collections import deque
from typing import Final

_KEPT: Final = 64
_ENOUGH: Final = 5
_MAX_MODELS: Final = 10_000
UNSEEN: Final = 1_000
"""Tokens of an answer of a model that has not answered often enough yet."""


class Lengths:
    """The last answers of every provider and model. Fed only while there are budgets."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], deque[int]] = {}

    def note(self, provider: str, model: str, output_tokens: int) -> None:
        """One more answer."""
        known = self._known.get((provider, model))
        if known is None:
            if len(self._known) >= _MAX_MODELS:
                self._known.clear()
            known = self._known[provider, model] = deque(maxlen=_KEPT)
        known.append(output_tokens)

    def p95(self, provider: str, model: str) -> int:
        """The length that 95 of 100 answers do not exceed."""
        known = self._known.get((provider, model))
        if known is None or len(known) < _ENOUGH:
            return UNSEEN
        return sorted(known)[-(-len(known) * 95 // 100) - 1]
