"""JSON schemas of tools, cleaned of what clients get wrong and providers refuse.

Only a translation cleans; a same-dialect request keeps its schemas. What is repaired says nothing (a bound written
as a string, a null among enum values, a required property that does not exist), so no loss comes of it.
"""

from omniroute.dialects.look import as_array, as_object
from omniroute.ir.json import JsonObject, JsonValue

_MAX_DEPTH = 32

_NUMERIC = frozenset(
    {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
    }
)
_SCHEMAS = frozenset({"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"})
_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})


def tool_schema(schema: JsonObject | None) -> JsonObject:
    """The parameters of a tool: always an object schema with `properties`, in the key order of the original."""
    cleaned = {} if schema is None else clean(schema)
    if not cleaned:
        return {"type": "object", "properties": {}}
    if cleaned.get("type") == "object" and as_object(cleaned.get("properties")) is None:
        return {**cleaned, "properties": {}}
    return cleaned


def clean(schema: JsonObject, depth: int = 0) -> JsonObject:
    """`schema` without what is plainly wrong in it; anything deeper than 32 levels stays as it is."""
    if depth > _MAX_DEPTH:
        return schema
    cleaned = {name: _member(name, value, depth) for name, value in schema.items()}
    properties = as_object(cleaned.get("properties"))
    required = as_array(cleaned.get("required"))
    if properties is not None and required is not None:
        cleaned["required"] = [name for name in required if isinstance(name, str) and name in properties]
    return cleaned


def _member(name: str, value: JsonValue, depth: int) -> JsonValue:
    fields, items = as_object(value), as_array(value)
    if name in _NUMERIC:
        return _number(value)
    if name == "enum" and items is not None:
        return [item for item in items if item is not None] or value
    if name == "items" and items is not None:
        return _inner(items[0], depth) if items else {}
    if name in _SCHEMAS and fields is not None:
        return clean(fields, depth + 1)
    if name in _LISTS and items is not None:
        return [_inner(item, depth) for item in items]
    if name in _MAPS and fields is not None:
        return {key: _inner(inner, depth) for key, inner in fields.items()}
    return value


def _inner(value: JsonValue, depth: int) -> JsonValue:
    fields = as_object(value)
    return value if fields is None else clean(fields, depth + 1)


def _number(value: JsonValue) -> JsonValue:
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
