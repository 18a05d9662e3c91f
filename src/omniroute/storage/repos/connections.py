"""Provider connections: a credential at a provider, its secret sealed."""

from collections.abc import Collection

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from omniroute.ir.json import JsonObject
from omniroute.storage.repos.rows import as_columns, as_struct
from omniroute.storage.schema import connections
from omniroute.storage.sealing import place

_JSON = ("provider_data",)


class ConnectionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A connection as stored. `provider_data` holds no secrets: those are in `provider_secrets_sealed`."""

    id: str
    provider: str
    name: str
    auth_type: str = "apikey"
    secret_sealed: str | None = None
    base_url: str | None = None
    priority: int = 1
    is_active: bool = True
    default_model: str | None = None
    max_concurrent: int | None = None
    group_name: str | None = None
    test_status: str = "unknown"
    last_error: str | None = None
    last_error_type: str | None = None
    error_code: str | None = None
    last_tested_at: int | None = None
    provider_data: JsonObject = {}
    provider_secrets_sealed: str | None = None
    created_at: int
    updated_at: int


def secret_place(connection_id: str) -> str:
    """The associated data under which `secret_sealed` is sealed."""
    return place("connections", "secret_sealed", connection_id)


def provider_secrets_place(connection_id: str) -> str:
    """The associated data under which `provider_secrets_sealed` is sealed."""
    return place("connections", "provider_secrets_sealed", connection_id)


def get(connection: Connection, connection_id: str) -> ConnectionRow | None:
    row = connection.execute(select(connections).where(connections.c.id == connection_id)).first()
    return None if row is None else as_struct(ConnectionRow, row, _JSON)


def named(connection: Connection, provider: str, name: str) -> ConnectionRow | None:
    question = select(connections).where(connections.c.provider == provider, connections.c.name == name)
    row = connection.execute(question).first()
    return None if row is None else as_struct(ConnectionRow, row, _JSON)


def every(connection: Connection) -> tuple[ConnectionRow, ...]:
    """By provider, then in the order in which they are tried."""
    question = select(connections).order_by(
        connections.c.provider, connections.c.priority, connections.c.updated_at.desc(), connections.c.id
    )
    return tuple(as_struct(ConnectionRow, row, _JSON) for row in connection.execute(question))


def of_provider(connection: Connection, provider: str) -> tuple[ConnectionRow, ...]:
    """In the order in which they are tried: priority, then the one changed last."""
    question = (
        select(connections)
        .where(connections.c.provider == provider)
        .order_by(connections.c.priority, connections.c.updated_at.desc(), connections.c.id)
    )
    return tuple(as_struct(ConnectionRow, row, _JSON) for row in connection.execute(question))


def add(connection: Connection, row: ConnectionRow) -> None:
    """Raises SQLAlchemy's IntegrityError when the id, or the name at that provider, is taken."""
    connection.execute(insert(connections), as_columns(row, _JSON))


def replace(connection: Connection, row: ConnectionRow) -> bool:
    """False when there is no such connection. Raises IntegrityError when the name is taken at that provider."""
    statement = update(connections).where(connections.c.id == row.id).values(as_columns(row, _JSON))
    return connection.execute(statement).rowcount > 0


def remove(connection: Connection, connection_id: str) -> bool:
    return connection.execute(delete(connections).where(connections.c.id == connection_id)).rowcount > 0


def remove_all(connection: Connection, connection_ids: Collection[str]) -> int:
    """How many of them there were."""
    return connection.execute(delete(connections).where(connections.c.id.in_(connection_ids))).rowcount


def remove_of_provider(connection: Connection, provider: str) -> int:
    return connection.execute(delete(connections).where(connections.c.provider == provider)).rowcount


def renumber(connection: Connection, provider: str) -> None:
    """Make the priorities of a provider 1..n in the order of `of_provider`; `updated_at` and the rest stay."""
    for number, row in enumerate(of_provider(connection, provider), start=1):
        if row.priority != number:
            connection.execute(update(connections).where(connections.c.id == row.id).values(priority=number))


def record_test(
    connection: Connection,
    connection_id: str,
    *,
    test_status: str,
    at: int,
    error: str | None = None,
    error_type: str | None = None,
    error_code: str | None = None,
) -> bool:
    """What a test of the credential found, at unix ms. Not a change by the operator: `updated_at` stays."""
    statement = (
        update(connections)
        .where(connections.c.id == connection_id)
        .values(
            test_status=test_status,
            last_tested_at=at,
            last_error=error,
            last_error_type=error_type,
            error_code=error_code,
        )
    )
    return connection.execute(statement).rowcount > 0
