"""Whether two questions may get the same answer, word by word: what a similarity of vectors cannot see. Pure."""

from collections import Counter
from collections.abc import Callable
from typing import Final, TypeAlias

from omniroute.caching.semantic.reading import Reading

Near: TypeAlias = Callable[[str, str], bool]
"""Whether two words may stand for each other."""

_TURNING: Final = ("un", "in", "im", "il", "ir", "dis", "non", "de", "anti", "mis", "a")
"""Prefixes that turn a word into its opposite."""

_COMPOUND: Final = 4


def alike(one: Reading, other: Reading, near: Near) -> bool:
    """Numbers, code, names and negations must be the same, and every word that only one of the two has needs a
    word of the other that stands for it."""
    if (one.literal, one.negated) != (other.literal, other.negated) or one.names != other.names:
        return False
    common = Counter(one.words) & Counter(other.words)
    if _kept(one.words, common) != _kept(other.words, common):
        return False
    left, right = _rest(one.words, common), _rest(other.words, common)
    if len(left) != len(right):
        return False
    for word in left:
        match = next((other for other in right if not _opposite(word, other) and near(word, other)), None)
        if match is None:
            return False
        right.remove(match)
    return True


def _kept(words: tuple[str, ...], common: Counter[str]) -> list[str]:
    return [word for word in words if word in common]


def _rest(words: tuple[str, ...], common: Counter[str]) -> list[str]:
    rest = Counter(words) - common
    return list(rest.elements())


def _opposite(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    if longer == f"{shorter}s" or any(longer == f"{prefix}{shorter}" for prefix in _TURNING):
        return True  # a plural is none any more here: https is not http
    # Weekday and weekend: compounds of one word are siblings, seldom synonyms.
    return one[:_COMPOUND] == other[:_COMPOUND] and not longer.startswith(shorter)
