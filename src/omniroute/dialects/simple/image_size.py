"""The `size` of an image request: pixels for some wires, a ratio for others."""

import re
from typing import Final, NamedTuple

from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject

_PIXELS: Final = re.compile(r"([1-9][0-9]{0,4})[xX]([1-9][0-9]{0,4})")
_RATIO: Final = re.compile(r"[1-9][0-9]?:[1-9][0-9]?")
_LARGEST: Final = 8192
_SQUARE: Final = "1:1"
_RATIOS: Final = {
    "256x256": "1:1",
    "512x512": "1:1",
    "1024x1024": "1:1",
    "1792x1024": "16:9",
    "1024x1792": "9:16",
    "1536x1024": "3:2",
    "1024x1536": "2:3",
}
"""The sizes of OpenAI's models, as ratios; 1792x1024 is 7:4 to the letter."""


class Pixels(NamedTuple):
    width: int
    height: int


class Ratio(NamedTuple):
    """`exact` is false when the client named another shape, or pixels."""

    text: str
    exact: bool


def pixels(fields: JsonObject, side: int) -> Pixels:
    """Width and height; a square of `side` when the client left it open. Raises `InvalidRequest`."""
    size = fields.get("size")
    if size is None or size == "auto":
        return Pixels(side, side)
    found = _PIXELS.fullmatch(size) if isinstance(size, str) else None
    if found is None or max(int(found[1]), int(found[2])) > _LARGEST:
        raise InvalidRequest(f"size {size!r} must be WIDTHxHEIGHT, such as '1024x1024', for this image model")
    return Pixels(int(found[1]), int(found[2]))


def ratio(fields: JsonObject) -> Ratio:
    """The shape of the picture, for wires that know no pixels."""
    size = fields.get("size")
    if size is None or size == "auto":
        return Ratio(_SQUARE, exact=True)
    if isinstance(size, str) and _RATIO.fullmatch(size):
        return Ratio(size, exact=True)
    return Ratio(_RATIOS.get(size, _SQUARE) if isinstance(size, str) else _SQUARE, exact=False)


def longest_side(fields: JsonObject) -> int | None:
    """In pixels; None when the client named none."""
    size = fields.get("size")
    found = _PIXELS.fullmatch(size) if isinstance(size, str) else None
    return max(int(found[1]), int(found[2])) if found is not None else None
