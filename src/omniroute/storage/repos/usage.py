"""What requests did and used: one row a request, one row an attempt. Written by the ledger's drain only."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Dialect,
    and_,
    bindparam,
    cast,
    delete,
    func,
    select,
    tuple_,
    update,
)

from omniroute.storage.repos.bulk import Bulk
from omniroute.storage.repos.rows import as_struct
from omniroute.storage.repos.upsert import add_missing, upsert
from omniroute.storage.schema import attempts, requests

_TOGETHER: Final = 500
"""Ids in one question."""


class RequestRow(msgspec.Struct, frozen=True, kw_only=True):
    """A request; `settled_at` is None and `outcome` `open` while it runs. Times are unix ms, money micro-USD."""

    id: str
    at: int
    key_id: str
    dialect: str
    operation: str
    model_asked: str
    stream: bool
    session_id: str | None = None
    client_request_id: str | None = None
    outcome: str = "open"
    status: int = 0
    provider: str = ""
    connection_id: str = ""
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    usage_source: str = "none"
    cost_micro_usd: int | None = None
    first_event_ms: int = 0
    duration_ms: int = 0
    attempts: int = 0
    losses: int = 0
    message: str = ""
    settled_at: int | None = None
    price_source: str | None = None
    combo: str = ""
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    image_input_tokens: int = 0
    image_output_tokens: int = 0


class AttemptRow(msgspec.Struct, frozen=True, kw_only=True):
    """One try at one provider; its tokens and cost are those of one that failed."""

    request_id: str
    number: int
    at: int
    provider: str
    connection_id: str
    model: str
    outcome: str
    status: int = 0
    duration_ms: int = 0
    message: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_micro_usd: int | None = None
    price_source: str | None = None


class Cursor(NamedTuple):
    """Where a page ended: the sort time (unix ms) and the id of its last row."""

    at: int
    id: str


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over requests. `failed` counts settled ones that are not `ok`; unknown costs count as 0."""

    requests: int = 0
    open: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost_micro_usd: int = 0


class ModelTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of one model at one provider; both are empty for requests that reached none."""

    provider: str
    model: str
    totals: Totals


def get(connection: Connection, request_id: str) -> RequestRow | None:
    row = connection.execute(select(requests).where(requests.c.id == request_id)).first()
    return None if row is None else as_struct(RequestRow, row)


def latest(
    connection: Connection,
    *,
    limit: int,
    before: Cursor | None = None,
    failed: bool | None = None,
    model: str | None = None,
) -> tuple[RequestRow, ...]:
    """Newest first by the time of opening; `before` is the cursor of the last row already seen. `failed` keeps
    settled requests that did (True) or did not (False) fail; `model` keeps those whose model holds this text."""
    question = select(requests).order_by(requests.c.at.desc(), requests.c.id.desc()).limit(limit)
    if failed is not None:
        outcomes = ("ok", "open") if failed else ("ok",)
        question = question.where(
            requests.c.outcome.not_in(outcomes) if failed else requests.c.outcome.in_(outcomes)
        )
    if model is not None:
        question = question.where(
            requests.c.model_asked.contains(model, autoescape=True)
            | requests.c.model.contains(model, autoescape=True)
        )
    if before is not None:
        question = question.where(tuple_(requests.c.at, requests.c.id) < tuple(before))
    return tuple(as_struct(RequestRow, row) for row in connection.execute(question))


def settled_after(connection: Connection, after: Cursor, *, limit: int) -> tuple[RequestRow, ...]:
    """In the order in which they ended; `after` is (settled_at, id) of the last one already seen."""
    question = (
        select(requests)
        .where(tuple_(requests.c.settled_at, requests.c.id) > tuple(after))
        .order_by(requests.c.settled_at, requests.c.id)
        .limit(limit)
    )
    return tuple(as_struct(RequestRow, row) for row in connection.execute(question))


def attempts_of(connection: Connection, request_id: str) -> tuple[AttemptRow, ...]:
    question = select(attempts).where(attempts.c.request_id == request_id).order_by(attempts.c.number)
    return tuple(as_struct(AttemptRow, row) for row in connection.execute(question))


def totals(connection: Connection, *, since: int = 0, until: int | None = None) -> Totals:
    """Over requests opened in [since, until), unix ms."""
    row = connection.execute(select(*_sums()).where(*_opened_in(since, until))).one()
    return as_struct(Totals, row)


def totals_by_model(
    connection: Connection, *, since: int = 0, until: int | None = None
) -> tuple[ModelTotals, ...]:
    """Over requests opened in [since, until), unix ms; most requests first."""
    sums = _sums()
    question = (
        select(requests.c.provider, requests.c.model, *sums)
        .where(*_opened_in(since, until))
        .group_by(requests.c.provider, requests.c.model)
        .order_by(func.count().desc(), requests.c.provider, requests.c.model)
    )
    return tuple(
        ModelTotals(provider=row.provider, model=row.model, totals=as_struct(Totals, row))
        for row in connection.execute(question)
    )


def put_requests(connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert requests, given as columns (all of the same ones); a row that exists takes the new values."""
    upsert(connection, requests, rows)


