"""JSON schemas as this API accepts them: a small subset of OpenAPI 3.0, without references and alternatives.

Cleaning works as the data-plane specification says in 8.3.1. What has to go is named by keyword, one Loss for each
keyword of a schema. Source of the subset: ai.google.dev/api/caching#Schema.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from omniroute.dialects.look import as_array, as_object
from omniroute.dialects.losses import Losses
from omniroute.dialects.schema import tool_schema
from omniroute.ir.json import JsonObject, JsonValue

_Walk: TypeAlias = Callable[[JsonObject, int], JsonObject]

_MAX_DEPTH = 32
_MAX_NODES = 5_000
"""References can make a small schema endless or enormous when they are written out."""

_KEPT: dict[str, tuple[type, ...]] = {
    "description": (str,),
    "nullable": (bool,),
    "minimum": (int, float),
    "maximum": (int, float),
    "minProperties": (int,),
    "maxProperties": (int,),
    "propertyOrdering": (list,),
}
"""Keywords that may stay, and what their values must be."""

_SAID_OTHERWISE = frozenset(
    {"properties", "required", "items", "enum", "const", "$ref", "$defs", "definitions", "allOf", "anyOf", "oneOf"}
)
_TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")
_PLAIN_TYPES = frozenset(_TYPES) - {"null"}
_COMPOSED = frozenset({"$ref", "allOf", "anyOf", "oneOf"})
_NESTING = frozenset({"items", "properties", "anyOf", "any_of"})
_UPPER = {name.upper(): name for name in _TYPES}
_SNAKE = {
    "any_of": "anyOf",
    "min_items": "minItems",
    "max_items": "maxItems",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_properties": "minProperties",
    "max_properties": "maxProperties",
    "property_ordering": "propertyOrdering",
    "additional_properties": "additionalProperties",
}


def gemini_tool_schema(schema: JsonObject | None, path: str, losses: Losses) -> JsonObject | None:
    """The `parameters` of a function; None for one without any, whose declaration has no `parameters`."""
    objects = tool_schema(schema)
    if "type" in objects and objects["type"] != "object":
        # Arguments are an object here, whatever the declaration says.
        losses.approximated(path, "type of the arguments", "quality")
        objects = {**objects, "type": "object"}
    cleaned = gemini_schema(objects, path, losses)
    return cleaned if cleaned.get("type") == "object" and cleaned.get("properties") else None


def gemini_schema(schema: JsonObject, path: str, losses: Losses) -> JsonObject:
    """`schema` without what this API refuses, in the key order of the original."""
    cleaner = _Cleaner(schema)
    cleaned = cleaner.clean(schema, 0, ())
    for keyword in cleaner.removed:
        losses.approximated(path, f"schema keyword {keyword}", "quality")
    return cleaned


class _Cleaner:
    def __init__(self, root: JsonObject) -> None:
        self._root = root
        self._nodes = 0
        self.removed: dict[str, None] = {}

    def clean(self, node: JsonObject, depth: int, active: tuple[str, ...]) -> JsonObject:
        self._nodes += 1
        if depth > _MAX_DEPTH or self._nodes > _MAX_NODES:
            self._lose("depth")
            return {"type": "object"}
        if not _COMPOSED.isdisjoint(node):
            node, active = self._inlined(node, active)
            node = self._merged(node, depth, active)
            node, active = self._chosen(node, depth, active)
        cleaned = self._plain(node)
        properties = as_object(node.get("properties"))
        if properties is not None:
            cleaned["properties"] = {name: self._inner(inner, depth, active) for name, inner in properties.items()}
            names = [
                name
                for name in as_array(node.get("required")) or ()
                if isinstance(name, str) and name in properties
            ]
            if names:
                cleaned["required"] = names
        if cleaned.get("type") == "array":
            items = as_array(node.get("items"))
            cleaned["items"] = self._inner(items[0] if items else node.get("items"), depth, active)
        if "type" not in cleaned:
            cleaned["type"] = "string"
            if cleaned.get("enum") is None:
                self._lose("type")
        return cleaned

    def _plain(self, node: JsonObject) -> JsonObject:
        """What needs no look at other schemas: the type, the values, the keywords that may stay."""
        cleaned: JsonObject = {}
        for name, value in node.items():
            if name == "type":
                self._type(value, cleaned)
            elif name in _KEPT and isinstance(value, _KEPT[name]):
                cleaned[name] = value
            elif name not in _SAID_OTHERWISE:
                self._lose(name)
        if "type" not in cleaned:
            if as_object(node.get("properties")) is not None:
                cleaned["type"] = "object"
            elif "items" in node:
                cleaned["type"] = "array"
        if "enum" not in node and "const" not in node:
            return cleaned
        values = as_array(node.get("enum"))
        if values is None and "const" in node:
            values = [node["const"]]
        if values is not None and cleaned.get("type") in (None, "string"):
            cleaned["type"] = "string"
            cleaned["enum"] = [value if isinstance(value, str) else _shown(value) for value in values]
        elif values is not None:
            self._lose("enum")
        return cleaned

    def _type(self, value: JsonValue, cleaned: JsonObject) -> None:
        if isinstance(value, str) and value in _PLAIN_TYPES:
            cleaned["type"] = value
            return
        kinds = [value] if isinstance(value, str) else as_array(value) or []
        known = [kind for kind in kinds if kind in _TYPES and kind != "null"]
        if "null" in kinds:
            cleaned["nullable"] = True
        if known:
            cleaned["type"] = known[0]
        if len(known) > 1:
            self._lose("type")

    def _inner(self, value: JsonValue, depth: int, active: tuple[str, ...]) -> JsonObject:
        fields = as_object(value)
        if fields is None:
            self._lose("type")
            return {"type": "string"}
        return self.clean(fields, depth + 1, active)

    def _inlined(self, node: JsonObject, active: tuple[str, ...]) -> tuple[JsonObject, tuple[str, ...]]:
        """`node` with what it refers to in its place; a circle ends in an object of any kind."""
        while isinstance(node.get("$ref"), str):
            ref: str = node["$ref"]
            found = None if ref in active else self._resolved(ref)
            node = {name: value for name, value in node.items() if name != "$ref"}
            if found is None:
                self._lose("$ref")
                return ({"type": "object", **node} if "type" not in node else node), active
            node = {**found, **node}
            active = (*active, ref)
        return node, active

    def _resolved(self, ref: str) -> JsonObject | None:
        self._nodes += 1
        if not ref.startswith("#") or self._nodes > _MAX_NODES:
            return None
        place: JsonValue = self._root
        for step in ref[1:].split("/")[1:]:
            place = (as_object(place) or {}).get(step.replace("~1", "/").replace("~0", "~"))
        return as_object(place)

    def _merged(self, node: JsonObject, depth: int, active: tuple[str, ...]) -> JsonObject:
        """`node` and everything in its `allOf` as one schema."""
        branches = as_array(node.get("allOf"))
        if branches is None:
            return node
        merged = {name: value for name, value in node.items() if name != "allOf"}
        properties = dict(as_object(merged.get("properties")) or {})
        required = list(as_array(merged.get("required")) or ())
        for branch in map(as_object, branches):
            if branch is None:
                continue
            inlined, seen = self._inlined(branch, active)
            whole = self._merged(inlined, depth + 1, seen) if depth < _MAX_DEPTH else inlined
            for name, value in (as_object(whole.get("properties")) or {}).items():
                properties.setdefault(name, value)
            required += [name for name in as_array(whole.get("required")) or () if name not in required]
            merged = {**whole, **merged}
        if properties:
            merged["properties"] = properties
        if required:
            merged["required"] = required
        return merged

    def _chosen(self, node: JsonObject, depth: int, active: tuple[str, ...]) -> tuple[JsonObject, tuple[str, ...]]:
        """`node` with the most telling one of its alternatives instead of all."""
        while depth <= _MAX_DEPTH:
            word = next((word for word in ("anyOf", "oneOf") if as_array(node.get(word)) is not None), None)
            if word is None:
                break
            found = [branch for branch in map(as_object, as_array(node[word]) or ()) if branch is not None]
            branches = [self._inlined(branch, active) for branch in found]
            real = [pair for pair in branches if pair[0].get("type") != "null"]
            node = {name: value for name, value in node.items() if name != word}
            if len(real) < len(branches):
                node["nullable"] = True
            if len(real) > 1:
                self._lose(word)
            if real:
                best, active = max(real, key=lambda pair: _weight(pair[0]))
                node = self._merged({**best, **node}, depth, active)
            depth += 1
        return node, active

    def _lose(self, keyword: str) -> None:
        self.removed.setdefault(keyword)


def _weight(schema: JsonObject) -> int:
    if schema.get("type") == "object" or "properties" in schema:
        return 3
    return 2 if schema.get("type") == "array" or "items" in schema else 1


def _shown(value: JsonValue) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def read_schema(schema: JsonObject) -> tuple[JsonObject, bool]:
    """A schema in OpenAPI's words as JSON schema, and whether its types were in upper case."""
    found: list[str] = []
    _collect_types(schema, found, 0)
    upper = bool(found) and all(name in _UPPER for name in found)
    return _read(schema, 0), upper


