"""Reads the rows and tables that ship with the package.

The rows are TOML, one file each, because people write them. Parsing two hundred of them takes 25 ms of a start
that should take less, so `bundle.json` remembers each row beside the checksum of the file that it came from; a
file that has changed since is parsed. The bundle can therefore be stale, but never wrong.
"""

import tomllib
import zlib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, TypeVar

import msgspec

from omniroute.catalog.lookup import Catalog, Tables, catalog
from omniroute.catalog.provider import Provider

_FIRST: Final = ("openai", "anthropic")
_LAST: Final = "demo"

_T = TypeVar("_T")


class CatalogError(Exception):
    """A file of the catalog cannot be used; the message names the file and the member."""


class Row(msgspec.Struct, frozen=True):
    """A provider, the name of the file that it was read from without its ending, and that file's CRC-32."""

    file: str
    crc: int
    provider: Provider


class _Refusals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: str
    ids: dict[str, str]


def load() -> Catalog:
    """Every row, whether it is served by default or not. Raises `CatalogError`."""
    return catalog((row.provider for row in rows()), tables())


def rows() -> tuple[Row, ...]:
    """The rows as their files say: the two whose dialects everybody speaks, the others by id, the demo last."""
    here = files("omniroute.catalog")
    return tuple(sorted(read(here / "providers", bundled(here / "bundle.json")), key=_place))


def tables() -> Tables:
    """The tables beside the rows."""
    here = files("omniroute.catalog")
    refused = _parsed(here / "refused.toml", dict[str, _Refusals])
    return Tables(
        aliases=_parsed(here / "aliases.toml", dict[str, str]),
        refused={
            refused_id: _reason(group.reason, instead)
            for group in refused.values()
            for refused_id, instead in group.ids.items()
        },
        env=_parsed(here / "env.toml", dict[str, str]),
        families=_parsed(here / "families.toml", dict[str, str]),
    )


def bundled(file: Traversable) -> dict[str, Row]:
    """The rows that the bundle remembers, by file name; none when there is no bundle or it cannot be read."""
    try:
        return {row.file: row for row in msgspec.json.decode(file.read_bytes(), type=list[Row])}
    except (FileNotFoundError, msgspec.DecodeError):
        return {}


def read(folder: Traversable, remembered: Mapping[str, Row]) -> Iterator[Row]:
    """The rows of a folder, in no order; a file that is remembered as it is now is not parsed again."""
    for file in folder.iterdir():
        stem, _, ending = file.name.rpartition(".")
        if ending != "toml":
            continue
        body = file.read_bytes()
        crc = zlib.crc32(body)
        row = remembered.get(stem)
        yield row if row is not None and row.crc == crc else Row(stem, crc, _converted(file.name, body, Provider))


def _place(row: Row) -> tuple[int, str]:
    if row.provider.id in _FIRST:
        return _FIRST.index(row.provider.id), ""
    return len(_FIRST) + (row.provider.id == _LAST), row.provider.id


def _reason(reason: str, instead: str) -> str:
    return f"{reason}; use {instead!r} with an API key" if instead else reason


def _parsed(file: Traversable, to: type[_T]) -> _T:
    return _converted(file.name, file.read_bytes(), to)


def _converted(name: str, body: bytes, to: type[_T]) -> _T:
    try:
        return msgspec.convert(tomllib.loads(body.decode()), to)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise CatalogError(f"catalog file {name!r} cannot be used: {error}") from error
