"""What the Gemini API looks like on the wire, and how its two spellings of a name become one.

The API takes `camelCase` and `snake_case` for every field (protobuf's JSON mapping); answers are `camelCase`. This
gateway reads both and writes `camelCase`. An absent field and `null` mean the same there, so nulls are not kept.
Source: ai.google.dev/api (generateContent, caching, files) and the types of the google-genai SDK 3.x.
"""

import re
from typing import NotRequired, TypedDict
from urllib.parse import quote

from omniroute.dialects.look import as_array, as_object
from omniroute.dialects.objects import read_json
from omniroute.ir.json import JsonObject, JsonValue

NAME = "gemini"
"""The origin of seals, unknown parts and unknown fields of this dialect."""

_MAX_DEPTH = 32
_NEXT_WORD = re.compile(r"(?<=[A-Za-z0-9])_([a-z])")

_CALLERS_OWN = frozenset(
    {
        "args",
        "response",
        "parameters",
        "parametersJsonSchema",
        "responseSchema",
        "responseJsonSchema",
        "labels",
        "headers",
        "partMetadata",
    }
)
"""Fields whose value belongs to the caller or is a JSON schema: the names inside are not the protocol's."""


class Content(TypedDict):
    """A turn. `parts` are objects with one data field each."""

    role: str
    parts: list[JsonObject]


class ErrorDetail(TypedDict):
    """google.rpc.Status, as Google's APIs put it into JSON."""

    code: int
    message: str
    status: str
    details: NotRequired[list[JsonObject]]


class ErrorBody(TypedDict):
    error: ErrorDetail


def resource(model: str) -> str:
    """The name by which the API knows a model: `models/gemini-2.5-pro`."""
    return model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"


def model_path(model: str, verb: str) -> str:
    """The path under the base URL that asks a model for something."""
    return f"/{quote(resource(model), safe='/-._~:@')}:{verb}"


def camel(name: str) -> str:
    return _NEXT_WORD.sub(_capital, name) if "_" in name else name


def camel_cased(value: JsonObject, depth: int = 0) -> JsonObject:
    """`value` with the protocol's own names in camelCase and without nulls, down to 32 levels."""
    renamed: JsonObject = {}
    for key, inner in value.items():
        if inner is None:
            continue
        name = camel(key)
        renamed[name] = inner if name in _CALLERS_OWN or depth > _MAX_DEPTH else _inner(inner, depth + 1)
    return renamed


def read_object(raw: bytes) -> JsonObject | None:
    """The JSON object in `raw`, or the only one of a list; None for anything else."""
    value = read_json(raw)
    items = as_array(value)
    return as_object(items[0]) if items is not None and len(items) == 1 else as_object(value)


def count(value: JsonValue) -> int:
    """`value` as a number of tokens; anything that is not a whole number counts as 0."""
    return value if type(value) is int and value > 0 else 0


def without(value: JsonObject, *known: str) -> JsonObject | None:
    """The fields of `value` that are not `known` and not null; None when there are none."""
    return {name: field for name, field in value.items() if name not in known and field is not None} or None


def _inner(value: JsonValue, depth: int) -> JsonValue:
    fields = as_object(value)
    if fields is not None:
        return camel_cased(fields, depth)
    items = as_array(value)
    return value if items is None or depth > _MAX_DEPTH else [_inner(item, depth + 1) for item in items]


def _capital(found: re.Match[str]) -> str:
    return found[1].upper()
