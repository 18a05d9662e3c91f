"""Combos as stored."""

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from omniroute.ir.json import JsonObject
from omniroute.storage.repos.rows import as_columns, as_struct
from omniroute.storage.schema import combos

_JSON = ("steps", "config")


class ComboRow(msgspec.Struct, frozen=True, kw_only=True):
    """`steps` and `config` are in the shapes of `routing.combo`."""

    id: str
    name: str
    strategy: str
    steps: tuple[JsonObject, ...]
    config: JsonObject
    is_active: bool = True
    is_hidden: bool = False
    sort_order: int
    created_at: int
    updated_at: int


def get(connection: Connection, combo_id: str) -> ComboRow | None:
    row = connection.execute(select(combos).where(combos.c.id == combo_id)).first()
    return None if row is None else as_struct(ComboRow, row, _JSON)


def every(connection: Connection) -> tuple[ComboRow, ...]:
    """In the operator's order."""
    question = select(combos).order_by(combos.c.sort_order, combos.c.name)
    return tuple(as_struct(ComboRow, row, _JSON) for row in connection.execute(question))


def next_place(connection: Connection) -> int:
    """The `sort_order` behind all others."""
    last: int | None = connection.execute(select(func.max(combos.c.sort_order))).scalar_one()
    return 1 if last is None else last + 1


def add(connection: Connection, combo: ComboRow) -> None:
    """Raises SQLAlchemy's IntegrityError when the name is taken."""
    connection.execute(insert(combos), as_columns(combo, _JSON))


def replace(connection: Connection, combo: ComboRow) -> bool:
    """False when there is no such combo. Raises IntegrityError when the name is taken."""
    statement = update(combos).where(combos.c.id == combo.id).values(as_columns(combo, _JSON))
    return connection.execute(statement).rowcount > 0


def remove(connection: Connection, combo_id: str) -> bool:
    return connection.execute(delete(combos).where(combos.c.id == combo_id)).rowcount > 0
