"""What a routing decision costs by itself: CPU time from a model's name to the first account to try.

No sockets: the choice is made in this process, as the pipeline makes it, and its route is started. The many are
20 providers with one model and 10 accounts each, under a combo; all of them were lately used, and have prices and
context windows. Between two choices, and not counted, a request begins and ends at the account that was chosen, so
that something has always changed. In a second scene every account has told the limits of its requests and tokens,
and tells them again with each answer. Explaining makes the choice again from what it left behind, with every
reason in words.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

from bench.timed import ROUNDS, Timed, take_turns
from omniroute.access.grant import LOCAL_GRANT
from omniroute.accounts.connection import Connection
from omniroute.catalog.lookup import Tables, catalog
from omniroute.catalog.models import Model, ModelTable
from omniroute.catalog.provider import Operation, Provider
from omniroute.ir.target import ModelFacts, Target
from omniroute.ledger.cost import Sheet
from omniroute.ledger.prices import OwnPrice, Prices
from omniroute.pipeline.candidates import Candidates
from omniroute.pipeline.choose import Choose, Chosen
from omniroute.pipeline.draws import Draws
from omniroute.routing.candidate import Candidate
from omniroute.routing.combo import STRATEGY_NAMES, Combo, ModelStep, StrategyName
from omniroute.routing.engine import Route
from omniroute.routing.explain import explained
from omniroute.routing.selection.reasons import because
from omniroute.routing.selection.rules import Rule, Selection
from omniroute.routing.strategy import Asked
from omniroute.server.system import SystemClock, SystemIds, SystemRng
from omniroute.snapshot.model import Snapshot
from omniroute.traffic.accounts import Accounts
from omniroute.traffic.pulse import Pulse

TARGETS, ACCOUNTS = 20, 10
ALONE_AIM_US, MANY_AIM_US, EXPLAIN_AIM_US = 10, 60, 300

_ALONE = "alone/model"
_BY_QUOTA: tuple[StrategyName, ...] = ("auto", "reset-aware")
_LIMIT = 1000
_ASKED = Asked(input_tokens=7000, max_output_tokens=4096, tools=True)


@dataclass(frozen=True)
class Costs:
    """CPU microseconds: of the choice and of its explanation by strategy, and of a model with one account."""

    alone: float
    yardstick: float
    """What `json.loads` takes for an object of 20 members, as the measure of the machine."""
    choices: Mapping[str, float]
    explanations: Mapping[str, float]
    telling: Mapping[str, float]
    """Choices where all accounts tell their limits, by strategies that look at them."""
    busy: float
    """The machine's load average before."""


def measure(rounds: int = ROUNDS) -> Costs:
    """All strategies over the same targets. Takes less than a minute."""
    busy = os.getloadavg()[0]
    scene = _Scene()
    alone = Timed(lambda: scene.decide(_ALONE))
    document = json.dumps({f"member_{number}": number for number in range(TARGETS)})
    yardstick = Timed(lambda: json.loads(document))
    choices = {name: scene.timed_choice(name) for name in STRATEGY_NAMES}
    explanations = {name: scene.timed_explanation(name) for name in STRATEGY_NAMES}
    second = _Scene(telling=True)
    telling = {name: second.timed_choice(name) for name in _BY_QUOTA}
    take_turns([alone, yardstick, *choices.values(), *telling.values(), *explanations.values()], rounds)
    return Costs(
        alone=alone.us,
        yardstick=yardstick.us,
        choices={name: one.us for name, one in choices.items()},
        explanations={name: one.us for name, one in explanations.items()},
        telling={name: one.us for name, one in telling.items()},
        busy=busy,
    )


def page(costs: Costs) -> str:
    """The tables, in Markdown."""
    slowest = max(costs.choices, key=lambda name: costs.choices[name])
    longest = max(costs.explanations, key=lambda name: costs.explanations[name])
    aims = (
        ("one target with one account", ALONE_AIM_US, costs.alone),
        (f"{TARGETS} x {ACCOUNTS} by priority", MANY_AIM_US, costs.choices["priority"]),
        (f"{TARGETS} x {ACCOUNTS}, the slowest strategy ({slowest})", MANY_AIM_US, costs.choices[slowest]),
        *(
            (f"{TARGETS} x {ACCOUNTS} that tell their limits, by {name}", MANY_AIM_US, us)
            for name, us in costs.telling.items()
        ),
        (f"its explanation, the slowest ({longest})", EXPLAIN_AIM_US, costs.explanations[longest]),
    )
    return "\n\n".join(
        (
            f"### Decisions: CPU µs, {TARGETS} targets with {ACCOUNTS} accounts each",
            "\n".join(
                [
                    "| strategy | to the choice | its explanation, on demand |",
                    "|---|---:|---:|",
                    *(
                        f"| {name} | {us:.0f} | {costs.explanations[name]:.0f} |"
                        for name, us in costs.choices.items()
                    ),
                ]
            ),
            f"`json.loads` of an object with {TARGETS} numbers took {costs.yardstick:.1f} µs at the same time."
            f" Load average before the run: {costs.busy:.1f}.",
            "\n".join(
                [
                    "| aim | measured | |",
                    "|---|---:|---|",
                    *(
                        f"| {what} ≤ {most} µs | {us:.1f} µs | {'met' if us <= most else '**not met**'} |"
                        for what, most, us in aims
                    ),
                ]
            ),
        )
    )


