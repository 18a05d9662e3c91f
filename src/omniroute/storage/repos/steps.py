"""What was used in even steps of time, at each provider or account: five minutes, hours or days."""

from typing import Any, Final, Literal, TypeAlias

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Connection, case, cast, func, select

from omniroute.storage.repos.rows import as_struct
from omniroute.storage.repos.summaries import DAY_MS, HOUR_MS
from omniroute.storage.schema import requests, usage_days, usage_hours

StepMs: TypeAlias = Literal[300_000, 3_600_000, 86_400_000]

FIVE_MINUTES_MS: Final = 300_000


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over the settled requests that opened in a step, which begins `at` (unix ms)."""

    at: int
    provider: str
    connection_id: str = ""
    requests: int
    failed: int
    prompt_tokens: int
    output_tokens: int
    cost_micro_usd: int
    duration_ms: int


def steps(
    connection: Connection, *, since: int, length: StepMs, provider: str | None = None, by_account: bool = False
) -> tuple[Step, ...]:
    """From `since`, unix ms, which begins a step. Days are of UTC. Steps without requests are left out."""
    match length:
        case 300_000:
            table, at = requests, requests.c.at // FIVE_MINUTES_MS * FIVE_MINUTES_MS
        case 3_600_000:
            table, at = usage_hours, usage_hours.c.at // HOUR_MS * HOUR_MS
        case 86_400_000:
            table, at = usage_days, usage_days.c.at // DAY_MS * DAY_MS
    columns = table.c
    counted = table is requests
    every = select(
        at.label("at"),
        columns.provider,
        *([columns.connection_id] if by_account else []),
        (cast(1, BigInteger) if counted else columns.requests).label("requests"),
        (case((columns.outcome == "ok", 0), else_=1) if counted else columns.failed).label("failed"),
        (columns.input_tokens + columns.cache_read_tokens + columns.cache_write_tokens).label("prompt_tokens"),
        columns.output_tokens,
        func.coalesce(columns.cost_micro_usd, 0).label("cost_micro_usd"),
        columns.duration_ms,
    ).where(columns.at >= since, columns.provider != "")
    if counted:
        every = every.where(requests.c.settled_at.is_not(None))
    if provider is not None:
        every = every.where(columns.provider == provider)
    rows = every.subquery()
    whose: list[ColumnElement[Any]] = [rows.c.provider, *([rows.c.connection_id] if by_account else []), rows.c.at]
    question = select(*whose, *(_total(rows.c[name]).label(name) for name in _SUMS))
    question = question.group_by(*whose).order_by(*whose)
    return tuple(as_struct(Step, row) for row in connection.execute(question))


_SUMS: Final = ("requests", "failed", "prompt_tokens", "output_tokens", "cost_micro_usd", "duration_ms")


def _total(column: ColumnElement[Any]) -> ColumnElement[int]:
    # PostgreSQL sums bigint to numeric, which arrives as Decimal.
    return cast(func.coalesce(func.sum(column), 0), BigInteger)
