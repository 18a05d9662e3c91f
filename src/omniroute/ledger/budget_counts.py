"""How many tokens bodies, and their beginnings, were for a provider: what hard budgets learn. Pure; in memory.

A body that goes on where one has ended before is at most what that was, and its new bytes. So a conversation, and
the instructions and tools that many have in common, count as what they really are, whatever they are made of.
"""

from typing import Final, NamedTuple

from omniroute.ledger.budget_reading import Reading

UNKNOWN_WINDOW: Final = 1_000_000
"""Tokens that a model reads at most of which nobody knows how many."""

_MAX_KNOWN: Final = 20_000
_MAX_MODELS: Final = 10_000
_SLACK: Final = 64
_SLACK_SHARE: Final = 16
"""One sixteenth, and 64 tokens: a provider may count a beginning a little otherwise when more follows on it."""

_FULL: Final = 1_000
_MOST_EXCESS: Final = 4 * _FULL


class _Count(NamedTuple):
    """`exact`: reported for just this; else for something that begins so."""

    tokens: int
    exact: bool


class Counts:
    """What providers reported of bodies. Fed only while there are hard budgets."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Count] = {}
        self._excess: dict[str, int] = {}
        self._doubted: set[str] = set()

    def most(self, reading: Reading, window: int | None) -> int:
        """How many tokens a body is at most. `window` is how many its model reads, None where nobody knows."""
        unlearned, learned = self._unlearned(reading, window), self._learned(reading)
        return unlearned if learned is None else min(unlearned, learned)

    def note(self, reading: Reading, tokens: int, window: int | None) -> None:
        """A body was `tokens` (1 at least). What is more than was thought possible makes every later bound of its
        model so much higher, and ends trust in what was learnt of that model."""
        learned = self._learned(reading)
        if learned is not None and tokens > learned and len(self._doubted) < _MAX_MODELS:
            self._doubted.add(reading.model)
        bound = self._unlearned(reading, window)
        if tokens > bound and len(self._excess) < _MAX_MODELS:
            before = self._excess.get(reading.model, _FULL)
            self._excess[reading.model] = min(_MOST_EXCESS, -(-before * tokens // bound))
        for link in reversed(reading.chain):
            known = self._known.get(link)
            exact = reading.whole and link is reading.chain[-1]
            if known is not None:
                if exact and known.exact and known.tokens >= tokens:
                    continue
                if not exact and (known.exact or known.tokens <= tokens):
                    continue
                del self._known[link]
            elif len(self._known) >= _MAX_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[link] = _Count(tokens, exact)

    def _unlearned(self, reading: Reading, window: int | None) -> int:
        if reading.most is None:
            bound = max(reading.size, UNKNOWN_WINDOW if window is None else window)
        else:
            bound = reading.most
        return -(-bound * self._excess.get(reading.model, _FULL) // _FULL)

    def _learned(self, reading: Reading) -> int | None:
        """None when nothing was."""
        best: int | None = None
        if reading.model in self._doubted:
            return best
        for link, rest in zip(reversed(reading.chain), reversed(reading.rest), strict=True):
            if rest is None:
                break
            known = self._known.get(link)
            if known is not None:
                bound = known.tokens + known.tokens // _SLACK_SHARE + _SLACK + rest
                best = bound if best is None else min(best, bound)
                if known.exact:
                    break
        return best
