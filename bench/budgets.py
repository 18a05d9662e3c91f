"""How often a budget refuses a request that would have fitted, and by how much it is overrun: in virtual time,
with the counters that requests use.

Callers send one request after the other until the budget is spent. A refusal is false when the request, with what
it would really have cost, fits beside everything that was spent and that the requests under way will have cost.
"""

import random
from heapq import heappop, heappush
from typing import NamedTuple

from omniroute.ledger.budget_bounds import HARD_BYTES_PER_TOKEN, USUAL_BYTES_PER_TOKEN, dearest, usual
from omniroute.ledger.budget_lengths import Lengths
from omniroute.ledger.budget_till import Claim, Hold, Short, Till
from omniroute.ledger.budgets import Budget, Mode
from omniroute.ledger.cost import Rate, Sheet

LIMIT_MICRO_USD = 10_000_000
SHEET = Sheet(source="bench", input=Rate(3_000_000), output=Rate(15_000_000))
"""Three and fifteen dollars for a million tokens."""
CALLERS = (1, 16, 64)
MODEL_CAP = 64_000
CAPS = (1_000, 4_000, None)
"""What the callers allow an answer; None for as much as the model may."""
RUNS = 20


class Asked(NamedTuple):
    """Bytes, tokens, and seconds."""

    size: int
    tokens: int
    output: int
    took_s: float


class Came(NamedTuple):
    """Of all runs: requests until the budget was spent, those refused though they fitted, and micro-USD beyond."""

    asked: int
    refused: int
    overrun: int


def page() -> str:
    lines = [
        "| mode | callers | max_tokens | refused though it fitted | most overrun |",
        "|---|---:|---:|---:|---:|",
    ]
    for mode in ("standard", "hard"):
        for callers in CALLERS:
            for cap in CAPS:
                runs = [_run(mode, callers, cap, random.Random(seed)) for seed in range(RUNS)]
                asked, refused = sum(one.asked for one in runs), sum(one.refused for one in runs)
                overrun = max(one.overrun for one in runs) / LIMIT_MICRO_USD
                said = "none" if cap is None else f"{cap:,}"
                lines.append(f"| {mode} | {callers} | {said} | {refused / asked:.2%} | {overrun:.1%} |")
    return "\n".join(lines)


def _run(mode: Mode, callers: int, cap: int | None, chance: random.Random) -> Came:
    budget = Budget(id="b", scope="global", limit=LIMIT_MICRO_USD, mode=mode)
    till, lengths = Till(), Lengths()
    under_way: list[tuple[float, int, Hold, int, int]] = []
    spent = open_cost = asked = refused = number = 0
    now = 0.0
    while spent + open_cost < LIMIT_MICRO_USD:
        while len(under_way) < callers:
            request = _request(chance, cap)
            cost = usual(SHEET, request.tokens, request.output)
            asked += 1
            hold = till.reserve([Claim(budget, _bound(mode, request, cap, lengths), fit=True)], now)
            if isinstance(hold, Short):
                refused += spent + open_cost + cost <= LIMIT_MICRO_USD
                break
            number += 1
            open_cost += cost
            heappush(under_way, (now + request.took_s, number, hold, cost, request.output))
        if not under_way:
            break
        now, _, hold, cost, output = heappop(under_way)
        hold.settle(cost, guessed=False)
        lengths.note("p", "m", output)
        spent, open_cost = spent + cost, open_cost - cost
    return Came(asked, refused, max(0, spent + open_cost - LIMIT_MICRO_USD))


def _bound(mode: Mode, request: Asked, cap: int | None, lengths: Lengths) -> int:
    """As `pipeline.purse` reckons it."""
    most = MODEL_CAP if cap is None else cap
    if mode == "hard":
        return dearest(SHEET, -(-request.size // HARD_BYTES_PER_TOKEN), most)
    return usual(SHEET, -(-request.size // USUAL_BYTES_PER_TOKEN), min(lengths.p95("p", "m"), most))


def _request(chance: random.Random, cap: int | None) -> Asked:
    """A few thousand tokens in, a few hundred out, now and then many more of both."""
    tokens = round(chance.lognormvariate(7.5, 1.0))
    output = min(round(chance.lognormvariate(5.7, 1.0)), cap or MODEL_CAP)
    return Asked(
        size=round(tokens * chance.uniform(3.2, 4.8)), tokens=tokens, output=output, took_s=0.5 + output / 60
    )
