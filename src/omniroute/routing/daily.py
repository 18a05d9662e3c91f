"""The end of a day's quota, for providers that say no more than that the day's is used up."""

import re
from typing import Final

_DAY_S: Final = 86_400.0
_PACIFIC_S: Final = -8 * 3600.0
"""Google counts its days in Pacific time (ai.google.dev/gemini-api/docs/rate-limits). The winter's offset is right
in winter and an hour late in summer, which is better than a zone database that a machine may lack."""

_OF_GOOGLE: Final = re.compile(r"\"quotaId\"\s*:\s*\"[^\"]*PerDay")
"""In a violation of google.rpc.QuotaFailure, such as `GenerateRequestsPerDayPerProjectPerModel-FreeTier`."""

_IN_WORDS: Final = re.compile(
    r"\b(?:daily|today[\u2019']s|per[- ]day)\s+(?:[\w-]+\s+){0,2}?(?:quota|limit|allowance)\b"
    r"|\b(?:quota|limit) for today\b|\btry again tomorrow\b",
    re.IGNORECASE,
)


def until_next_day(text: str, here: float) -> float | None:
    """Seconds from `here` (unix seconds) to the provider's next midnight; None when `text`, the body of a refusal,
    does not speak of a day's quota. Days of others than Google are taken to be UTC's."""
    if _OF_GOOGLE.search(text):
        return _DAY_S - (here + _PACIFIC_S) % _DAY_S
    return _DAY_S - here % _DAY_S if _IN_WORDS.search(text) else None
