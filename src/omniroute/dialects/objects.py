"""JSON objects of the wire: read from bytes, and what they hold beyond the fields that somebody knows."""

from collections.abc import Collection

import msgspec

from omniroute.dialects.look import as_object
from omniroute.dialects.repair import with_paired_surrogates
from omniroute.ir.json import JsonObject, JsonValue

_decode = msgspec.json.Decoder().decode


def read_json(raw: bytes) -> JsonValue:
    """Any JSON value in `raw`, half an emoji in it mended, which strict JSON refuses. None also for what is no
    JSON."""
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return _decode(with_paired_surrogates(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def read_object(raw: bytes) -> JsonObject | None:
    """The JSON object in `raw`, mended as `read_json` does; None for anything else."""
    try:
        return as_object(_decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return as_object(read_json(raw))


def rest_of(fields: JsonObject, known: Collection[str]) -> JsonObject | None:
    """The fields that are not in `known`, in their order; None when there are none."""
    for name in fields:
        if name not in known:
            return {name: value for name, value in fields.items() if name not in known}
    return None


def said(fields: JsonObject | None) -> JsonObject | None:
    """`fields` without nulls, which say nothing; None when none is left."""
    return {name: value for name, value in (fields or {}).items() if value is not None} or None
