"""What was used in a time, and by whom: from days and hours where they are whole, from requests at the edges."""

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    union_all,
)

from omniroute.storage.repos.rows import as_struct
from omniroute.storage.schema import SUMS, attempts, requests, usage_days, usage_hours

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
MINUTE_MS: Final = 60_000

Dimension: TypeAlias = Literal["at", "provider", "model", "key_id", "combo", "connection_id"]
"""`at` is the start of the UTC day, unix ms."""


class Span(NamedTuple):
    """A part of a time, [start, end) of unix ms, and what knows it."""

    known_by: Literal["requests", "hours", "days"]
    start: int
    end: int


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over settled requests of the dimensions that were asked for; the others are empty. `last_at` is when
    the latest of them opened; `unpriced` ones used something, cost what nobody knows and count as 0."""

    at: int = 0
    provider: str = ""
    model: str = ""
    key_id: str = ""
    combo: str = ""
    connection_id: str = ""
    requests: int = 0
    failed: int = 0
    unpriced: int = 0
    estimated: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost_micro_usd: int = 0
    duration_ms: int = 0
    last_at: int = 0

    @property
    def prompt_tokens(self) -> int:
        """Fresh input, cache reads and cache writes."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """Requests under way, of one model at one account; both are empty before anything answered."""

    provider: str
    model: str
    connection_id: str
    requests: int


def spans(since: int, until: int) -> list[Span]:
    """[since, until) in parts that follow each other: as many whole days as there are, then hours."""
    found: list[Span] = []
    day, night = -(-since // DAY_MS) * DAY_MS, until // DAY_MS * DAY_MS
    if day < night:
        found += [*_hours(since, day), Span("days", day, night), *_hours(night, until)]
    else:
        found += _hours(since, until)
    return found


def used(
    connection: Connection, by: Sequence[Dimension], *, since: int = 0, until: int | None = None
) -> tuple[Used, ...]:
    """Of requests that opened in [since, until), unix ms, in the order of the dimensions."""
    parts = spans(since, _LATEST if until is None else until)
    questions = [_part(part, by) for part in parts]
    if not questions:
        return ()
    every = union_all(*questions).subquery()
    dimensions = [every.c[name] for name in by]
    sums = [_total(every.c[name]).label(name) for name in SUMS if name != "last_at"]
    question = select(*dimensions, *sums, func.max(every.c.last_at).label("last_at"))
    question = question.group_by(*dimensions).order_by(*dimensions)
    return tuple(as_struct(Used, row) for row in connection.execute(question) if row.requests)


def minutes(connection: Connection, *, since: int) -> dict[int, Used]:
    """By the start of the minute, unix ms, of requests that opened since then."""
    one = _counted_row()
    # Grouped outside: PostgreSQL does not see that two expressions with parameters are the same.
    every = (
        select((requests.c.at // MINUTE_MS).label("at"), *(one[name].label(name) for name in SUMS))
        .where(requests.c.at >= since, requests.c.settled_at.is_not(None))
        .subquery()
    )
    sums = [_total(every.c[name]).label(name) for name in SUMS if name != "last_at"]
    question = select(every.c.at, *sums).group_by(every.c.at)
    found = (as_struct(Used, row) for row in connection.execute(question))
    return {row.at * MINUTE_MS: row for row in found}


def pending(connection: Connection) -> tuple[Pending, ...]:
    """What is under way. An attempt that began well says where."""
    begun = and_(attempts.c.request_id == requests.c.id, attempts.c.outcome == "ok")
    every = (
        select(
            func.coalesce(attempts.c.provider, "").label("provider"),
            func.coalesce(attempts.c.model, requests.c.model_asked).label("model"),
            func.coalesce(attempts.c.connection_id, "").label("connection_id"),
        )
        .select_from(requests.outerjoin(attempts, begun))
        .where(requests.c.settled_at.is_(None))
        .subquery()
    )
    whose = (every.c.provider, every.c.model, every.c.connection_id)
    question = select(*whose, func.count().label("requests")).group_by(*whose).order_by(*whose)
    return tuple(as_struct(Pending, row) for row in connection.execute(question))


_LATEST: Final = 253_402_300_800_000
"""The year 10,000, a whole day."""


def _hours(start: int, end: int) -> list[Span]:
    if start >= end:
        return []
    first, last = -(-start // HOUR_MS) * HOUR_MS, end // HOUR_MS * HOUR_MS
    if first >= last:
        return [Span("requests", start, end)]
    parts = [Span("requests", start, first), Span("hours", first, last), Span("requests", last, end)]
    return [part for part in parts if part.start < part.end]


def _part(part: Span, by: Sequence[Dimension]) -> "Select[*tuple[Any, ...]]":
    if part.known_by == "requests":
        day = (requests.c.at // DAY_MS * DAY_MS).label("at")
        model = case((requests.c.model == "", requests.c.model_asked), else_=requests.c.model).label("model")
        own: dict[str, ColumnElement[Any]] = {"at": day, "model": model}
        one = _counted_row()
        columns = [own[name] if name in own else requests.c[name] for name in by]
        return select(*columns, *(one[name].label(name) for name in SUMS)).where(
            requests.c.at >= part.start, requests.c.at < part.end, requests.c.settled_at.is_not(None)
        )
    table = usage_days if part.known_by == "days" else usage_hours
    at = (table.c.at // DAY_MS * DAY_MS).label("at")
    columns = [at if name == "at" else table.c[name] for name in by]
    return select(*columns, *(table.c[name] for name in SUMS)).where(
        table.c.at >= part.start, table.c.at < part.end
    )


def _counted_row() -> dict[str, ColumnElement[Any]]:
    """What one settled request adds to each sum, as `ledger.rollup` counts it."""
    columns = requests.c
    own: dict[str, ColumnElement[Any]] = {
        "requests": cast(1, BigInteger),
        "failed": case((columns.outcome == "ok", 0), else_=1),
        "unpriced": case(
            (
                and_(
                    columns.cost_micro_usd.is_(None), or_(columns.outcome == "ok", columns.usage_source != "none")
                ),
                1,
            ),
            else_=0,
        ),
        "estimated": case((columns.usage_source == "estimated", 1), else_=0),
        "cost_micro_usd": func.coalesce(columns.cost_micro_usd, 0),
        "last_at": columns.at,
    }
    return {name: own[name] if name in own else columns[name] for name in SUMS}


def _total(column: ColumnElement[Any]) -> ColumnElement[int]:
    # PostgreSQL sums bigint to numeric, which arrives as Decimal.
    return cast(func.coalesce(func.sum(column), 0), BigInteger)
