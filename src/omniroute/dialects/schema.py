"""JSON schemas of tools, cleaned of what clients get wrong and providers refuse.

Only a translation cleans; a same-dialect request keeps its schemas. What is repaired says nothing (a bound written
as a string, a null among enum values, a required property that does not exist), so no loss comes of it.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import is_not

import msgspec

from omniroute.dialects.look import as_array, as_object
from omniroute.ir.json import JsonObject, JsonValue

_MAX_DEPTH = 32
_MAX_REMEMBERED = 4096
"""Bytes of a schema whose soundness is remembered; longer ones are looked through every time."""


def tool_schema(schema: JsonObject | None) -> JsonObject:
    """The parameters of a tool: always an object schema with `properties`, in the key order of the original."""
    cleaned = schema if schema is None or _known_sound(schema) else clean(schema)
    if not cleaned:
        return {"type": "object", "properties": {}}
    if cleaned.get("type") == "object" and as_object(cleaned.get("properties")) is None:
        return {**cleaned, "properties": {}}
    return cleaned


def _known_sound(schema: JsonObject) -> bool:
    try:
        text = msgspec.json.encode(schema)
    except (UnicodeEncodeError, RecursionError):
        return False
    return len(text) <= _MAX_REMEMBERED and _sound(text)


@lru_cache(maxsize=2048)
def _sound(text: bytes) -> bool:
    """Whether the schema with this JSON needs no repair. Agents send the same tools with every request: to look a
    tool up takes a quarter of the time that it takes to look it through."""
    schema: JsonObject = msgspec.json.decode(text)
    return clean(schema) is schema


def clean(schema: JsonObject, depth: int = 0) -> JsonObject:
    """`schema` without what is plainly wrong in it; anything deeper than 32 levels stays as it is.

    What needs no repair is the same object in the answer: most schemas are right, and an agent sends dozens of
    them with every request.
    """
    if depth > _MAX_DEPTH:
        return schema
    cleaned = schema
    for name in schema:
        repair = _REPAIRS.get(name)
        if repair is not None:
            value = schema[name]
            better = repair(value, depth)
            if better is not value:
                cleaned = dict(schema) if cleaned is schema else cleaned
                cleaned[name] = better
    if "required" in cleaned and "properties" in cleaned:
        properties, required = as_object(cleaned["properties"]), as_array(cleaned["required"])
        if properties is not None and required is not None:
            known = [name for name in required if isinstance(name, str) and name in properties]
            if len(known) < len(required):
                return {**cleaned, "required": known}
    return cleaned


def _schema(value: JsonValue, depth: int) -> JsonValue:
    fields = as_object(value)
    return value if fields is None else clean(fields, depth + 1)


def _map(value: JsonValue, depth: int) -> JsonValue:
    fields = as_object(value)
    if fields is None:
        return value
    repaired: JsonObject = {}
    for name, inner in fields.items():
        # Most properties have a type and a description, which nothing is done about.
        known = as_object(inner)
        if known is not None and not _TOLD.isdisjoint(known) and (better := clean(known, depth + 1)) is not known:
            repaired[name] = better
    return {**fields, **repaired} if repaired else fields


def _list(value: JsonValue, depth: int) -> JsonValue:
    items = as_array(value)
    if items is None:
        return value
    repaired = [_schema(item, depth) for item in items]
    return repaired if any(map(is_not, repaired, items)) else items


def _items(value: JsonValue, depth: int) -> JsonValue:
    items = as_array(value)
    if items is None:
        return _schema(value, depth)
    return _schema(items[0], depth) if items else {}


def _enum(value: JsonValue, depth: int) -> JsonValue:
    items = as_array(value)
    return value if items is None or None not in items else [item for item in items if item is not None] or value


def _number(value: JsonValue, depth: int) -> JsonValue:
    if not isinstance(value, str):
        return value
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return float(value)
    except ValueError:
        return value


_REPAIRS: Mapping[str, Callable[[JsonValue, int], JsonValue]] = {
    "enum": _enum,
    "items": _items,
    **dict.fromkeys(("properties", "patternProperties", "$defs", "definitions", "dependentSchemas"), _map),
    **dict.fromkeys(("anyOf", "oneOf", "allOf", "prefixItems"), _list),
    **dict.fromkeys(
        ("additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"),
        _schema,
    ),
    **dict.fromkeys(
        (
            *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
            *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        ),
        _number,
    ),
}
_TOLD = frozenset(_REPAIRS)
"""Keywords that something may be wrong with."""
