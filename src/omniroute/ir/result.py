"""What comes back from a provider: parts, why it ended, and what was used."""

from typing import Literal, TypeAlias

import msgspec

from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart

FinishReason: TypeAlias = Literal[
    "stop",  # the model was done
    "stop_sequence",  # a stop string of the request was hit
    "length",  # the output limit
    "context",  # the context window is full
    "tool_calls",
    "filter",  # a content filter or a refusal by policy
    "pause",  # Anthropic pause_turn: send the turn back to go on
    "other",
]


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens in four disjoint buckets plus what they include.

    `input` is fresh input only: cache reads and writes are not in it. `output` includes `reasoning`.
    `raw` is the vendor's own usage object; `estimated` marks numbers that no vendor reported.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    estimated: bool = False
    raw: JsonObject | None = None

    @property
    def input_total(self) -> int:
        return self.input + self.cache_read + self.cache_write


class Finish(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    reason: FinishReason
    raw_reason: str | None = None
    stop_sequence: str | None = None


class GenerateResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A whole answer. `id` and `model` are the provider's."""

    id: str
    model: str
    parts: tuple[AnyPart, ...]
    finish: Finish
    usage: Usage | None = None
    origin: str | None = None
    extra: JsonObject | None = None
