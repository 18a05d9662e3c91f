"""Kept answers, by the key of their request. Losing one costs money, not truth: any of them may go at any time."""

import msgspec
from sqlalchemy import Connection, delete, func, select

from omniroute.storage.repos.upsert import upsert
from omniroute.storage.schema import cached_answers


class AnswerRow(msgspec.Struct, frozen=True, kw_only=True):
    """`answer` is what `caching.kept` makes of it; times are unix ms."""

    key: bytes
    model_asked: str
    answer: bytes
    created_at: int
    expires_at: int


def find(connection: Connection, key: bytes, *, now: int) -> tuple[bytes, int] | None:
    """The answer and when it expires; None when there is none that still holds at `now`."""
    table = cached_answers.c
    question = select(table.answer, table.expires_at).where(table.key == key, table.expires_at > now)
    row = connection.execute(question).first()
    return None if row is None else (row.answer, row.expires_at)


def put(connection: Connection, row: AnswerRow) -> None:
    """An answer that is there already is replaced."""
    upsert(connection, cached_answers, [msgspec.structs.asdict(row)])


def total(connection: Connection, *, now: int) -> int:
    """How many there are that still hold."""
    question = select(func.count()).select_from(cached_answers).where(cached_answers.c.expires_at > now)
    return connection.execute(question).scalar_one()


def sweep(connection: Connection, *, now: int, keep: int) -> int:
    """Removes what has expired, and of the rest all but the `keep` that expire last. Returns how many went."""
    table = cached_answers.c
    gone = connection.execute(delete(cached_answers).where(table.expires_at <= now)).rowcount
    last = select(table.key).order_by(table.expires_at.desc()).limit(keep)
    return gone + connection.execute(delete(cached_answers).where(table.key.not_in(last))).rowcount


def clear(connection: Connection) -> int:
    """Removes all of them. Returns how many there were."""
    return connection.execute(delete(cached_answers)).rowcount
