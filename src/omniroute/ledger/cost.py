"""What a request cost, exactly: integer prices, one rounding at the end. Pure."""

from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from omniroute.ir.json import JsonValue
from omniroute.ir.result import Usage
from omniroute.ir.target import Target

_PICO_PER_MICRO: Final = 1_000_000


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


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """The prices of one model at one provider. None means that the tokens are billed as what they are part of.

    `source` says where they come from, with its version: it is written beside every cost.
    """

    source: str
    input: Rate
    output: Rate
    cache_read: Rate | None = None
    cache_write: Rate | None = None
    cache_write_hour: Rate | None = None
    reasoning: Rate | None = None
    request_pico: int = 0


class Cost(msgspec.Struct, frozen=True):
    micro_usd: int
    source: str


Price: TypeAlias = Callable[[Target, Usage], Cost | None]
"""What is used at a target costs this; None when nobody knows its prices."""

FREE: Final = Rate(0)


def cost(sheet: Sheet, usage: Usage) -> Cost:
    """Rounded half up to a whole micro-USD."""
    total = usage.input_total
    hour = min(_written_for_an_hour(usage), usage.cache_write)
    write = sheet.cache_write or sheet.input
    pico = (
        usage.input * sheet.input.at(total)
        + usage.cache_read * (sheet.cache_read or sheet.input).at(total)
        + (usage.cache_write - hour) * write.at(total)
        + hour * (sheet.cache_write_hour or write).at(total)
        + sheet.request_pico
    )
    reasoning = usage.reasoning if sheet.reasoning is not None else 0
    pico += (usage.output - reasoning) * sheet.output.at(total)
    if sheet.reasoning is not None:
        pico += reasoning * sheet.reasoning.at(total)
    return Cost((pico + _PICO_PER_MICRO // 2) // _PICO_PER_MICRO, sheet.source)


def expected_micro_usd(sheet: Sheet, *, fresh: int, output: int) -> int:
    """The `cost` of `fresh` tokens in and of those out, without any cache: a choice asks it of every target."""
    pico = fresh * sheet.input.at(fresh) + output * sheet.output.at(fresh) + sheet.request_pico
    return (pico + _PICO_PER_MICRO // 2) // _PICO_PER_MICRO


def _written_for_an_hour(usage: Usage) -> int:
    """Anthropic's `cache_creation.ephemeral_1h_input_tokens`, which is dearer than a write for five minutes."""
    detail: JsonValue = None if usage.raw is None else usage.raw.get("cache_creation")
    found: JsonValue = detail.get("ephemeral_1h_input_tokens") if isinstance(detail, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] # JSON
    return found if isinstance(found, int) and found > 0 else 0
