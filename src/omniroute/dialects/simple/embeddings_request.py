"""What a client may ask of an embeddings endpoint, checked before anything is sent.

Source: platform.openai.com/docs/api-reference/embeddings/create. Other members go on as they are.
"""

from collections.abc import Sequence

from omniroute.dialects.look import as_array, as_count
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue


def check_embeddings(fields: JsonObject) -> None:
    """Raises `InvalidRequest` for an input, encoding or number of dimensions that no provider could use."""
    if not _usable(fields.get("input")):
        raise InvalidRequest(
            'Invalid request: "input" must be a text, a list of texts, a list of tokens or a list of such lists,'
            " and not empty"
        )
    encoding = fields.get("encoding_format")
    if encoding not in (None, "float", "base64"):
        raise InvalidRequest(
            f'Invalid request: "encoding_format" is "float" or "base64", not {repr(encoding)[:40]}'
        )
    dimensions(fields)


def wants_base64(fields: JsonObject) -> bool:
    return fields.get("encoding_format") == "base64"


def dimensions(fields: JsonObject) -> int | None:
    """The number asked for, also when it was written as a text. Raises `InvalidRequest`."""
    said = fields.get("dimensions")
    if said is None:
        return None
    number = int(said) if isinstance(said, str) and said.isascii() and said.isdigit() else as_count(said)
    if number is None or number < 1:
        raise InvalidRequest(
            f'Invalid request: "dimensions" must be a whole number above 0, not {repr(said)[:40]}'
        )
    return number


def texts(fields: JsonObject) -> list[str]:
    """The input for providers that read texts only. Raises `InvalidRequest` for tokens."""
    said = fields.get("input")
    items: Sequence[JsonValue] = [said] if isinstance(said, str) else (as_array(said) or ())
    found = [item for item in items if isinstance(item, str)]
    if len(found) != len(items):
        raise InvalidRequest(
            'Invalid request: this provider embeds texts only; send "input" as a text or a list of texts, not as'
            " tokens"
        )
    return found


def _usable(said: JsonValue) -> bool:
    if isinstance(said, str):
        return bool(said)
    items = as_array(said)
    if not items:
        return False
    return (
        all(isinstance(item, str) and item for item in items)
        or _are_tokens(items)
        or all(_are_tokens(as_array(item)) for item in items)
    )


def _are_tokens(items: Sequence[JsonValue] | None) -> bool:
    if not items:
        return False
    return all(isinstance(item, int) and not isinstance(item, bool) for item in items)