def write_schema(schema: JsonObject, *, upper: bool) -> JsonObject:
    """`read_schema` undone."""
    return _write(schema, upper, 0)


def _collect_types(schema: JsonObject, found: list[str], depth: int) -> None:
    said = schema.get("type")
    if isinstance(said, str):
        found.append(said)
    if depth < _MAX_DEPTH and not _NESTING.isdisjoint(schema):
        for inner in _inner_schemas(schema):
            _collect_types(inner, found, depth + 1)


def _inner_schemas(schema: JsonObject) -> Iterable[JsonObject]:
    nodes: list[JsonValue] = [schema.get("items")]
    nodes += (as_object(schema.get("properties")) or {}).values()
    nodes += as_array(schema.get("anyOf", schema.get("any_of"))) or ()
    return (node for node in map(as_object, nodes) if node is not None)


def _read(schema: JsonObject, depth: int) -> JsonObject:
    read: JsonObject = {}
    for key, value in schema.items():
        name = _SNAKE.get(key, key)
        if name == "type" and isinstance(value, str):
            read[name] = _UPPER.get(value, value)
        else:
            read[name] = _walked(name, value, _read, depth) if name in _NESTING else value
    if read.get("nullable") is True and isinstance(read.get("type"), str):
        del read["nullable"]
        read["type"] = [read["type"], "null"]
    return read


def _write(schema: JsonObject, upper: bool, depth: int) -> JsonObject:
    written: JsonObject = {}
    for name, value in schema.items():
        kinds: Sequence[JsonValue] = as_array(value) or ()
        if name == "type" and len(kinds) == 2 and kinds[1] == "null":
            written["nullable"] = True
            value = kinds[0]
        if name == "type" and isinstance(value, str):
            written[name] = value.upper() if upper else value
        else:
            written[name] = _walked(name, value, lambda inner, at: _write(inner, upper, at), depth)
    return written


def _walked(name: str, value: JsonValue, walk: _Walk, depth: int) -> JsonValue:
    if depth >= _MAX_DEPTH:
        return value
    fields = as_object(value)
    if name == "items" and fields is not None:
        return walk(fields, depth + 1)
    if name == "properties" and fields is not None:
        return {key: _each(inner, walk, depth) for key, inner in fields.items()}
    items = as_array(value)
    if name == "anyOf" and items is not None:
        return [_each(inner, walk, depth) for inner in items]
    return value


def _each(value: JsonValue, walk: _Walk, depth: int) -> JsonValue:
    fields = as_object(value)
    return value if fields is None else walk(fields, depth + 1)
