"""Run-time settings: a JSON value under each key."""

import msgspec
from sqlalchemy import Connection, delete, select

from omniroute.ir.json import JsonObject, JsonValue
from omniroute.storage.repos.upsert import upsert
from omniroute.storage.schema import settings


def get(connection: Connection, key: str) -> JsonValue:
    """None when there is none; a stored null is None too."""
    text = connection.execute(select(settings.c.value).where(settings.c.key == key)).scalar()
    return None if text is None else msgspec.json.decode(text)


def every(connection: Connection) -> JsonObject:
    rows = connection.execute(select(settings.c.key, settings.c.value).order_by(settings.c.key))
    return {key: msgspec.json.decode(value) for key, value in rows}


def put(connection: Connection, values: JsonObject) -> None:
    """Set these keys; the others keep their values."""
    rows = [{"key": key, "value": msgspec.json.encode(value).decode()} for key, value in values.items()]
    upsert(connection, settings, rows)


def remove(connection: Connection, key: str) -> bool:
    return connection.execute(delete(settings).where(settings.c.key == key)).rowcount > 0
