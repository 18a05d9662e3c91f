"""Globs over model names: `*` is any run of characters, also across `/`; `?` is one; all else is literal.

A pattern matches the whole name. There is no regular expression underneath, so no pattern can be one, and the
time is at most the product of both lengths.
"""

from collections.abc import Iterable
from typing import Final

MAX_LENGTH: Final = 200
"""Longest pattern, in characters, that should be accepted from a user."""


def matches(pattern: str, text: str, *, case_sensitive: bool = False) -> bool:
    """Whether `pattern` covers all of `text`."""
    if pattern == "*":
        return True
    if case_sensitive:
        return _matches(pattern, text)
    return _matches([c.lower() for c in pattern], [c.lower() for c in text])


def is_pattern(name: str) -> bool:
    """Whether `name` may stand for others than itself."""
    return "*" in name or "?" in name


def specificity(pattern: str) -> int:
    """How narrow a pattern is; the highest of several matches wins (data-plane 4.3): ten for each literal
    character other than `/`, minus fifty for each `*` and five for each `?`, plus the length."""
    stars = pattern.count("*")
    marks = pattern.count("?")
    literals = len(pattern) - stars - marks - pattern.count("/")
    return 10 * literals - 50 * stars - 5 * marks + len(pattern)


def most_specific(patterns: Iterable[str], text: str, *, case_sensitive: bool = False) -> str | None:
    """The matching pattern that wins; ties go to the longer literal beginning, then to the smaller string."""
    found = [pattern for pattern in patterns if matches(pattern, text, case_sensitive=case_sensitive)]
    return min(found, key=_rank) if found else None


def _rank(pattern: str) -> tuple[int, int, str]:
    return -specificity(pattern), -_literal_beginning(pattern), pattern


def _literal_beginning(pattern: str) -> int:
    return next((at for at, c in enumerate(pattern) if c in "*?"), len(pattern))


def _matches(pattern: str | list[str], text: str | list[str]) -> bool:
    """Walks both once and, on a mismatch, lets the latest `*` swallow one more character: earlier ones never
    need another try."""
    at = position = 0
    star = -1
    resume = 0
    while position < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star = at
            resume = position
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", text[position]):
            at += 1
            position += 1
        elif star >= 0:
            at = star + 1
            resume += 1
            position = resume
        else:
            return False
    return all(c == "*" for c in pattern[at:])
