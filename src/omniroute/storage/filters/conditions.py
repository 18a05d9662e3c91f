"""A query as conditions on rows of `requests`: those that an index answers, and the rest."""

from collections.abc import Callable
from typing import Final, NamedTuple, assert_never

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    String,
    and_,
    case,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
)

from omniroute.storage.filters.grammar import Ago, Compare, Moment, Pattern, Query, Term, Value, Word
from omniroute.storage.schema import api_keys, connections, requests

Condition = ColumnElement[bool]


class Conditions(NamedTuple):
    """All hold. `indexed` is what an index answers together with the time of opening, in [`since`, `until`) of
    unix ms; `rest` has to look at each of the rows that are left."""

    since: int
    until: int | None
    indexed: Condition | None
    rest: tuple[Condition, ...]


def conditions(query: Query, *, now: int, names: Callable[[str, str], str | None]) -> Conditions:
    """`now` is unix ms. `names` finds the one id that a name of a `key` or an `account` means, if it is one."""
    since, until = 0, None
    looked_up: list[_LookedUp] = []
    rest: list[Condition] = []
    for term in query:
        match term.field, term.values[0]:
            case "since", (Ago() | Moment()) as time:
                since = max(since, _moment(time, now))
            case "until", (Ago() | Moment()) as time:
                bound = _moment(time, now)
                until = bound if until is None else min(until, bound)
            case _:
                found = _looked_up(term, names)
                if found is not None:
                    looked_up.append(found)
                if found is None or _fails(term):
                    rest.append(_condition(term))
    # The database goes by one index only: where several would do, the one that most likely leaves the fewest rows.
    looked_up.sort(key=lambda one: one.place)
    indexed = looked_up[0].by_index if looked_up else None
    return Conditions(since, until, indexed, (*(one.by_row for one in looked_up[1:]), *rest))


class _LookedUp(NamedTuple):
    """What an index can answer, and its place among those: the lowest is to be used."""

    place: int
    by_index: Condition
    by_row: Condition


def _moment(time: Ago | Moment, now: int) -> int:
    return time.at if isinstance(time, Moment) else now - time.ms


def _looked_up(term: Term, names: Callable[[str, str], str | None]) -> _LookedUp | None:
    """One exact value of a field that has an index."""
    value = term.values[0]
    if _fails(term):
        return _LookedUp(1, _NOT_OK, _NOT_OK)
    if term.negated or len(term.values) > 1 or not isinstance(value, Pattern) or value.exact is None:
        return None
    match term.field:
        case "id":
            return _equal(0, requests.c.id, value.exact)
        case "key":
            known = names(term.field, value.exact)
            return None if known is None else _equal(2, requests.c.key_id, known)
        case "account":
            known = names(term.field, value.exact)
            return None if known is None else _equal(3, requests.c.connection_id, known)
        case "model":
            return _equal(4, requests.c.model_asked, value.exact)
        case "provider":
            return _equal(5, requests.c.provider, value.exact)
        case _:
            return None


def _equal(place: int, column: ColumnElement[str], value: str) -> _LookedUp:
    # Of two columns with an index the database would take either, perhaps the one whose index lacks the other.
    return _LookedUp(place, column == value, column + "" == value)


def _fails(term: Term) -> bool:
    return not term.negated and term.field in ("is", "status") and term.values == (Word("error"),)


def _condition(term: Term) -> Condition:
    found = or_(false(), *(_holds(term.field, value) for value in term.values))
    # A comparison with an unknown cost is neither true nor false; here it does not hold.
    return not_(func.coalesce(found, false())) if term.negated else found


def _holds(field: str, value: Value) -> Condition:
    match value:
        case Pattern():
            return _matches(field, value)
        case Compare():
            return _compared(_NUMBERS[field], value)
        case Word():
            return _PARTS[value.word] if field == "has" else _said(value.word)
        case Ago() | Moment():
            raise AssertionError("times are bounds")
        case _:
            assert_never(value)


