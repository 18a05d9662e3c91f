"""Turns the text of a variable or the value of a TOML key into the type of its setting, or says why it cannot."""

import types
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from omniroute.config.names import Reading
from omniroute.config.settings import Settings

Value = str | int | float | bool | Path | tuple[str, ...]
"""What a setting can hold, beside None for absent."""

_N = TypeVar("_N", int, float)

_WORDS: Final[Mapping[str, bool]] = types.MappingProxyType(
    {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
)

SEVERAL_WORKERS: Final = (
    "must be 1: one process is exact with its state in memory; several workers need Redis beside "
    "PostgreSQL, which this version does not have yet"
)


class BadValue(ValueError):
    """The value cannot be used. The message goes on after the setting's name and never holds the value."""


def field_types() -> Mapping[str, object]:
    """The type of every setting, without its `None`."""
    return {field: _without_none(hint) for field, hint in get_type_hints(Settings).items()}


def from_text(field: str, kind: object, text: str, *, home: Path, reading: Reading = "plain") -> Value:
    """What a variable, a flag or a referenced secret means. Lists are separated by commas."""
    if kind is bool:
        return _boolean(text)
    if kind is int:
        return _checked(field, _number(text, int, "a whole number"))
    if kind is float:
        number = _number(text, float, "a number")
        return _checked(field, number / 1000 if reading == "milliseconds" else number)
    if kind is Path:
        return expanded(text, home)
    if get_origin(kind) is tuple:
        return _checked(field, tuple(item for item in (part.strip() for part in text.split(",")) if item))
    if get_origin(kind) is Literal:
        return _choice(text, get_args(kind))
    return _checked(field, text)


def from_toml(field: str, kind: object, value: object, *, home: Path) -> Value:
    """What a TOML value means: types are taken as they are, except that a whole number is a number too."""
    if kind is bool:
        if not isinstance(value, bool):
            raise BadValue("must be true or false, without quotes")
        return value
    if kind is int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise BadValue("must be a whole number, without quotes")
        return _checked(field, value)
    if kind is float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadValue("must be a number, without quotes")
        return _checked(field, float(value))
    if get_origin(kind) is tuple:
        items = cast("list[object]", value) if isinstance(value, list) else None
        strings = tuple(item for item in items or () if isinstance(item, str))
        if items is None or len(strings) != len(items):
            raise BadValue('must be a list of strings, like ["a", "b"]')
        return _checked(field, strings)
    if not isinstance(value, str):
        raise BadValue("must be a string, in quotes")
    return from_text(field, kind, value, home=home)


def is_address(text: str) -> bool:
    """Whether the text names an interface for certain: an IP address, or `localhost`."""
    return text == "localhost" or _is_network(text.strip("[]"))


def is_postgresql(text: str) -> bool:
    """Whether the text is the URL of a PostgreSQL database."""
    return text.startswith(("postgresql://", "postgres://", "postgresql+psycopg://"))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on the host."""
    from ipaddress import ip_address  # 4 ms, and the default is known without it

    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def expanded(text: str, home: Path) -> Path:
    """The path with a leading `~` replaced by the home folder."""
    if text == "~" or text.startswith("~/"):
        return home / text[2:]
    return Path(text)


def _without_none(hint: object) -> object:
    if get_origin(hint) in (Union, types.UnionType):
        return next(item for item in get_args(hint) if item is not type(None))
    return hint


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word not in _WORDS:
        raise BadValue("must be true or false (1/0, yes/no and on/off are understood)")
    return _WORDS[word]


def _number(text: str, kind: type[_N], noun: str) -> _N:
    try:
        return kind(text.strip())
    except ValueError:
        raise BadValue(f"must be {noun}") from None


def _choice(text: str, choices: tuple[str, ...]) -> str:
    word = text.strip().lower()
    word = "warning" if word == "warn" else word
    if word not in choices:
        raise BadValue(f"must be one of {', '.join(choices)}")
    return word


def _checked(field: str, value: Value) -> Value:
    match field, value:
        case "port", int() if not 0 <= value <= 65535:
            raise BadValue("must be between 0 and 65535")
        case "workers", int() if value > 1:
            raise BadValue(SEVERAL_WORKERS)
        case (("workers" | "body_limit" | "max_attempts" | "max_inflight"), int()) if value < 1:
            raise BadValue("must be at least 1")
        case (
            (
                "cache_memory_entries"
                | "cache_memory_bytes"
                | "cache_rows"
                | "media_bytes"
                | "responses_entries"
                | "responses_bytes"
            ),
            int(),
        ) if value < 0:
            raise BadValue("must be 0 or more")
        case _, float() if not 0 <= value < float("inf"):
            raise BadValue("must be a number of seconds, 0 or more")
        case "host", str() if not value.strip():
            raise BadValue("must be an address or a host name, like 127.0.0.1")
        case "proxy", str() if not value.startswith(("http://", "https://", "socks5://", "socks5h://")):
            raise BadValue("must be a URL that begins with http://, https://, socks5:// or socks5h://")
        case "storage_url", str() if not is_postgresql(value):
            raise BadValue(
                "must be a URL that begins with postgresql://; without it the data dir holds the database"
            )
        case "public_base_url", str() if not _is_web_address(value):
            raise BadValue("must be an address like https://ai.example.com")
        case "cors_allowed_origins", tuple() if not all(item == "*" or _is_origin(item) for item in value):
            raise BadValue("must hold origins, like https://app.example.com")
        case "trusted_proxies", tuple() if not all(_is_network(item) for item in value):
            raise BadValue("must hold addresses or networks, like 10.0.0.1 or 10.0.0.0/8")
        case _:
            return value


def _is_web_address(text: str) -> bool:
    scheme, _, rest = text.partition("://")
    return scheme in ("http", "https") and rest.strip("/") != "" and " " not in text


def _is_origin(text: str) -> bool:
    return _is_web_address(text) and "/" not in text.partition("://")[2]


def _is_network(text: str) -> bool:
    from ipaddress import ip_network  # only when such a setting is used

    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True
