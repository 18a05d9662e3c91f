"""HTTP header fields as requests and replies of transports hold them."""

from collections.abc import Sequence
from functools import lru_cache
from operator import methodcaller
from typing import Final

from omniroute.errors import UpstreamError

HEAD_LIMIT = 64 * 1024
"""Bytes of a reply's head (and of its trailers); a longer one is a `protocol` error."""

latin_1: Final = methodcaller("decode", "latin-1")
"""Bytes as text in which every one of them survives."""


def header_dict(names: Sequence[bytes], values: Sequence[bytes]) -> dict[str, str]:
    """Names in lower case, values as Latin-1; repeated fields joined by a comma."""
    found: dict[str, str] = dict(zip(map(str.lower, map(latin_1, names)), map(latin_1, values), strict=True))
    if len(found) == len(names):
        return found
    found = {}
    for raw_name, raw_value in zip(names, values, strict=True):
        name, value = latin_1(raw_name).lower(), latin_1(raw_value)
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


@lru_cache(maxsize=1024)
def header_lines(headers: tuple[tuple[str, str], ...]) -> bytes:
    """The fields of a request, each line ended, in UTF-8. Raises `UpstreamError` `blocked` when a line break
    or NUL hides in one of them: it would end the field early and start another."""
    text = "".join([f"{name}: {value}\r\n" for name, value in headers])
    if text.count("\n") != len(headers) or text.count("\r") != len(headers) or "\0" in text:
        raise UpstreamError("blocked", f"{_broken(headers)} holds a line break or NUL; remove it from the value")
    return text.encode("utf-8", "surrogateescape")


def _broken(headers: tuple[tuple[str, str], ...]) -> str:
    names = [name for name, value in headers if any(mark in name + value for mark in "\r\n\0")]
    return f"the request header {names[0]!r}"