def put_attempts(connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert attempts, given as columns (all of the same ones); the first report of an attempt stays."""
    add_missing(connection, attempts, rows)


def settle_requests(connection: Connection, rows: Sequence[Mapping[str, object]], columns: Iterable[str]) -> None:
    """Set `columns` of requests, whether open or not; one that does not exist is inserted. Rows are whole."""
    upsert(connection, requests, rows, only=columns)


def progress_requests(connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Set columns of requests that are still open. Rows have `id` and, all of them, the same further columns."""
    if rows:
        _change(connection.dialect, tuple(rows[0])).run(connection, rows)


def interrupt_open(connection: Connection, *, at: int) -> int:
    """Settle every open request as `interrupted`, at unix ms: the process that served it is gone."""
    statement = (
        update(requests)
        .where(requests.c.settled_at.is_(None))
        .values(outcome="interrupted", settled_at=at, message="the gateway stopped before the request ended")
    )
    return connection.execute(statement).rowcount


def columns_of(connection: Connection, ids: Iterable[str]) -> list[Mapping[str, Any]]:
    """All columns of these requests, as far as there are any, in no order."""
    found: list[Mapping[str, Any]] = []
    wanted = iter(ids)
    while some := list(islice(wanted, _TOGETHER)):
        rows = connection.execute(select(requests).where(requests.c.id.in_(some)))
        names = tuple(map(str, rows.keys()))
        found.extend(dict(zip(names, row, strict=True)) for row in rows)
    return found


def remove_before(connection: Connection, /, *, at: int, limit: int) -> int:
    """Removes at most `limit` settled requests that opened before `at` (unix ms), with their attempts. Returns how
    many requests went."""
    old = (
        select(requests.c.id)
        .where(requests.c.at < at, requests.c.settled_at.is_not(None))
        .order_by(requests.c.at, requests.c.id)
        .limit(limit)
    )
    ids = list(connection.execute(old).scalars())
    if ids:
        connection.execute(delete(attempts).where(attempts.c.request_id.in_(ids)))
        connection.execute(delete(requests).where(requests.c.id.in_(ids)))
    return len(ids)


def open_ids(connection: Connection) -> list[str]:
    """The requests that are not settled."""
    return list(connection.execute(select(requests.c.id).where(requests.c.settled_at.is_(None))).scalars())


def _opened_in(since: int, until: int | None) -> tuple[ColumnElement[bool], ...]:
    start = requests.c.at >= since
    return (start,) if until is None else (start, requests.c.at < until)


def _sums() -> tuple[ColumnElement[int], ...]:
    def total(column: ColumnElement[int], name: str) -> ColumnElement[int]:
        # PostgreSQL sums bigint to numeric, which arrives as Decimal.
        return cast(func.coalesce(func.sum(column), 0), BigInteger).label(name)

    settled = requests.c.settled_at.is_not(None)
    return (
        func.count().label("requests"),
        func.count().filter(~settled).label("open"),
        func.count().filter(settled, requests.c.outcome != "ok").label("failed"),
        total(requests.c.input_tokens, "input_tokens"),
        total(requests.c.output_tokens, "output_tokens"),
        total(requests.c.cache_read_tokens, "cache_read_tokens"),
        total(requests.c.cache_write_tokens, "cache_write_tokens"),
        total(requests.c.reasoning_tokens, "reasoning_tokens"),
        total(requests.c.cost_micro_usd, "cost_micro_usd"),
    )


@lru_cache(maxsize=8)
def _change(dialect: Dialect, columns: tuple[str, ...]) -> Bulk:
    which = and_(requests.c.id == bindparam("id"), requests.c.settled_at.is_(None))
    return Bulk(update(requests).where(which), dialect, [name for name in columns if name != "id"])
