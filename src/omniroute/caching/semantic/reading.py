"""What a question holds that must not differ: numbers, names, negations, code, and the words with meaning."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

LONGEST: Final = 1000
"""Characters. A longer question is too rich for a comparison of this kind."""


class Reading(msgspec.Struct, frozen=True):
    """Everything in the order of the text, because "from A to B" is not "from B to A". A capital that no sentence
    asks for makes a name; a name that opens a sentence is a word."""

    literal: tuple[str, ...]
    """Numbers, code, quotations, paths and addresses, letter by letter."""
    names: tuple[str, ...]
    negated: int
    words: tuple[str, ...]
    """What is left when the words without weight are gone, in the singular."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SPAN: Final = re.compile(
    r"```.*?```|`[^`]*`|\"[^\"]*\"|“[^”]*”|«[^»]*»|(?<!\w)'[^']*'(?!\w)",  # code and quotations
    re.DOTALL,
)
_AROUND: Final = ".,:;!?()"
_SYMBOLS: Final = frozenset("_/\\<>={}[]#@$%^&*|~+.:0123456789")
"""What makes a word a number, a path, an address, an operator or a name of code."""
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")  # noqa: RUF001 (an apostrophe as people type it)
_STOPS: Final = (".", "!", "?", ":", ";")

_NUMBERS: Final = _words(
    """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand
    million billion dozen half third quarter double triple twice once first second fourth fifth last next
    previous
    """
)
_NEGATIONS: Final = _words(
    """
    not no never none nobody nothing nowhere neither nor without cannot hardly barely except unless lack
    avoid stop prevent refuse fail exclude disable
    """
)
_WEIGHTLESS: Final = _words(
    """
    a an the this that these those it its is are am be been being do does doing have has having i me my mine
    we us our you your they them their he him his she her of at by as so just very really quite also too
    please kindly hi hello hey thanks thank ok okay well now then there here what which whats can could
    would may might want need like know tell give let help wonder wondering think possible possibly able
    about exactly actually basically simply some any to for in on and with if get got way ways
    """
)
_VOWELS: Final = frozenset("aeiouy")
_CONTRACTED: Final = {"can't": "can", "won't": "will", "shan't": "shall"}
_SAME: Final = {"steps": "how", "method": "how", "procedure": "how", "reason": "why", "cause": "why"}
"""Nouns that stand for a question word; `how` and `why` carry meaning."""


def read(text: str) -> Reading | None:
    """None for a text that is too long or says nothing."""
    if len(text) > LONGEST:
        return None
    literal = list(_spans(text))
    names: list[str] = []
    words: list[str] = []
    negated = 0
    opens = True
    for token in _SPAN.sub(" ", text).split():
        bare = token.strip(_AROUND)
        if not _SYMBOLS.isdisjoint(bare) or _has_inner_capital(bare):
            literal.append(bare)
        else:
            for said in _WORD.findall(bare):
                word = said.replace("’", "'").lower()  # noqa: RUF001
                named = said[0].isupper() and (not opens or (len(said) > 1 and said.isupper()))
                opens = False
                if word.endswith("n't"):
                    base = _CONTRACTED.get(word) or word.removesuffix("n't")
                    words += [part for part in (base, "not") if part not in _WEIGHTLESS]
                    negated += 1
                    continue
                word = word.removesuffix("'s").split("'")[0]
                if word in _NEGATIONS:
                    negated += 1
                    words.append(word)
                elif word in _NUMBERS:
                    literal.append(word)
                elif word in _WEIGHTLESS and (said == "I" or not named):
                    continue
                elif named:
                    names.append(word if said.isupper() else _singular(word))
                else:
                    words.append(_SAME.get(word, _singular(word)))
        opens = token.endswith(_STOPS)
    if not (literal or names or words):
        return None
    return Reading(tuple(literal), tuple(names), negated, tuple(words))


def _spans(text: str) -> Iterator[str]:
    for found in _SPAN.finditer(text):
        yield text[slice(*found.span())]


def _has_inner_capital(word: str) -> bool:
    return not word.isupper() and not word[1:].islower() and any(letter.isupper() for letter in word[1:])


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if plural and not _VOWELS.isdisjoint(word[:-1]) else word
