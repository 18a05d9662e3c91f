"""Where one request of a conversation broke what it shared with the one before, and with it the provider's prompt
cache. Pure.

A prompt cache holds the beginning of a prompt: tools first, then instructions, then messages. It serves as much of
a request as is equal to an earlier one from its first byte on, so that one changed word in the instructions costs
everything behind it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, Literal, TypeAlias, cast

import msgspec

from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.request import GenerateRequest, Tool, Turn

Cause: TypeAlias = Literal["changed", "inserted", "removed", "reordered", "volatile"]
"""`volatile` is a time, a date or an id in the text, which changes with every request."""

_INSTRUCTING: Final = ("system", "developer")
_VOLATILE: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?)?"  # a date or a time
    r"|\d{1,2}:\d{2}(:\d{2})?"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|\b1[6-9]\d{8}(\d{3})?\b",  # unix seconds and milliseconds
    re.IGNORECASE,
)
_SHOWN: Final = 60
_CHARS_PER_TOKEN: Final = 4
"""Roughly, for English and code."""


class Asked(msgspec.Struct, frozen=True):
    """A request of a conversation, in the order in which they were sent."""

    request_id: str
    request: GenerateRequest


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """`path` is the first place that differs, in the order of a prompt; `before` and `after` show it.
    `lost_tokens` is an estimate of what was the same behind it, and had to be read anew."""

    request_id: str
    path: str
    cause: Cause
    before: str
    after: str
    lost_tokens: int


def breaks(conversation: Sequence[Asked]) -> Iterator[Break]:
    """Every request that did not go on where the one before it ended."""
    for earlier, later in pairwise(conversation):
        found = _broken(_prompt(earlier.request), _prompt(later.request))
        if found is not None:
            path, before, after, lost = found
            yield Break(
                request_id=later.request_id,
                path=path,
                cause=_cause(path, before, after, earlier.request, later.request),
                before=_shown(before),
                after=_shown(after),
                lost_tokens=lost // _CHARS_PER_TOKEN,
            )


_Leaf: TypeAlias = tuple[str, str | int | float | bool | None]


def _prompt(request: GenerateRequest) -> list[_Leaf]:
    """Everything that a model reads, in the order in which a provider lays it out."""
    leaves: list[_Leaf] = []
    for index, tool in enumerate(request.tools):
        leaves += _leaves(f"tools[{index}]", _plain(tool))
    for instructing in (True, False):
        for index, turn in enumerate(request.turns):
            if (turn.role in _INSTRUCTING) is instructing:
                leaves += _leaves(f"turns[{index}]", _read(turn))
    return leaves


def _read(turn: Turn) -> JsonValue:
    """Without the marks that say what is to be cached, which move with every request."""
    parts = tuple(msgspec.structs.replace(part, cache=None) for part in turn.parts)
    return _plain(msgspec.structs.replace(turn, parts=parts, cache=None))


def _plain(value: Turn | Tool) -> JsonValue:
    found: JsonValue = msgspec.to_builtins(value)
    return found


def _leaves(path: str, value: JsonValue) -> Iterable[_Leaf]:
    """Tuples, where a struct had them, count as lists."""
    if isinstance(value, dict):
        for name, inner in cast("JsonObject", value).items():
            yield from _leaves(f"{path}.{name}", inner)
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(cast("Sequence[JsonValue]", value)):
            yield from _leaves(f"{path}[{index}]", inner)
    else:
        yield path, value


def _broken(earlier: list[_Leaf], later: list[_Leaf]) -> tuple[str, str, str, int] | None:
    for index, (one, other) in enumerate(zip(earlier, later, strict=False)):
        if one != other:
            same = set(earlier[index + 1 :]) & set(later[index + 1 :])
            return other[0], str(one[1]), str(other[1]), sum(len(str(value)) for _, value in same)
    if len(later) < len(earlier):
        path, value = earlier[len(later)]
        return path, str(value), "", 0
    return None


def _cause(path: str, before: str, after: str, earlier: GenerateRequest, later: GenerateRequest) -> Cause:
    if path.startswith("tools["):
        names, now = [tool.name for tool in earlier.tools], [tool.name for tool in later.tools]
        if names != now and sorted(names) == sorted(now):
            return "reordered"
        if len(names) != len(now):
            return "inserted" if len(now) > len(names) else "removed"
    if not after:
        return "removed"
    if before != after and _VOLATILE.sub("", before) == _VOLATILE.sub("", after):
        return "volatile"
    return "changed"


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."
