"""Sums up what settled requests used, by the hour in which they opened and by who took part. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000

Columns: TypeAlias = dict[str, Any]
"""Column values, which differ in type."""

_MOST: Final = 2**62
_MOST_OF_ONE: Final = 2**53
"""No sum may outgrow its column, whatever a provider claims: that would stop the drain."""
_TOKENS: Final = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "duration_ms",
)


class Group(NamedTuple):
    """Whose requests are summed up, and of which hour or day (its start, unix ms)."""

    at: int
    provider: str
    model: str
    key_id: str
    combo: str
    connection_id: str


class Sums:
    """Grows by whole rows of `requests`; one that is not settled counts as nothing."""

    def __init__(self) -> None:
        self._groups: dict[Group, Columns] = {}

    def add(self, rows: Iterable[Mapping[str, Any]], sign: int = 1) -> None:
        """`sign` -1 takes away what was counted for them."""
        for row in rows:
            if row["settled_at"] is not None:
                self._count(row, sign)

    def by(self, period_ms: int) -> list[Columns]:
        """The rows of a table of `storage.schema.usage_hours`' shape. `period_ms` is an hour or whole hours."""
        found: dict[Group, Columns] = {}
        for group, sums in self._groups.items():
            wider = group._replace(at=group.at // period_ms * period_ms)
            so_far = found.get(wider)
            if so_far is None:
                found[wider] = dict(sums)
                continue
            for name, value in sums.items():
                so_far[name] = max(so_far[name], value) if name == "last_at" else min(so_far[name] + value, _MOST)
        return [{**group._asdict(), **sums} for group, sums in found.items()]

    def _count(self, row: Mapping[str, Any], sign: int) -> None:
        group = Group(
            row["at"] // HOUR_MS * HOUR_MS,
            row["provider"],
            row["model"] or row["model_asked"],
            row["key_id"],
            row["combo"],
            row["connection_id"],
        )
        sums = self._groups.get(group)
        if sums is None:
            sums = self._groups[group] = dict.fromkeys(
                ("requests", "failed", "unpriced", "estimated", *_TOKENS, "cost_micro_usd", "last_at"), 0
            )
        sums["requests"] += sign
        sums["failed"] += sign * (row["outcome"] != "ok")
        cost = row["cost_micro_usd"]
        if cost is None:
            # What was refused, or failed without a word about its use, has no price that anybody could miss.
            sums["unpriced"] += sign * (row["outcome"] == "ok" or row["usage_source"] != "none")
        else:
            sums["cost_micro_usd"] += sign * min(cost, _MOST_OF_ONE)
        sums["estimated"] += sign * (row["usage_source"] == "estimated")
        for name in _TOKENS:
            sums[name] += sign * min(row[name], _MOST_OF_ONE)
        if sign > 0 and row["at"] > sums["last_at"]:
            sums["last_at"] = row["at"]
