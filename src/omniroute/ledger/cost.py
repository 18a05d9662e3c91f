"""What a request cost, exactly: integer prices, one rounding at the end. Pure."""

from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from omniroute.ir.result import MediaTokens, Usage
from omniroute.ir.target import Target

_PICO_PER_MICRO: Final = 1_000_000
_PICO_PER_USD: Final = 10**12
_LONGEST_SOURCE: Final = 64
_MOST_MICRO_USD: Final = 10**12
"""A million dollars. No request costs more, whatever its provider claims: sums of costs must fit their columns."""


class Rate(msgspec.Struct, frozen=True):
    """A price per token in pico-USD (a millionth of a micro-USD). USD per million tokens, times a million.

    `tiers` are (total input tokens from which it holds, price): crossing one reprices all tokens of the request,
    which is how vendors with tiers bill.
    """

    pico: int
    tiers: tuple[tuple[int, int], ...] = ()

    def at(self, input_total: int) -> int:
        price = self.pico
        for start, pico in self.tiers:
            if input_total > start:
                price = pico
        return price


class MediaRates(msgspec.Struct, frozen=True, kw_only=True):
    """Prices of tokens that are sound and pictures. None means that they cost what their bucket does."""

    audio_input: Rate | None = None
    audio_cached: Rate | None = None
    audio_output: Rate | None = None
    image_input: Rate | None = None
    image_cached: Rate | None = None
    image_output: Rate | None = None


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """The prices of one model at one provider. None means that the tokens are billed as what they are part of.

    `source` says where they come from, with its version: it is written beside every cost. `variants` are the
    prices of other kinds of service, by `Usage.tier`.
    """

    source: str
    input: Rate
    output: Rate
    cache_read: Rate | None = None
    cache_write: Rate | None = None
    cache_write_hour: Rate | None = None
    reasoning: Rate | None = None
    request_pico: int = 0
    media: MediaRates | None = None
    variants: tuple[tuple[str, "Sheet"], ...] = ()

    def of_tier(self, tier: str) -> "Sheet":
        """What holds for a kind of service; where nothing else is known for it, this."""
        return next((sheet for name, sheet in self.variants if name == tier), self)


class Cost(msgspec.Struct, frozen=True):
    micro_usd: int
    source: str

    def __add__(self, other: "Cost") -> "Cost":
        """What both cost. The sources of both are told, as far as there is room."""
        if other.source in self.source:
            return Cost(self.micro_usd + other.micro_usd, self.source)
        return Cost(self.micro_usd + other.micro_usd, f"{self.source}, {other.source}"[:_LONGEST_SOURCE])


Price: TypeAlias = Callable[[Target, Usage], Cost | None]
"""What is used at a target costs this; None when nobody knows its prices."""

FREE: Final = Rate(0)


def cost(sheet: Sheet, usage: Usage) -> Cost:
    """Rounded half up to a whole micro-USD."""
    if usage.tier is not None:
        sheet = sheet.of_tier(usage.tier)
    total = usage.input_total
    hour = min(usage.cache_write_hour, usage.cache_write)
    write = sheet.cache_write or sheet.input
    pico = (
        usage.input * sheet.input.at(total)
        + usage.cache_read * (sheet.cache_read or sheet.input).at(total)
        + (usage.cache_write - hour) * write.at(total)
        + hour * (sheet.cache_write_hour or write).at(total)
        + sheet.request_pico
    )
    pico += usage.output * sheet.output.at(total)
    if sheet.reasoning is not None:
        pico += min(usage.reasoning, usage.output) * (sheet.reasoning.at(total) - sheet.output.at(total))
    if usage.media is not None and sheet.media is not None:
        pico += _extra(usage.media, sheet.media, sheet, total)
    return Cost(whole(pico), sheet.source)


def whole(pico_usd: int) -> int:
    """Micro-USD, rounded half up, of what a provider may bill for one request."""
    return min(max((pico_usd + _PICO_PER_MICRO // 2) // _PICO_PER_MICRO, 0), _MOST_MICRO_USD)


def per_token_usd(sheet: Sheet, fresh: int) -> tuple[float, float, float]:
    """What a token in, a token out and the request itself cost where `fresh` tokens go in, without any cache: what
    a choice compares targets by."""
    return (
        sheet.input.at(fresh) / _PICO_PER_USD,
        sheet.output.at(fresh) / _PICO_PER_USD,
        sheet.request_pico / _PICO_PER_USD,
    )


def _extra(tokens: MediaTokens, rates: MediaRates, sheet: Sheet, total: int) -> int:
    """What sound and pictures cost beyond what their buckets were billed with, in pico-USD."""
    given, made = sheet.input, sheet.output
    read = sheet.cache_read or given
    parts = (
        (tokens.audio_input, rates.audio_input, given),
        (tokens.audio_cached, rates.audio_cached, read),
        (tokens.audio_output, rates.audio_output, made),
        (tokens.image_input, rates.image_input, given),
        (tokens.image_cached, rates.image_cached, read),
        (tokens.image_output, rates.image_output, made),
    )
    return sum(
        count * (rate.at(total) - billed.at(total)) for count, rate, billed in parts if count and rate is not None
    )
