"""How local servers are recognised: by what they say of themselves, never by an open port."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Annotated, Final, Literal, TypeAlias, TypeVar, assert_never

import msgspec

from omniroute.catalog.loader import CatalogError

_FILE: Final = "local.toml"

_T = TypeVar("_T")


class Text(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="text"):
    """The whole body is `value`, whitespace around it aside."""

    value: str


class Object(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="object"
):
    """The body is a JSON object whose members `strings` are strings and not empty."""

    strings: tuple[str, ...]


class Models(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="models"
):
    """The body is a list of models in OpenAI's form with one at least, each of which has `values` (exactly these)
    and `members` (whatever their value)."""

    values: dict[str, str] = {}
    members: tuple[str, ...] = ()


Body: TypeAlias = Text | Object | Models


class Signature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What GET `path` answers with status 200. `headers` are in lower case, their values exact."""

    path: str
    body: Body
    headers: dict[str, str] = {}


class LocalServer(msgspec.Struct, frozen=True, kw_only=True):
    """A server that is there when every one of `signatures` is recognised on `port`."""

    provider: str
    port: int
    signatures: tuple[Signature, ...]


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    signatures: Annotated[tuple[Signature, ...], msgspec.Meta(min_length=1)]


class _Listed(msgspec.Struct, frozen=True):
    object: Literal["list"]
    data: Annotated[list[dict[str, msgspec.Raw]], msgspec.Meta(min_length=1)]


def local_servers() -> tuple[LocalServer, ...]:
    """The table that ships, in its order. Raises `CatalogError`."""
    body = (files("omniroute.catalog") / _FILE).read_text(encoding="utf-8")
    try:
        entries = msgspec.convert(tomllib.loads(body), dict[str, _Entry])
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise CatalogError(f"catalog file {_FILE!r} cannot be used: {error}") from error
    return tuple(
        LocalServer(provider=provider, port=entry.port, signatures=entry.signatures)
        for provider, entry in entries.items()
    )


def recognised(signature: Signature, status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether this answer bears the signature. Header names are in lower case; `body` may be anything."""
    if status != 200 or any(headers.get(name) != value for name, value in signature.headers.items()):
        return False
    match signature.body:
        case Text(value=value):
            return body.strip() == value.encode()
        case Object(strings=strings):
            found = _decoded(body, dict[str, msgspec.Raw])
            return found is not None and all(_decoded(found.get(name, b""), str) for name in strings)
        case Models(values=values, members=members):
            listed = _decoded(body, _Listed)
            return listed is not None and all(_is_marked(model, values, members) for model in listed.data)
        case _:
            assert_never(signature.body)


def _is_marked(model: Mapping[str, msgspec.Raw], values: Mapping[str, str], members: tuple[str, ...]) -> bool:
    return all(_decoded(model.get(name, b""), str) == value for name, value in values.items()) and all(
        name in model for name in members
    )


def _decoded(body: bytes | msgspec.Raw, to: type[_T]) -> _T | None:
    """None for what is not JSON of this type."""
    try:
        return msgspec.json.decode(body, type=to)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