class _Scene:
    """A configuration with a combo for each strategy over the same targets, and what their traffic left behind."""

    def __init__(self, *, telling: bool = False) -> None:
        clock, rng, ids = SystemClock(), SystemRng(), SystemIds()
        names = [f"provider-{number:02}" for number in range(TARGETS)]
        rows = {name: _provider(name) for name in ("alone", *names)}
        connections = {name: _connections(name, 1 if name == "alone" else ACCOUNTS) for name in rows}
        own = {name: {"model": OwnPrice(input=0.5 + place, output=2.0)} for place, name in enumerate(names)}
        known = catalog(rows.values(), Tables())
        facts = ModelFacts(context_tokens=128_000, max_output_tokens=16_000, tools=True)
        model = Model(id="model", name="model", operation="chat", facts=facts)
        table = ModelTable({name: {"model": model} for name in rows}, {})
        steps = tuple(ModelStep(id=f"step-{name}", model=f"{name}/model", weight=5) for name in names)
        self.snapshot = Snapshot(
            revision=1,
            grants={},
            connections=connections,
            by_id={one.id: one for several in connections.values() for one in several},
            providers=rows,
            password_set=True,
            settings={},
            combos={name: Combo(id=name, name=name, strategy=name, steps=steps) for name in STRATEGY_NAMES},
            prices=own,
            selection=Selection(usual=Rule(strategy="round-robin")),
        )
        pulse, accounts, prices = Pulse(rng), Accounts(clock.monotonic), Prices(lambda: own)
        self._clock = clock
        self._waits_s = {name: 0.2 + place / 100 for place, name in enumerate(names)}
        self._chance = rng.random
        self._pulse = pulse
        self._accounts = accounts
        self._telling = telling

        def sheet(target: Target) -> Sheet | None:
            return prices.sheet(rows[target.provider], target.model, clock.now())

        self._choose = Choose(
            Candidates(known, lambda: table),
            pulse,
            Draws(accounts, clock.monotonic),
            sheet=sheet,
            seeds=ids.seed,
            now=clock.monotonic,
        )
        for name in STRATEGY_NAMES:
            for key, candidate in self.decide(name).placed():
                self._ask(name, key, candidate)

    def decide(self, name: str) -> Chosen:
        """What the pipeline does between the admission of a request and its first attempt."""
        chosen = self._choose.of(self.snapshot, name, None, LOCAL_GRANT, lambda: _ASKED)
        Route(chosen.candidates, {}, max_attempts=6).start(self._clock.monotonic())
        return chosen

    def timed_choice(self, name: str) -> Timed:
        latest = self.decide(name)

        def decide() -> None:
            nonlocal latest
            latest = self.decide(name)

        def ask() -> None:
            self._ask(name, *next(latest.placed()))

        return Timed(decide, between=ask)

    def _ask(self, combo: str, key: str, candidate: Candidate) -> None:
        """What a request leaves behind that is answered as this provider usually does."""
        now, wait_s = (
            self._clock.monotonic(),
            self._waits_s[candidate.target.provider] * (0.8 + 0.4 * self._chance()),
        )
        self._pulse.began(candidate.target, now)
        self._pulse.succeeded(candidate.target, now, wait_s)
        self._pulse.ended(candidate.target, 400, now)
        self._pulse.last_good[combo] = key
        if (seat := self._accounts.seat(candidate.account, now)) is not None:
            if self._telling:
                self._accounts.learned.hear(candidate.account.id, self._limits(), at=self._clock.now(), now=now)
            seat.answered(wait_s)
            seat.leave()

    def _limits(self) -> Mapping[str, str]:
        return {
            name: value
            for what in ("requests", "tokens")
            for name, value in (
                (f"x-ratelimit-limit-{what}", str(_LIMIT)),
                (f"x-ratelimit-remaining-{what}", str(round(_LIMIT * (0.4 + 0.5 * self._chance())))),
                (f"x-ratelimit-reset-{what}", f"{10 + 50 * self._chance():.1f}s"),
            )
        }

    def timed_explanation(self, name: str) -> Timed:
        chosen, branch = self._choose.rehearse(self.snapshot, self.snapshot.combos[name], LOCAL_GRANT, _ASKED)
        moment = chosen.moment
        assert moment is not None
        for _ in chosen.candidates:
            pass  # comes to every target, so that there are accounts to explain

        def explain() -> object:
            reasons = [
                because(moment.draws[key], one.account.id) for key, one in chosen.placed() if key in moment.draws
            ]
            return reasons, explained(
                branch, moment, unfit=chosen.unfit, ejected=chosen.ejected, unusable=chosen.unusable
            )

        return Timed(explain)


def _provider(name: str) -> Provider:
    return Provider(
        id=name,
        alias=name,
        name=name,
        base_url=f"https://{name}.test/v1",
        operations={"chat": Operation(codec="openai_chat")},
    )


def _connections(provider: str, count: int) -> tuple[Connection, ...]:
    return tuple(
        Connection(id=f"{provider}-{number}", provider=provider, name=str(number)) for number in range(count)
    )
