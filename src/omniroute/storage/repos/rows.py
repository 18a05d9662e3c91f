"""Between table rows and Structs of the same field names."""

from typing import Any, TypeVar

import msgspec
from sqlalchemy import Row

S = TypeVar("S", bound=msgspec.Struct)


def as_columns(row: msgspec.Struct, json: tuple[str, ...] = ()) -> dict[str, object]:
    """The fields as column values; those named in `json` become JSON text, None staying null."""
    columns: dict[str, object] = {name: getattr(row, name) for name in row.__struct_fields__}
    for name in json:
        if columns[name] is not None:
            columns[name] = msgspec.json.encode(columns[name]).decode()
    return columns


def as_struct(kind: type[S], row: "Row[*tuple[Any, ...]]", json: tuple[str, ...] = ()) -> S:
    """The row as a `kind`. Raises `msgspec.ValidationError` for a value of the wrong type, naming its column."""
    named = row._asdict()  # pyright: ignore[reportPrivateUsage] # public; the underscore is there for columns' sake
    columns = {str(name): value for name, value in named.items()}  # names arrive as a subclass of str
    for name in json:
        if columns[name] is not None:
            columns[name] = msgspec.json.decode(columns[name])
    return msgspec.convert(columns, kind)
