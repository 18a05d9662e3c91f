"""How much has to be set aside for a request before anybody knows what it will cost. Pure.

Bounds are in whole micro-USD, rounded up.
"""

from collections.abc import Iterator
from typing import Final

from omniroute.ledger.cost import MediaRates, Rate, Sheet

USUAL_BYTES_PER_TOKEN: Final = 4
TOKENS_PER_REFERENCE: Final = 2_000
"""A picture that a request only names costs about as many tokens, whatever the length of its name."""

UNKNOWN_OUTPUT_CAP: Final = 128_000
"""Tokens of an answer whose model has no known cap, and for which the request sets none."""

_NO_MEDIA: Final = MediaRates()
_PICO_PER_MICRO: Final = 1_000_000


def dearest(sheet: Sheet, input_tokens: int, output_tokens: int) -> int:
    """What so many tokens cost at most: by the dearest kind of service, in the dearest tier, and all of the input
    in the dearest bucket."""
    return max(
        _dearest(one, input_tokens, output_tokens) for one in (sheet, *(variant for _, variant in sheet.variants))
    )


def _dearest(sheet: Sheet, input_tokens: int, output_tokens: int) -> int:
    media = sheet.media or _NO_MEDIA
    per_input = max(
        _picos(
            sheet.input,
            sheet.cache_read,
            sheet.cache_write,
            sheet.cache_write_hour,
            media.audio_input,
            media.audio_cached,
            media.image_input,
            media.image_cached,
        )
    )
    per_output = max(_picos(sheet.output, sheet.reasoning, media.audio_output, media.image_output))
    return _rounded(per_input * input_tokens + per_output * output_tokens + sheet.request_pico)


def usual(sheet: Sheet, input_tokens: int, output_tokens: int) -> int:
    """What so many tokens cost when none of them comes from a cache."""
    total = sheet.input.at(input_tokens) * input_tokens + sheet.output.at(input_tokens) * output_tokens
    return _rounded(total + sheet.request_pico)


def _picos(*rates: Rate | None) -> Iterator[int]:
    for rate in rates:
        if rate is not None:
            yield rate.pico
            for _, pico in rate.tiers:
                yield pico


def _rounded(pico: int) -> int:
    return -(-pico // _PICO_PER_MICRO)
