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


class MediaTokens(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many of the tokens were sound and pictures: parts of `input`, `cache_read` and `output`, never more."""

    audio_input: int = 0
    audio_cached: int = 0
    audio_output: int = 0
    image_input: int = 0
    image_cached: int = 0
    image_output: int = 0


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens in four disjoint buckets plus what they include.

    `input` is fresh input only: cache reads and writes are not in it. `output` includes `reasoning`, `cache_write`
    includes `cache_write_hour`, which is kept for an hour. `media` is None where all is text, as far as is known.
    `tier` is a kind of service that is billed otherwise than usual: `flex`, `priority`, `fast`.
    `raw` is the vendor's own usage object; `estimated` marks numbers that no vendor reported.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_hour: int = 0
    reasoning: int = 0
    media: MediaTokens | None = None
    tier: str | None = None
    estimated: bool = False
    raw: JsonObject | None = None

    @property
    def input_total(self) -> int:
        return self.input + self.cache_read + self.cache_write

    def __add__(self, other: "Usage") -> "Usage":
        """What both used."""
        media = self.media or other.media
        if self.media is not None and other.media is not None:
            media = MediaTokens(
                **{name: getattr(self.media, name) + getattr(other.media, name) for name in _MEDIA}
            )
        return Usage(
            input=self.input + other.input,
            output=self.output + other.output,
            cache_read=self.cache_read + other.cache_read,
            cache_write=self.cache_write + other.cache_write,
            cache_write_hour=self.cache_write_hour + other.cache_write_hour,
            reasoning=self.reasoning + other.reasoning,
            media=media,
            tier=self.tier,
            estimated=self.estimated or other.estimated,
        )


_MEDIA = MediaTokens.__struct_fields__


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
