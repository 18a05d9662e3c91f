"""Provider nodes: endpoints that the operator described."""

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from omniroute.storage.repos.rows import as_columns, as_struct
from omniroute.storage.schema import provider_nodes


class NodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A node as stored. Its id is the `provider` of its connections; clients write `prefix` before the model."""

    id: str
    type: str
    name: str
    prefix: str
    base_url: str
    api_type: str | None = None
    chat_path: str | None = None
    models_path: str | None = None
    created_at: int
    updated_at: int


def get(connection: Connection, node_id: str) -> NodeRow | None:
    row = connection.execute(select(provider_nodes).where(provider_nodes.c.id == node_id)).first()
    return None if row is None else as_struct(NodeRow, row)


def with_prefix(connection: Connection, prefix: str) -> NodeRow | None:
    row = connection.execute(select(provider_nodes).where(provider_nodes.c.prefix == prefix)).first()
    return None if row is None else as_struct(NodeRow, row)


def every(connection: Connection) -> tuple[NodeRow, ...]:
    """Oldest first."""
    question = select(provider_nodes).order_by(provider_nodes.c.created_at, provider_nodes.c.id)
    return tuple(as_struct(NodeRow, row) for row in connection.execute(question))


def add(connection: Connection, node: NodeRow) -> None:
    """Raises SQLAlchemy's IntegrityError when the id or the prefix is taken."""
    connection.execute(insert(provider_nodes), as_columns(node))


def replace(connection: Connection, node: NodeRow) -> bool:
    """False when there is no such node. Raises IntegrityError when the prefix is taken."""
    statement = update(provider_nodes).where(provider_nodes.c.id == node.id).values(as_columns(node))
    return connection.execute(statement).rowcount > 0


def remove(connection: Connection, node_id: str) -> bool:
    """The node only; its connections are `repos.connections.remove_of_provider`."""
    return connection.execute(delete(provider_nodes).where(provider_nodes.c.id == node_id)).rowcount > 0
