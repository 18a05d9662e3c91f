"""Tool schemas: what is plainly wrong in them is repaired, everything else stays."""

from typing import Any

import pytest

from omniroute.dialects.schema import clean, tool_schema


@pytest.mark.parametrize(
    ("schema", "cleaned"),
    [
        (None, {"type": "object", "properties": {}}),
        ({}, {"type": "object", "properties": {}}),
        ({"type": "object"}, {"type": "object", "properties": {}}),
        ({"type": "object", "properties": None}, {"type": "object", "properties": {}}),
        ({"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}),
        ({"enum": ["a", None]}, {"enum": ["a"]}),
        ({"enum": [None]}, {"enum": [None]}),
        ({"minimum": "1", "multipleOf": "0.5"}, {"minimum": 1, "multipleOf": 0.5}),
        ({"minimum": "a", "default": "1"}, {"minimum": "a", "default": "1"}),
        ({"items": [{"maxItems": "2"}, {}]}, {"items": {"maxItems": 2}}),
        ({"items": []}, {"items": {}}),
        ({"properties": {"enum": {"enum": [1, None]}}}, {"properties": {"enum": {"enum": [1]}}}),
        ({"anyOf": [{"minLength": "3"}, True]}, {"anyOf": [{"minLength": 3}, True]}),
        ({"$defs": {"a": {"required": ["x", "y"], "properties": {"x": {}}}}}, None),
    ],
)
def test_a_schema_is_repaired(schema: dict[str, Any] | None, cleaned: dict[str, Any] | None) -> None:
    expected = cleaned or {"$defs": {"a": {"required": ["x"], "properties": {"x": {}}}}}
    assert tool_schema(schema) == expected


def test_the_order_of_keys_stays() -> None:
    schema = {"required": ["b"], "type": "object", "properties": {"b": {}, "a": {}}, "title": "t"}
    assert list(clean(schema)) == list(schema)
    assert list(clean(schema)["properties"]) == ["b", "a"]


def test_a_schema_without_end_is_left_alone_at_some_depth() -> None:
    schema: dict[str, Any] = {"minimum": "1"}
    for _ in range(100):
        schema = {"not": schema}
    innermost = clean(schema)
    for _ in range(100):
        innermost = innermost["not"]
    assert innermost == {"minimum": "1"}
