"""One number for how well a target suits a request, and the factors that it is made of."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import isfinite, log10
from typing import Final, cast

import msgspec

from omniroute.routing.quota import Quota
from omniroute.routing.standing import Standing

FACTORS: Final = ("quota", "health", "cost", "latency", "task", "stability")
_DEFAULT_WEIGHTS: Final = (0.20, 0.25, 0.20, 0.15, 0.10, 0.10)
_MODE_PACKS: Final[Mapping[str, tuple[float, ...]]] = {
    "ship-fast": (0.15, 0.30, 0.05, 0.35, 0.10, 0.05),
    "cost-saver": (0.15, 0.20, 0.40, 0.10, 0.10, 0.05),
    "quality-first": (0.10, 0.20, 0.05, 0.05, 0.45, 0.15),
    "offline-friendly": (0.40, 0.30, 0.10, 0.05, 0.05, 0.10),
}
"""The weights of `FACTORS`, in their order."""
_HEALTH: Final = {"closed": 1.0, "half-open": 0.5, "open": 0.0}
_UNKNOWN: Final = 0.5
_LEAST: Final = 1e-9
_TASK_WORDS: Final[Mapping[str, tuple[tuple[str, float], ...]]] = {
    "coding": (("codex", 0.9), ("coder", 0.9), ("code", 0.85), ("opus", 0.95), ("sonnet", 0.9), ("gpt-5", 0.9)),
    "analysis": (("opus", 0.95), ("think", 0.85), ("reason", 0.85), ("o3", 0.9), ("pro", 0.8), ("gpt-5", 0.9)),
    "default": (("flash", 0.6), ("mini", 0.6), ("haiku", 0.6)),
}


class Factor(msgspec.Struct, frozen=True):
    """What each of those that are compared has of it, between 0 and 1: `base` + `slope` times its number. Where
    there are no numbers, all have the same."""

    numbers: Sequence[float]
    base: float = 0.0
    slope: float = 1.0

    def values(self, count: int) -> list[float]:
        """Of each of the `count` that are compared."""
        return [self.base + self.slope * number for number in self.numbers] or [self.base] * count


_SAID: Final = "score %.3f of " + ", ".join(f"{name} %.2f" for name in FACTORS)
_BEST: Final = Factor((), 1.0)


class Score(msgspec.Struct, frozen=True):
    """All between 0 and 1; `total` is the weighted sum of `values`, which are those of `FACTORS`."""

    total: float
    values: tuple[float, ...]

    @property
    def factors(self) -> Mapping[str, float]:
        return dict(zip(FACTORS, self.values, strict=True))

    @property
    def said(self) -> str:
        """In words."""
        return _SAID % (self.total, *self.values)


def weights_of(pack: str | None, own: Mapping[str, float] | None) -> tuple[float, ...]:
    """Of `FACTORS`: a combo's own weights when they are complete and sum to 1 (within 0.01), else its mode pack's,
    else the default ones."""
    if own and set(own) <= set(FACTORS) and abs(sum(own.values()) - 1) <= 0.01:
        return tuple([own.get(name, 0.0) for name in FACTORS])
    return _MODE_PACKS.get(pack or "", _DEFAULT_WEIGHTS)


def factors(
    models: tuple[str, ...],
    standings: Sequence[Standing],
    quotas: Sequence[Quota],
    costs: Sequence[float | None],
    task: str,
) -> tuple[Factor, ...]:
    """Those of `FACTORS`, for these models with what is known about each and what it would cost (USD). There are
    no `quotas` when nobody told any.

    Cost and latency are compared on a logarithmic scale between the best and the worst of the pool, so that one
    very dear model does not make all others look alike."""
    troubled = [one for one in standings if one.errors or one.health != "closed"]
    return (
        Factor([one.remaining for one in quotas]) if quotas else _BEST,
        Factor([_soundness(one) for one in standings]) if troubled else _BEST,
        _scaled([None if cost is None else log10(cost + _LEAST) for cost in costs]),
        _scaled([one.wait_log for one in standings]),
        _suitability(models, task),
        _scaled([one.spread_log for one in standings]),
    )


def totals(factors: Sequence[Factor], weights: Sequence[float]) -> list[float]:
    """The weighted sum of the factors of each that is compared."""
    same = 0.0
    slopes: list[tuple[float, Sequence[float]]] = []
    for weight, one in zip(weights, factors, strict=True):
        same += weight * one.base
        if one.numbers:
            slopes.append((weight * one.slope, one.numbers))
    if not slopes:
        return []
    (a, some), (b, others), (c, more), *rest = slopes  # cost, latency and stability always have numbers
    found = [same + a * x + b * y + c * z for x, y, z in zip(some, others, more, strict=True)]
    for slope, numbers in rest:
        found = [total + slope * number for total, number in zip(found, numbers, strict=True)]
    return found


def _scaled(logs: Sequence[float | None]) -> Factor:
    """1 for the smallest, 0 for the largest, half for what is unknown; 1 for all when they are equal."""
    numbers = cast("Sequence[float]", logs)
    try:
        ends = sorted(numbers)
        high, width = ends[-1], ends[-1] - ends[0]
    except (IndexError, TypeError):  # there are none, or some are unknown
        known = [one for one in logs if one is not None]
        if not known:
            return Factor([0.0] * len(logs), _UNKNOWN)
        middle = (min(known) + max(known)) / 2
        return _scaled([middle if one is None else one for one in logs])
    return Factor(numbers, high / width, -1.0 / width) if width > _LEAST else Factor(numbers, 1.0, 0.0)


def _soundness(standing: Standing) -> float:
    return _HEALTH[standing.health] * (1.0 - _share(standing.errors or 0.0))


@lru_cache(maxsize=1024)
def _suitability(models: tuple[str, ...], task: str) -> Factor:
    fits = [_fit(model, task) for model in models]
    return Factor((), fits[0]) if len({*fits}) == 1 else Factor(fits)


def _fit(model: str, task: str) -> float:
    name = model.lower()
    return max((value for word, value in _TASK_WORDS.get(task, ()) if word in name), default=_UNKNOWN)


def _share(value: float) -> float:
    return min(1.0, max(0.0, value)) if isfinite(value) else 0.0
