"""The one alphabet of streams. A stream is: Started, parts and usage in any order, then one terminal event.

The terminal event is `Finished` or `Failed`, exactly one, last. Parts have dense indices from 0 in order of
opening; several may be open at once. A `PartOpened` shell holds what is known then; deltas append to it.
"""

from typing import TypeAlias

import msgspec

from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart
from omniroute.ir.result import Finish, Usage


class Started(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    id: str
    model: str
    origin: str | None = None
    extra: JsonObject | None = None


class PartOpened(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    index: int
    shell: AnyPart


class TextDelta(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """More text of a Text or Refusal part."""

    index: int
    text: str


class ReasoningDelta(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """More thinking, or the seal of it (a seal replaces, text appends)."""

    index: int
    text: str = ""
    seal: str | None = None


class ArgumentsDelta(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    index: int
    fragment: str


class CitationDelta(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    index: int
    citation: JsonObject


class PartClosed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    index: int


class UsageReported(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The usage known so far, whole: a later report replaces an earlier one (decoders merge)."""

    usage: Usage


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    failure: Failure


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    finish: Finish


class Ping(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    pass


class Opaque(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An event of `origin` that the alphabet has no word for, whole."""

    origin: str
    data: JsonObject


Event: TypeAlias = (
    Started
    | PartOpened
    | TextDelta
    | ReasoningDelta
    | ArgumentsDelta
    | CitationDelta
    | PartClosed
    | UsageReported
    | Failed
    | Finished
    | Ping
    | Opaque
)
