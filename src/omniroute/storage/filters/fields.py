"""What requests can be looked for by: the names of fields, and what may be written behind each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal[
    "text", "status", "count", "duration", "money", "flag", "part", "cache", "since", "until"
]
"""`text` takes words with `*`; `status` numbers, `4xx` and words; `count` numbers with `k` or `m`; `duration`
milliseconds, or with `ms`, `s`, `m`, `h`; `money` US dollars; `flag`, `part` and `cache` words of their own;
`since` and `until` times."""

FIELDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "id": "text",
        "status": "status",
        "error": "text",
        "model": "text",
        "served": "text",
        "provider": "text",
        "account": "text",
        "combo": "text",
        "key": "text",
        "protocol": "text",
        "operation": "text",
        "session": "text",
        "attempts": "count",
        "losses": "count",
        "latency": "duration",
        "ttft": "duration",
        "tps": "count",
        "tokens": "count",
        "in": "count",
        "out": "count",
        "cached": "count",
        "reasoning": "count",
        "cost": "money",
        "cache": "cache",
        "is": "flag",
        "has": "part",
        "since": "since",
        "after": "since",
        "until": "until",
        "before": "until",
    }
)

FLAGS: Final = (
    "ok",
    "error",
    "running",
    "stream",
    "fellback",
    "cached",
    "cancelled",
    "interrupted",
    "estimated",
    "unpriced",
)
PARTS: Final = ("session", "combo", "losses", "reasoning", "cached", "cost")
"""What a request can have: `cached` are tokens from the provider's cache, `cost` one that is known."""

STATUS_WORDS: Final = ("ok", "error", "running")
CACHE_WORDS: Final = ("hit", "miss")

WORDS: Final[Mapping[Kind, tuple[str, ...]]] = MappingProxyType(
    {"flag": FLAGS, "part": PARTS, "cache": CACHE_WORDS, "status": (*STATUS_WORDS, "4xx", "5xx")}
)
"""The words of each kind that has some."""
