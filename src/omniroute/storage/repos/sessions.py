"""Admin sessions and failed logins. The cookie itself is never here, only its digest."""

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from omniroute.storage.repos.rows import as_columns, as_struct
from omniroute.storage.repos.upsert import upsert
from omniroute.storage.schema import login_failures, sessions


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A session as stored; it is void when `password_version` is not the current one."""

    digest: bytes
    created_at: int
    last_seen_at: int
    expires_at: int
    password_version: int


class FailureRow(msgspec.Struct, frozen=True, kw_only=True):
    """Wrong passwords from one peer address in a row."""

    peer: str
    count: int
    locked_until: int | None = None
    updated_at: int


def get(connection: Connection, digest: bytes) -> SessionRow | None:
    row = connection.execute(select(sessions).where(sessions.c.digest == digest)).first()
    return None if row is None else as_struct(SessionRow, row)


def every(connection: Connection) -> tuple[SessionRow, ...]:
    """Last seen first."""
    question = select(sessions).order_by(sessions.c.last_seen_at.desc(), sessions.c.digest)
    return tuple(as_struct(SessionRow, row) for row in connection.execute(question))


def add(connection: Connection, row: SessionRow) -> None:
    connection.execute(insert(sessions), as_columns(row))


def renew(connection: Connection, digest: bytes, *, last_seen_at: int, expires_at: int) -> bool:
    """False when the session is gone."""
    statement = (
        update(sessions)
        .where(sessions.c.digest == digest)
        .values(last_seen_at=last_seen_at, expires_at=expires_at)
    )
    return connection.execute(statement).rowcount > 0


def remove(connection: Connection, digest: bytes) -> bool:
    return connection.execute(delete(sessions).where(sessions.c.digest == digest)).rowcount > 0


def remove_all(connection: Connection) -> int:
    return connection.execute(delete(sessions)).rowcount


def remove_expired(connection: Connection, *, at: int) -> int:
    return connection.execute(delete(sessions).where(sessions.c.expires_at <= at)).rowcount


def failures_of(connection: Connection, peer: str) -> FailureRow | None:
    row = connection.execute(select(login_failures).where(login_failures.c.peer == peer)).first()
    return None if row is None else as_struct(FailureRow, row)


def put_failures(connection: Connection, row: FailureRow) -> None:
    upsert(connection, login_failures, [as_columns(row)])


def clear_failures(connection: Connection, peer: str) -> None:
    connection.execute(delete(login_failures).where(login_failures.c.peer == peer))


def locked(connection: Connection) -> tuple[FailureRow, ...]:
    """Peers that are, or were, locked out."""
    rows = connection.execute(select(login_failures).where(login_failures.c.locked_until.is_not(None)))
    return tuple(as_struct(FailureRow, row) for row in rows)


def failing_peers(connection: Connection) -> int:
    """How many addresses are remembered; the caller keeps it bounded with `forget_failures`."""
    return connection.execute(select(func.count()).select_from(login_failures)).scalar_one()


def forget_failures(connection: Connection, *, before: int) -> int:
    """Forget peers whose last failure is older than `before` (unix ms)."""
    return connection.execute(delete(login_failures).where(login_failures.c.updated_at < before)).rowcount
