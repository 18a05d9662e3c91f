"""How often a budget refuses a request that would have fitted, and by how much it is overrun: in virtual time,
with the counters that requests use.

Callers send one request after the other until the budget is spent. A refusal is false when the request, with what
it would really have cost, fits beside everything that was spent and that the requests under way will have cost.
Questions have nothing in common with each other. Conversations begin with the same instructions and tools, go on
for a while, and send all of it each time, as agents do.
"""

import random
from collections.abc import Callable
from heapq import heappop, heappush
from typing import NamedTuple, TypeAlias

from omniroute.ledger.budget_bounds import USUAL_BYTES_PER_TOKEN, dearest, usual
from omniroute.ledger.budget_counts import Counts
from omniroute.ledger.budget_lengths import Lengths
from omniroute.ledger.budget_reading import TEMPLATE_TOKENS, TOOLS_TOKENS, Reading
from omniroute.ledger.budget_till import Claim, Hold, Short, Till
from omniroute.ledger.budgets import Budget, Mode
from omniroute.ledger.cost import Rate, Sheet

LIMIT_MICRO_USD = 100_000_000
SHEET = Sheet(source="bench", input=Rate(3_000_000), output=Rate(15_000_000))
"""Three and fifteen dollars for a million tokens."""
CALLERS = (1, 16, 64)
MODEL_CAP = 64_000
CAPS = (1_000, 4_000, None)
"""What the callers allow an answer; None for as much as the model may."""
RUNS = 2
TURNS = 20
"""Requests of a conversation."""
INSTRUCTIONS = (48_000, 12_000)
"""Bytes and tokens of what all conversations begin with."""


class Asked(NamedTuple):
    """Tokens and seconds."""

    reading: Reading
    tokens: int
    output: int
    took_s: float


class Came(NamedTuple):
    """Of all runs: requests until the budget was spent, those refused though they fitted, and micro-USD beyond."""

    asked: int
    refused: int
    overrun: int


Work: TypeAlias = Callable[[random.Random, int | None], Asked]


def page() -> str:
    lines = [
        "| mode | requests | callers | max_tokens | refused though it fitted | most overrun |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for mode in ("standard", "hard"):
        for named, work in (("questions", lambda: _question), ("conversations", lambda: Talks().next)):
            for callers in CALLERS:
                for cap in CAPS:
                    runs = [_run(mode, callers, cap, work(), random.Random(seed)) for seed in range(RUNS)]
                    asked, refused = sum(one.asked for one in runs), sum(one.refused for one in runs)
                    overrun = max(one.overrun for one in runs) / LIMIT_MICRO_USD
                    said = "none" if cap is None else f"{cap:,}"
                    share = f"{refused / asked:.2%} | {overrun:.1%}"
                    lines.append(f"| {mode} | {named} | {callers} | {said} | {share} |")
    return "\n".join(lines)


def _run(mode: Mode, callers: int, cap: int | None, work: Work, chance: random.Random) -> Came:
    budget = Budget(id="b", scope="global", limit=LIMIT_MICRO_USD, mode=mode)
    till, lengths, counts = Till(), Lengths(), Counts()
    under_way: list[tuple[float, int, Hold, int, Asked]] = []
    spent = open_cost = asked = refused = number = 0
    now = 0.0
    while spent + open_cost < LIMIT_MICRO_USD:
        while len(under_way) < callers:
            request = work(chance, cap)
            cost = usual(SHEET, request.tokens, request.output)
            asked += 1
            bound = _bound(mode, request, cap, lengths, counts)
            hold = till.reserve([Claim(budget, bound, fit=True)], now)
            if isinstance(hold, Short):
                refused += spent + open_cost + cost <= LIMIT_MICRO_USD
                break
            number += 1
            open_cost += cost
            heappush(under_way, (now + request.took_s, number, hold, cost, request))
        if not under_way:
            break
        now, _, hold, cost, request = heappop(under_way)
        hold.settle(cost, guessed=False)
        lengths.note("p", "m", request.output)
        counts.note(request.reading, request.tokens, None)
        spent, open_cost = spent + cost, open_cost - cost
    return Came(asked, refused, max(0, spent + open_cost - LIMIT_MICRO_USD))


def _bound(mode: Mode, request: Asked, cap: int | None, lengths: Lengths, counts: Counts) -> int:
    """As `pipeline.purse` reckons it."""
    most = MODEL_CAP if cap is None else cap
    if mode == "hard":
        return dearest(SHEET, counts.most(request.reading, None), most)
    return usual(SHEET, request.reading.size // USUAL_BYTES_PER_TOKEN, min(lengths.p95("p", "m"), most))


def _question(chance: random.Random, cap: int | None) -> Asked:
    """A few thousand tokens in, a few hundred out, now and then many more of both."""
    tokens = round(chance.lognormvariate(7.5, 1.0))
    size = round(tokens * chance.uniform(3.2, 4.8))
    output = min(round(chance.lognormvariate(5.7, 1.0)), cap or MODEL_CAP)
    return _asked(size, tokens, output, ((b"", size), (chance.randbytes(16), 0)), TEMPLATE_TOKENS)


class Talks:
    """Conversations of one run, of which any may go on next."""

    def __init__(self) -> None:
        self._going_on: list[tuple[int, int, tuple[tuple[bytes, int], ...]]] = []

    def next(self, chance: random.Random, cap: int | None) -> Asked:
        """Some hundred tokens more than last time, most of them the result of a tool, and some hundred out."""
        size, tokens, steps = *INSTRUCTIONS, ((b"", INSTRUCTIONS[0]),)
        if self._going_on and chance.random() < 0.95:
            size, tokens, steps = self._going_on.pop(chance.randrange(len(self._going_on)))
        more = round(chance.lognormvariate(6.0, 1.0))
        added = round(more * chance.uniform(3.2, 4.8))
        size, tokens, steps = size + added, tokens + more, (*steps, (chance.randbytes(16), added))
        if len(steps) <= TURNS:
            self._going_on.append((size, tokens, steps))
        output = min(round(chance.lognormvariate(5.3, 0.8)), cap or MODEL_CAP)
        return _asked(size, tokens, output, steps, TEMPLATE_TOKENS + TOOLS_TOKENS)


def _asked(size: int, tokens: int, output: int, steps: tuple[tuple[bytes, int], ...], added: int) -> Asked:
    rest: list[int | None] = [0]
    for _, more in reversed(steps[1:]):
        rest.append((rest[-1] or 0) + more)
    rest.reverse()
    reading = Reading(
        model="p/m",
        size=size,
        most=size + added,
        chain=tuple(link for link, _ in steps),
        rest=tuple(rest),
        whole=True,
    )
    return Asked(reading=reading, tokens=tokens, output=output, took_s=0.5 + output / 60)
