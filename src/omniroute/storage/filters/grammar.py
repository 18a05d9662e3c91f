"""Reads a filter. Pure: any text is either a query or an error with a position.

filter  = { term }                  separated by white space; all terms hold
term    = [ "-" ] ( field | words ) `-` turns it around
field   = name ( ":" [ compare ] | compare ) value { "," value }      any of the values
compare = ">=" | "<=" | ">" | "<" | "="
value   = word | quoted             in a word `*` stands for anything; in quotes it is a star
words   = word | quoted             what is looked for in the texts of a request
quoted  = '"' ... '"'               with \\" and \\\\ inside
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Final, Literal, TypeAlias, assert_never

import msgspec

from omniroute.storage.filters.fields import CACHE_WORDS, FIELDS, FLAGS, PARTS, STATUS_WORDS, Kind

Operator: TypeAlias = Literal["=", ">", ">=", "<", "<="]

MAX_LENGTH: Final = 1000
MAX_TERMS: Final = 50
"""Terms, and values of a term."""


class Pattern(msgspec.Struct, frozen=True):
    """A text: its pieces with anything between them. One piece is the text itself."""

    pieces: tuple[str, ...]

    @property
    def exact(self) -> str | None:
        return self.pieces[0] if len(self.pieces) == 1 else None


class Compare(msgspec.Struct, frozen=True):
    """A number: milliseconds, micro-USD, or as it is counted."""

    operator: Operator
    number: int


class Word(msgspec.Struct, frozen=True):
    """One of the words that the field knows."""

    word: str


class Ago(msgspec.Struct, frozen=True):
    """A time, as milliseconds before now."""

    ms: int


class Moment(msgspec.Struct, frozen=True):
    """A time, as unix milliseconds."""

    at: int


Value: TypeAlias = Pattern | Compare | Word | Ago | Moment


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """`field` is a name of `fields.FIELDS`, `after` and `before` being called `since` and `until`; or `text`,
    whose patterns have one piece; or `models`, the one that was asked for or the one that answered, which has no
    name of its own. Holds when any of `values` does, or, when `negated`, if none does."""

    field: str
    values: tuple[Value, ...]
    negated: bool = False


Query: TypeAlias = tuple[Term, ...]


class FilterError(ValueError):
    """`position` counts characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


_BLANK: Final = re.compile(r"\s+")
_FIELD: Final = re.compile(r"([A-Za-z_]+)(?::(>=|<=|>|<|=)?|(>=|<=|>|<|=))")
_OPERATOR: Final = re.compile(r">=|<=|>|<|=")
_WORD: Final = re.compile(r'[^\s",]+')
_FREE: Final = re.compile(r'[^\s"]+')
_NUMBER: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)([a-z]*)", re.IGNORECASE)
_SPAN: Final = re.compile(r"([0-9]{1,6})(s|m|h|d|w)", re.IGNORECASE)
_CLASS: Final = re.compile(r"([1-5])xx", re.IGNORECASE)

