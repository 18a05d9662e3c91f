"""Typed looks into decoded JSON: the value when it has the kind that is asked for, else None."""

from collections.abc import Sequence

from omniroute.ir.json import JsonObject, JsonValue


def as_object(value: JsonValue) -> JsonObject | None:
    # Decoded JSON has string keys. `cast` would say so to pyright, at the price of a call in the hottest places.
    return value if isinstance(value, dict) else None  # pyright: ignore[reportUnknownVariableType]


def as_array(value: JsonValue) -> Sequence[JsonValue] | None:
    # As above.
    return value if isinstance(value, list) else None  # pyright: ignore[reportUnknownVariableType]


def as_text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None


def as_count(value: JsonValue) -> int | None:
    """A whole number, also one written with a decimal point; booleans are no numbers."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else None


def objects_in(value: JsonValue) -> list[JsonObject]:
    """The objects of an array, without anything else it may hold."""
    return [fields for item in as_array(value) or () if (fields := as_object(item)) is not None]


def kind_of(value: JsonValue) -> str:
    """What a value is, in the words of JSON, for messages to clients."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, list):
        return "an array"
    return "an object" if isinstance(value, dict) else "a number"
