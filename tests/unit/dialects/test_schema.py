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


def test_what_was_found_out_about_a_schema_holds_for_the_next_request() -> None:
    sound = {"type": "object", "properties": {"path": {"type": "string"}}}
    wrong = {"type": "object", "properties": {"mode": {"enum": ["a", None]}}}
    repaired = {"type": "object", "properties": {"mode": {"enum": ["a"]}}}
    for _ in range(3):
        assert tool_schema(sound) is sound, "nothing is copied that needs no repair"
        assert tool_schema(wrong) == repaired
    assert wrong["properties"]["mode"] == {"enum": ["a", None]}  # type: ignore[index]  # it is a dict


def test_a_schema_too_long_to_be_remembered_is_looked_through_all_the_same() -> None:
    wrong = {"type": "object", "properties": {"a": {"description": "x" * 5000, "minimum": "1"}}}
    assert tool_schema(wrong)["properties"]["a"]["minimum"] == 1
