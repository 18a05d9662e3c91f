"""One number for how well a target suits a request, and the factors that it is made of."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import mul
from typing import Final

import msgspec

from omniroute.routing.standing import Standing
from omniroute.routing.strategy import Asked

FACTORS: Final = ("quota", "health", "cost", "latency", "task", "stability")
DEFAULT_WEIGHTS: Final[Mapping[str, float]] = {
    "quota": 0.20,
    "health": 0.25,
    "cost": 0.20,
    "latency": 0.15,
    "task": 0.10,
    "stability": 0.10,
}
MODE_PACKS: Final[Mapping[str, Mapping[str, float]]] = {
    "ship-fast": {"quota": 0.15, "health": 0.30, "cost": 0.05, "latency": 0.35, "task": 0.10, "stability": 0.05},
    "cost-saver": {"quota": 0.15, "health": 0.20, "cost": 0.40, "latency": 0.10, "task": 0.10, "stability": 0.05},
    "quality-first": {
        "quota": 0.10,
        "health": 0.20,
        "cost": 0.05,
        "latency": 0.05,
        "task": 0.45,
        "stability": 0.15,
    },
    "offline-friendly": {
        "quota": 0.40,
        "health": 0.30,
        "cost": 0.10,
        "latency": 0.05,
        "task": 0.05,
        "stability": 0.10,
    },
}
_HEALTH: Final = {"closed": 1.0, "half-open": 0.5, "open": 0.0}
_UNKNOWN: Final = 0.5
_TASK_WORDS: Final[Mapping[str, tuple[tuple[str, float], ...]]] = {
    "coding": (("codex", 0.9), ("coder", 0.9), ("code", 0.85), ("opus", 0.95), ("sonnet", 0.9), ("gpt-5", 0.9)),
    "analysis": (("opus", 0.95), ("think", 0.85), ("reason", 0.85), ("o3", 0.9), ("pro", 0.8), ("gpt-5", 0.9)),
    "default": (("flash", 0.6), ("mini", 0.6), ("haiku", 0.6)),
}


class Score(msgspec.Struct, frozen=True):
    """All between 0 and 1; `total` is the weighted sum of `values`, which are those of `FACTORS`."""

    total: float
    values: tuple[float, ...]

    @property
    def factors(self) -> Mapping[str, float]:
        return dict(zip(FACTORS, self.values, strict=True))


def weights_of(pack: str | None, own: Mapping[str, float] | None) -> Mapping[str, float]:
    """A combo's own weights when they are complete and sum to 1 (within 0.01), else its mode pack's, else the
    default ones."""
    if own and set(own) <= set(FACTORS) and abs(sum(own.values()) - 1) <= 0.01:
        return own
    return MODE_PACKS.get(pack or "", DEFAULT_WEIGHTS)


def scores(pool: Sequence[tuple[str, Standing]], asked: Asked, weights: Mapping[str, float]) -> tuple[Score, ...]:
    """One score for each `(model, standing)` of `pool`.

    Cost and latency are compared on a logarithmic scale between the best and the worst of the pool, so that one
    very dear model does not make all others look alike."""
    costs = _log_scaled([standing.cost_usd for _, standing in pool])
    waits = _log_scaled([standing.p95_s or standing.first_event_s for _, standing in pool])
    spreads = _log_scaled([standing.spread_s for _, standing in pool])
    weighed = [weights.get(name, 0.0) for name in FACTORS]
    found: list[Score] = []
    for (model, standing), cost, wait, spread in zip(pool, costs, waits, spreads, strict=True):
        remaining, errors = standing.remaining, standing.errors
        quota = 1.0 if remaining is None else _share(remaining)
        well = _HEALTH[standing.health] * (1 - _share(errors) if errors else 1)
        values = (quota, well, cost, wait, _fit(model, asked.task), spread)
        found.append(Score(sum(map(mul, weighed, values)), values))
    return tuple(found)


def _log_scaled(values: Sequence[float | None]) -> list[float]:
    """1 for the smallest, 0 for the largest, half for what is unknown; 1 for all when they are equal."""
    logs = [None if value is None else math.log10(value if value > 1e-9 else 1e-9) for value in values]
    known = [value for value in logs if value is not None]
    if not known:
        return [_UNKNOWN] * len(logs)
    low, high = min(known), max(known)
    width = high - low
    return [_UNKNOWN if value is None else 1.0 if width == 0 else (high - value) / width for value in logs]


@lru_cache(maxsize=4096)
def _fit(model: str, task: str) -> float:
    name = model.lower()
    return max((value for word, value in _TASK_WORDS.get(task, ()) if word in name), default=_UNKNOWN)


def _share(value: float) -> float:
    return min(1.0, max(0.0, value)) if math.isfinite(value) else 0.0