_COUNTED: Final = {"": 1, "k": 1_000, "m": 1_000_000}
_LASTING: Final = {"": 1, "ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
_AGO: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_MICRO: Final = 1_000_000


def parse(text: str) -> Query:
    """Raises `FilterError`."""
    if len(text) > MAX_LENGTH:
        raise FilterError(f"a filter has at most {MAX_LENGTH} characters", MAX_LENGTH)
    return _Reading(text).query()


class _Reading:
    """A text, and how far it has been read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def query(self) -> Query:
        terms: list[Term] = []
        while True:
            blank = _BLANK.match(self._text, self._at)
            if blank is not None:
                self._at = blank.end()
            if self._at == len(self._text):
                return tuple(terms)
            if len(terms) == MAX_TERMS:
                raise FilterError(f"a filter has at most {MAX_TERMS} terms", self._at)
            terms.append(self._term())
            if self._at < len(self._text) and _BLANK.match(self._text, self._at) is None:
                raise FilterError("a space is missing between two terms", self._at)

    def _term(self) -> Term:
        start = self._at
        negated = self._text[start] == "-"
        self._at += negated
        named = _FIELD.match(self._text, self._at)
        if named is not None:
            return self._of_field(named, negated=negated)
        if self._here() == '"':
            words = self._quoted()
        else:
            free = _FREE.match(self._text, self._at)
            if free is None:
                raise FilterError("something to leave out is missing behind the minus", start)
            words = free.group()
            self._at = free.end()
        if not words:
            raise FilterError("there is nothing between the quotes", start + negated)
        return Term(field="text", values=(Pattern((words,)),), negated=negated)

    def _of_field(self, named: "re.Match[str]", *, negated: bool) -> Term:
        name = named.group(1).lower()
        kind = FIELDS.get(name)
        if kind is None:
            near = get_close_matches(name, FIELDS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(FIELDS)}"
            raise FilterError(f"there is no field {name[:40]!r}; {hint} (quotes look for a text)", named.start())
        operator = named.group(2) or named.group(3)
        self._at = named.end()
        values = [self._value(name, kind, operator)]
        while self._here() == ",":
            self._at += 1
            if len(values) == MAX_TERMS:
                raise FilterError(f"a field takes at most {MAX_TERMS} values", self._at)
            values.append(self._value(name, kind, operator))
        if kind in ("since", "until") and (negated or len(values) > 1):
            raise FilterError(f"{name!r} takes one time, and no minus", named.start())
        return Term(field=kind if kind in ("since", "until") else name, values=tuple(values), negated=negated)

    def _value(self, name: str, kind: Kind, operator: str | None) -> Value:
        start = self._at
        quoted = self._here() == '"'
        if not quoted and operator is None:
            own = _OPERATOR.match(self._text, start)
            if own is not None:
                operator = own.group()
                self._at = own.end()
        if quoted:
            text = self._quoted()
        else:
            word = _WORD.match(self._text, self._at)
            text = word.group() if word is not None else ""
            self._at = word.end() if word is not None else self._at
        if not text:
            raise FilterError(f"a value is missing behind {name!r}", start)
        try:
            return _valued(name, kind, _OPERATORS[operator], text, quoted=quoted)
        except _Unfit as unfit:
            raise FilterError(str(unfit), start) from None

    def _quoted(self) -> str:
        start = self._at
        pieces: list[str] = []
        at = start + 1
        while at < len(self._text):
            letter = self._text[at]
            if letter == '"':
                self._at = at + 1
                return "".join(pieces)
            if letter == "\\" and self._text[at + 1 : at + 2] in ('"', "\\"):
                at += 1
                letter = self._text[at]
            pieces.append(letter)
            at += 1
        raise FilterError("the quotes that open here are not closed", start)

    def _here(self) -> str:
        return self._text[self._at : self._at + 1]


class _Unfit(Exception):
    """A value that its field does not take."""


_OPERATORS: Final[dict[str | None, Operator | None]] = {
    None: None,
    "=": "=",
    ">": ">",
    ">=": ">=",
    "<": "<",
    "<=": "<=",
}


def _valued(name: str, kind: Kind, operator: Operator | None, text: str, *, quoted: bool) -> Value:
    match kind:
        case "text":
            _no_order(name, operator)
            return Pattern((text,)) if quoted else Pattern(tuple(text.split("*")))
        case "flag":
            return _word(name, operator, text, FLAGS)
        case "part":
            return _word(name, operator, text, PARTS)
        case "cache":
            return _word(name, operator, text, CACHE_WORDS)
        case "status":
            if text.lower() in STATUS_WORDS:
                return _word(name, operator, text, STATUS_WORDS)
            if _CLASS.fullmatch(text):
                _no_order(name, operator)
                return Word(text.lower())
            return _number(name, operator, text, {"": 1})
        case "count":
            return _number(name, operator, text, _COUNTED)
        case "duration":
            return _number(name, operator, text, _LASTING)
        case "money":
            return _number(name, operator, text.removeprefix("$"), {"": _MICRO})
        case "since" | "until":
            _no_order(name, operator)
            return _time(name, text)
        case _:
            assert_never(kind)


def _no_order(name: str, operator: Operator | None) -> None:
    if operator not in (None, "="):
        raise _Unfit(f"{name!r} cannot be compared with {operator}; write {name}:value")


def _word(name: str, operator: Operator | None, text: str, words: tuple[str, ...]) -> Word:
    _no_order(name, operator)
    if text.lower() not in words:
        raise _Unfit(f"{name!r} takes {', '.join(words)}, not {text[:40]!r}")
    return Word(text.lower())


def _number(name: str, operator: Operator | None, text: str, units: dict[str, int]) -> Compare:
    found = _NUMBER.fullmatch(text)
    scale = None if found is None else units.get(found.group(2).lower())
    if found is None or scale is None:
        shown = ", ".join(unit for unit in units if unit)
        raise _Unfit(f"{name!r} takes a number{f' with {shown} or nothing' if shown else ''}, not {text[:40]!r}")
    return Compare(operator or "=", int(Decimal(found.group(1)) * scale))


def _time(name: str, text: str) -> Ago | Moment:
    span = _SPAN.fullmatch(text)
    if span is not None:
        return Ago(int(span.group(1)) * _AGO[span.group(2).lower()])
    try:
        when = datetime.fromisoformat(text)
        return Moment(int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000))
    except (ValueError, OverflowError):
        raise _Unfit(
            f"{name!r} takes a time such as 1h, 7d, 2026-11-01 or 2026-11-01T12:30Z, not {text[:40]!r}"
        ) from None
