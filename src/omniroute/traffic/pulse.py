"""What requests have lately been like at each target: load, speed, errors, health. In memory; one event loop."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol, TypeAlias

import msgspec

from omniroute.clock import Rng
from omniroute.ir.failure import Failure, FailureKind
from omniroute.ir.target import Target
from omniroute.routing.classify import UNSAID
from omniroute.routing.health import (
    WELL,
    Condition,
    answering,
    begun,
    calm,
    gone_badly,
    gone_well,
    health,
    withdrawn,
)
from omniroute.routing.resilience import DEFAULT, Category, Resilience
from omniroute.routing.standing import UNKNOWN, Standing
from omniroute.traffic.combo_metrics import ComboMetrics
from omniroute.traffic.retries import Retries
from omniroute.traffic.waits import Waits

_DECAY_S: Final = 30.0
_LEAST_S: Final = 1e-9
_FADE_S: Final = 1.0
_TOLD_S: Final = 1.0
_COUNTED_S: Final = 2.0
_MAX_TARGETS: Final = 10_000
PROVIDERS_FAULT: Final[frozenset[FailureKind]] = frozenset(
    {"server", "connect", "timeout", "cut", "protocol", "empty", "overloaded"}
)
"""Kinds that are samples of a provider's health. Limits and credentials are an account's affair."""


class Kept(Protocol):
    """Where breakers are written down, later and elsewhere."""

    def breaker(self, provider: str, model: str, condition: Condition) -> None:
        """It opened, or it closed."""
        ...


_Key: TypeAlias = tuple[str, str]


class _Beat(msgspec.Struct):
    """Moving averages that forget with time: what is older than `_DECAY_S` weighs less than a third."""

    in_flight: int = 0
    at: float = 0.0
    first_event_s: float | None = None
    spread_s: float = 0.0
    errors: float = 0.0
    seen: bool = False
    rate: float = 0.0
    output_tokens: float | None = None
    condition: Condition = WELL
    good: int = 0
    good_since: float = 0.0
    """Successes that the condition has not heard of yet: most of the time they are all there is."""

    def fade(self, now: float) -> None:
        faded = math.exp(-(now - self.at) / _DECAY_S)
        self.rate *= faded
        self.errors *= faded
        self.at = now

    def standing(self, now: float) -> Standing:
        faded = math.exp(-max(0.0, now - self.at) / _DECAY_S)
        first_event_s = self.first_event_s
        return Standing(
            in_flight=self.in_flight,
            rate=self.rate * faded,
            first_event_s=first_event_s,
            wait_log=None if first_event_s is None else math.log10(first_event_s + 2 * self.spread_s + _LEAST_S),
            spread_log=None if first_event_s is None else math.log10(self.spread_s + _LEAST_S),
            errors=self.errors * faded if self.seen else None,
            health="closed" if self.condition.open_until is None else health(self.condition, now),
        )

    def count_good(self) -> None:
        if self.good:
            self.condition = gone_well(self.condition, self.good_since, times=self.good)
            self.good = 0


class Pulse:
    """Every `began` is followed by exactly one of `succeeded`, `failed` or `abandoned`; a success by one `ended`,
    when the answer was delivered or given up: only then it counts as good."""

    def __init__(
        self, dice: Rng, rules: Callable[[], Resilience] = lambda: DEFAULT, kept: Kept | None = None
    ) -> None:
        self._dice = dice
        self._rules = rules
        self._kept = kept
        self._beats: dict[_Key, _Beat] = {}
        self._tripped: set[_Key] = set()
        """Whose breakers are not closed: mostly nobody's."""
        self._told: dict[_Key, Standing] = {}
        self._told_until = 0.0
        """Until then holds what was told of those to whom nothing has happened since."""
        self.turns: dict[str, int] = {}
        self.last_good: dict[str, str] = {}
        self.retries = Retries()
        self.waits = Waits()
        self.combos = ComboMetrics()

    def standing(self, target: Target, now: float) -> Standing:
        beat = self._beats.get((target.provider, target.model))
        return UNKNOWN if beat is None else beat.standing(now)

    def standings(self, models: Iterable[tuple[str, _Key]], now: float) -> dict[str, Standing]:
        """Of each provider and model, by the key that comes with it. What fades may be that of a second ago, all
        else is as it is now."""
        if now >= self._told_until:
            self._told.clear()
            self._told_until = now + _TOLD_S
        told = self._told
        return {key: told.get(model) or self._tell(model, now) for key, model in models}

    @property
    def well(self) -> bool:
        """Whether all breakers are closed."""
        return not self._tripped

    def failing(self, target: Target, now: float) -> bool:
        """Whether its breaker is open."""
        if not self._tripped or (key := (target.provider, target.model)) not in self._tripped:
            return False
        return health(self._beats[key].condition, now) == "open"

    def began(self, target: Target, now: float) -> None:
        beat = self._of(target)
        beat.in_flight += 1
        if now - beat.at >= _FADE_S:
            beat.fade(now)
        beat.rate += 1 / _DECAY_S
        if beat.condition.open_until is not None:
            beat.condition = begun(beat.condition, now)

    def succeeded(self, target: Target, now: float, first_event_s: float) -> None:
        beat = self._of(target)
        before = beat.first_event_s
        if before is None:
            beat.first_event_s = first_event_s
        else:
            # A slow answer counts at once, a quick one little by little: a struggling target must not look quick.
            weight = 0.5 if first_event_s > before else 0.2
            beat.first_event_s = before + weight * (first_event_s - before)
            beat.spread_s += 0.2 * (abs(first_event_s - before) - beat.spread_s)
        beat.seen = True
        if beat.errors:
            beat.errors *= 0.8
        if beat.condition.probing:
            beat.condition = answering(beat.condition, now)

    def failed(self, target: Target, failure: Failure, now: float, category: Category = "apikey") -> None:
        beat = self._of(target)
        beat.in_flight -= 1
        self._count_bad(target, beat, failure, now, category)

    def abandoned(self, target: Target) -> None:
        """The client left before there was anything to judge by."""
        beat = self._of(target)
        beat.in_flight -= 1
        beat.condition = withdrawn(beat.condition)

    def ended(
        self,
        target: Target,
        output_tokens: int,
        now: float,
        failure: Failure | None = None,
        category: Category = "apikey",
    ) -> None:
        """`failure` is why the answer did not come to its end."""
        beat = self._of(target)
        beat.in_flight -= 1
        if output_tokens:
            before = beat.output_tokens
            beat.output_tokens = output_tokens if before is None else before + 0.2 * (output_tokens - before)
        if failure is not None:
            self._count_bad(target, beat, failure, now, category)
        elif calm(beat.condition) and now - beat.good_since < _COUNTED_S:
            beat.good += 1
        else:
            beat.count_good()
            beat.good_since = now
            self._change(target, beat, gone_well(beat.condition, now))

    def conditions(self) -> Iterator[tuple[str, str, Condition]]:
        """Provider, model and how it is with each that was asked lately."""
        for (provider, model), beat in list(self._beats.items()):
            yield provider, model, beat.condition

    def restore(self, provider: str, model: str, condition: Condition) -> None:
        """What was written down before the process began."""
        self._beats[provider, model] = _Beat(condition=condition)
        if condition.open_until is not None:
            self._tripped.add((provider, model))

    def reset(self, provider: str | None = None) -> int:
        """Closes the breakers of `provider`, or all, and forgets what led to them. Returns how many were open."""
        closed = 0
        for key, beat in self._beats.items():
            if provider is not None and key[0] != provider:
                continue
            beat.good = 0
            closed += beat.condition.open_until is not None
            self._set(key, beat, WELL)
        return closed

    def output_tokens(self, target: Target) -> float | None:
        """How long answers have lately been."""
        beat = self._beats.get((target.provider, target.model))
        return None if beat is None else beat.output_tokens

    def take_turn(self, combo: str) -> None:
        self.turns[combo] = self.turns.get(combo, 0) + 1

    def _tell(self, key: _Key, now: float) -> Standing:
        beat = self._beats.get(key)
        if beat is None:
            return UNKNOWN
        standing = beat.standing(now)
        if beat.condition.open_until is None:
            self._told[key] = standing
        return standing

    def _count_bad(self, target: Target, beat: _Beat, failure: Failure, now: float, category: Category) -> None:
        if failure.kind not in PROVIDERS_FAULT:
            beat.condition = withdrawn(beat.condition)
            return
        if failure.code in UNSAID:  # half a failure for who compares targets, none for the breaker
            beat.errors += 0.1 * (1 - beat.errors)
            beat.seen = True
            beat.condition = withdrawn(beat.condition)
            return
        beat.errors += 0.2 * (1 - beat.errors)
        beat.seen = True
        beat.count_good()
        profile = self._rules().of(category)
        condition = gone_badly(
            beat.condition,
            now,
            jitter=self._dice.random(),
            in_a_row=profile.breaker_failures,
            first_s=profile.breaker_reset_s,
        )
        self._change(target, beat, condition)

    def _change(self, target: Target, beat: _Beat, condition: Condition) -> None:
        self._set((target.provider, target.model), beat, condition)

    def _set(self, key: _Key, beat: _Beat, condition: Condition) -> None:
        turned = condition.open_until != beat.condition.open_until
        beat.condition = condition
        self._told.pop(key, None)
        if condition.open_until is not None:
            self._tripped.add(key)
        else:
            self._tripped.discard(key)
        if turned and self._kept is not None:
            self._kept.breaker(*key, condition)

    def _of(self, target: Target) -> _Beat:
        key = (target.provider, target.model)
        beat = self._beats.get(key)
        if beat is None:
            if len(self._beats) >= _MAX_TARGETS:
                self._beats = {known: one for known, one in self._beats.items() if one.in_flight}
                self._tripped.intersection_update(self._beats)
            beat = self._beats[key] = _Beat()
        self._told.pop(key, None)
        return beat
