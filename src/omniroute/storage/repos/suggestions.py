"""What a field of the filter may be compared with: the values that lately came, the most frequent first."""

from typing import Final

from sqlalchemy import ColumnElement, Connection, func, select

from omniroute.storage.schema import api_keys, connections, requests

_LOOKED_AT: Final = 5_000
"""The latest requests, of which their index on time hands out so many in some milliseconds."""

_COLUMNS: Final[dict[str, ColumnElement[str]]] = {
    "model": requests.c.model_asked,
    "served": requests.c.model,
    "provider": requests.c.provider,
    "combo": requests.c.combo,
    "protocol": requests.c.dialect,
    "operation": requests.c.operation,
    "error": requests.c.outcome,
}
_NOT_ERRORS: Final = ("ok", "open")


def values(connection: Connection, field: str, prefix: str, *, limit: int) -> tuple[str, ...]:
    """At most `limit` that begin with `prefix`, upper or lower case. Keys and accounts are told by their names;
    nothing is for a field whose values are numbers, times or ids."""
    if field in ("key", "account"):
        table = api_keys if field == "key" else connections
        named = select(table.c.name).where(table.c.name.istartswith(prefix, autoescape=True))
        return tuple(connection.execute(named.distinct().order_by(table.c.name).limit(limit)).scalars())
    column = _COLUMNS.get(field)
    if column is None:
        return ()
    latest = select(column.label("said")).order_by(requests.c.at.desc()).limit(_LOOKED_AT).subquery()
    said = latest.c.said
    question = select(said).where(said != "", said.istartswith(prefix, autoescape=True)).group_by(said)
    if field == "error":
        question = question.where(said.not_in(_NOT_ERRORS))
    question = question.order_by(func.count().desc(), said).limit(limit)
    return tuple(connection.execute(question).scalars())
