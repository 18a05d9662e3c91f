"""Budgets as stored, and what was spent in each of their windows."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
from sqlalchemy import BigInteger, Connection, cast, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from omniroute.storage.repos.rows import as_columns, as_struct
from omniroute.storage.schema import budget_spends, budgets, requests


class BudgetRow(msgspec.Struct, frozen=True, kw_only=True):
    """A budget; the words are those of `ledger.budgets`."""

    id: str
    scope: Literal["key", "tag", "connection", "provider", "global"]
    subject: str = ""
    limit_micro_usd: int
    period: Literal["daily", "weekly", "monthly", "total"]
    action: Literal["warn", "downgrade", "block"] = "block"
    mode: Literal["standard", "hard"] = "standard"
    warn_percent: int = 80
    downgrade_to: str | None = None
    reset_minute: int = 0
    created_at: int
    updated_at: int


class Spend(NamedTuple):
    """Micro-USD in the window that began at `window_start` (unix ms); `guessed` is the part without a price."""

    budget_id: str
    window_start: int
    micro_usd: int
    guessed: int


def every(connection: Connection) -> tuple[BudgetRow, ...]:
    """By scope and subject."""
    question = select(budgets).order_by(
        budgets.c.scope, budgets.c.subject, budgets.c.limit_micro_usd, budgets.c.id
    )
    return tuple(as_struct(BudgetRow, row) for row in connection.execute(question))


def get(connection: Connection, budget_id: str) -> BudgetRow | None:
    row = connection.execute(select(budgets).where(budgets.c.id == budget_id)).first()
    return None if row is None else as_struct(BudgetRow, row)


def of_subject(connection: Connection, scope: str, subject: str) -> tuple[BudgetRow, ...]:
    question = select(budgets).where(budgets.c.scope == scope, budgets.c.subject == subject)
    return tuple(as_struct(BudgetRow, row) for row in connection.execute(question.order_by(budgets.c.created_at)))


def add(connection: Connection, row: BudgetRow) -> None:
    """Raises SQLAlchemy's IntegrityError when there is one of the same scope, subject, period and action."""
    connection.execute(insert(budgets), as_columns(row))


def replace(connection: Connection, row: BudgetRow) -> bool:
    """False when there is no such budget."""
    statement = update(budgets).where(budgets.c.id == row.id).values(as_columns(row))
    return connection.execute(statement).rowcount > 0


def remove(connection: Connection, budget_id: str) -> bool:
    """What was spent is forgotten with it."""
    connection.execute(delete(budget_spends).where(budget_spends.c.budget_id == budget_id))
    return connection.execute(delete(budgets).where(budgets.c.id == budget_id)).rowcount > 0


def spends(connection: Connection) -> tuple[Spend, ...]:
    """Of every budget and window that is kept."""
    question = select(
        budget_spends.c.budget_id,
        budget_spends.c.window_start,
        budget_spends.c.micro_usd,
        budget_spends.c.guessed_micro_usd,
    )
    return tuple(Spend(*row) for row in connection.execute(question))


def charge(connection: Connection, charges: Sequence[Spend]) -> None:
    """Add to what was spent, window by window; a charge may be negative."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(budget_spends)
    statement = statement.on_conflict_do_update(
        index_elements=["budget_id", "window_start"],
        set_={
            "micro_usd": budget_spends.c.micro_usd + statement.excluded.micro_usd,
            "guessed_micro_usd": budget_spends.c.guessed_micro_usd + statement.excluded.guessed_micro_usd,
        },
    )
    rows = [
        {
            "budget_id": one.budget_id,
            "window_start": one.window_start,
            "micro_usd": one.micro_usd,
            "guessed_micro_usd": one.guessed,
        }
        for one in charges
    ]
    if rows:
        connection.execute(statement, rows)


def set_spend(connection: Connection, spend: Spend) -> None:
    """What was spent in a window, whatever was counted there before."""
    connection.execute(
        delete(budget_spends).where(
            budget_spends.c.budget_id == spend.budget_id, budget_spends.c.window_start == spend.window_start
        )
    )
    charge(connection, [spend])


def forget(connection: Connection, *, before: int) -> None:
    """Drop windows that began before unix ms; the only window of a total budget, which began at 0, stays."""
    connection.execute(
        delete(budget_spends).where(budget_spends.c.window_start > 0, budget_spends.c.window_start < before)
    )


def entries(connection: Connection, key_id: str) -> int:
    """How many requests of a key there are."""
    return connection.execute(
        select(func.count()).select_from(requests).where(requests.c.key_id == key_id)
    ).scalar_one()


def spent_since(
    connection: Connection,
    *,
    since: int,
    keys: Sequence[str] | None = None,
    provider: str | None = None,
    connection_id: str | None = None,
) -> int:
    """Micro-USD of requests that ended at `since` (unix ms) or later; unknown costs count as 0."""
    total = cast(func.coalesce(func.sum(requests.c.cost_micro_usd), 0), BigInteger)
    question = select(total).where(requests.c.settled_at >= since)
    if keys is not None:
        question = question.where(requests.c.key_id.in_(keys))
    if provider is not None:
        question = question.where(requests.c.provider == provider)
    if connection_id is not None:
        question = question.where(requests.c.connection_id == connection_id)
    return connection.execute(question).scalar_one()
