"""JSON types shared by everything that reads or writes bodies."""

from typing import Any, NewType, TypeAlias

JsonValue: TypeAlias = Any
"""Any JSON value as msgspec decodes it: None, bool, int, float, str, list, dict."""

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object with its key order."""

RawJson = NewType("RawJson", str)
"""Text that should be JSON but is kept verbatim, because it may not be (tool arguments of a model)."""