def _matches(field: str, pattern: Pattern) -> Condition:
    columns = requests.c
    match field:
        case "error":
            return and_(columns.outcome.not_in(("ok", "open")), _like(columns.outcome, pattern))
        case "key":
            named = select(api_keys.c.id).where(_like(api_keys.c.name, pattern))
            return or_(_like(columns.key_id, pattern), columns.key_id.in_(named))
        case "account":
            named = select(connections.c.id).where(_like(connections.c.name, pattern))
            return or_(_like(columns.connection_id, pattern), columns.connection_id.in_(named))
        case "models":
            return or_(_like(columns.model_asked, pattern), _like(columns.model, pattern))
        case "text":
            (words,) = pattern.pieces
            texts = (columns.message, columns.model_asked, columns.model, columns.id, columns.client_request_id)
            return or_(*(column.icontains(words, autoescape=True) for column in texts))
        case _:
            return _like(_TEXTS[field], pattern)


def _like(column: ColumnElement[str], pattern: Pattern) -> Condition:
    exact = pattern.exact
    if exact is not None:
        return column == exact
    escaped = "%".join(piece.replace("/", "//").replace("%", "/%").replace("_", "/_") for piece in pattern.pieces)
    return column.ilike(escaped, escape="/")


def _compared(column: ColumnElement[int], compare: Compare) -> Condition:
    match compare.operator:
        case "=":
            return column == compare.number
        case ">":
            return column > compare.number
        case ">=":
            return column >= compare.number
        case "<":
            return column < compare.number
        case "<=":
            return column <= compare.number
        case _:
            assert_never(compare.operator)


def _said(word: str) -> Condition:
    columns = requests.c
    if word.endswith("xx"):
        lowest = int(word[0]) * 100
        return columns.status.between(lowest, lowest + 99)
    return _WORDS[word]


_NOT_OK: Final[Condition] = requests.c.outcome != literal_column("'ok'")
"""Word by word as the partial index says it: a parameter would not be seen to be the same."""
_TEXTS: Final[dict[str, ColumnElement[str]]] = {
    "id": requests.c.id,
    "model": requests.c.model_asked,
    "served": requests.c.model,
    "provider": requests.c.provider,
    "combo": requests.c.combo,
    "protocol": requests.c.dialect,
    "operation": requests.c.operation,
    "session": func.coalesce(requests.c.session_id, "", type_=String()),
}
_IN: Final = requests.c.input_tokens + requests.c.cache_read_tokens + requests.c.cache_write_tokens
_SPOKEN_MS: Final = requests.c.duration_ms - case((requests.c.stream, requests.c.first_event_ms), else_=0)
"""How long an answer took to be written: a stream from its first event on, any other altogether."""

_NUMBERS: Final[dict[str, ColumnElement[int]]] = {
    "status": requests.c.status,
    "attempts": requests.c.attempts,
    "losses": requests.c.losses,
    "latency": requests.c.duration_ms,
    "ttft": requests.c.first_event_ms,
    "tps": requests.c.output_tokens * 1000 // func.nullif(_SPOKEN_MS, 0, type_=BigInteger()),
    "tokens": _IN + requests.c.output_tokens,
    "in": _IN,
    "out": requests.c.output_tokens,
    "cached": requests.c.cache_read_tokens,
    "reasoning": requests.c.reasoning_tokens,
    "cost": requests.c.cost_micro_usd,
}
_WORDS: Final[dict[str, Condition]] = {
    "ok": requests.c.outcome == "ok",
    "error": requests.c.outcome.not_in(("ok", "open")),
    "running": requests.c.settled_at.is_(None),
    "stream": requests.c.stream.is_(True),
    "fellback": requests.c.attempts > 1,
    "cached": requests.c.usage_source == "cache",
    "cancelled": requests.c.outcome == "cancelled",
    "interrupted": requests.c.outcome == "interrupted",
    "estimated": requests.c.usage_source == "estimated",
    "unpriced": and_(
        requests.c.cost_micro_usd.is_(None),
        requests.c.settled_at.is_not(None),
        or_(requests.c.outcome == "ok", requests.c.usage_source != "none"),
    ),
    "hit": requests.c.usage_source == "cache",
    "miss": requests.c.usage_source != "cache",
}
_PARTS: Final[dict[str, Condition]] = {
    "session": requests.c.session_id.is_not(None),
    "combo": requests.c.combo != "",
    "losses": requests.c.losses > 0,
    "reasoning": requests.c.reasoning_tokens > 0,
    "cached": requests.c.cache_read_tokens > 0,
    "cost": requests.c.cost_micro_usd.is_not(None),
}
