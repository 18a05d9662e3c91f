"""The money of one request: what it may spend, what it has reserved, and what to say when there is not enough."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeAlias

import msgspec

from omniroute.clock import Clock
from omniroute.ir.failure import Failure
from omniroute.ir.result import Usage
from omniroute.ir.target import Target
from omniroute.ledger.budget_bounds import (
    TOKENS_PER_REFERENCE,
    UNKNOWN_OUTPUT_CAP,
    USUAL_BYTES_PER_TOKEN,
    dearest,
    usual,
)
from omniroute.ledger.budget_counts import Counts
from omniroute.ledger.budget_lengths import Lengths
from omniroute.ledger.budget_parts import PICTURE_TOKENS, most_tokens
from omniroute.ledger.budget_reading import TEMPLATE_TOKENS, Reading, read
from omniroute.ledger.budget_till import Claim, Hold, Short, Till
from omniroute.ledger.budgets import Budget, Budgets, Charge
from omniroute.ledger.cost import Cost, Sheet, cost
from omniroute.routing.candidate import Candidate

SheetOf: TypeAlias = Callable[[Target], Sheet | None]
"""The prices at a target; None where nobody knows."""

_USD: Final = 1_000_000


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What of a request its cost depends on. `size` is its bytes as far as they are read as text, and `body` these
    bytes; `again` is how many of them are read more than once, counted as often. `references` is how many pictures
    it only names, `most_output` how many tokens it allows an answer, `answers` how many it wants; `writes` is
    False for operations that answer without a text."""

    size: int
    body: bytes = b""
    again: int = 0
    references: int = 0
    most_output: int | None = None
    answers: int = 1
    writes: bool = True


class Purse:
    """`own` are the budgets that hold wherever the request is sent. Reserves for one attempt at a time; where a
    hard budget is among those of a candidate, what goes there is to be weighed before.

    `remark` is what the reply's head says of the fullest budget that is past its warning, if one is; `due` are the
    budgets whose warning came due with this request, and what was spent in them.
    """

    __slots__ = (
        "_budgets",
        "_clock",
        "_counts",
        "_hold",
        "_key_name",
        "_lengths",
        "_need",
        "_own",
        "_reading",
        "_sheet",
        "_till",
        "_unknown",
        "_window",
        "due",
        "remark",
    )

    def __init__(
        self,
        *,
        till: Till,
        lengths: Lengths,
        counts: Counts,
        sheet: SheetOf,
        unknown: Sheet,
        clock: Clock,
        budgets: Budgets,
        own: tuple[Budget, ...],
        need: Need,
        key_name: str,
    ) -> None:
        self._till = till
        self._lengths = lengths
        self._counts = counts
        self._sheet = sheet
        self._unknown = unknown
        self._clock = clock
        self._budgets = budgets
        self._own = own
        self._need = need
        self._key_name = key_name
        self._hold: Hold | None = None
        self._reading: Reading | None = None
        self._window: int | None = None
        self.remark: bytes | None = None
        self.due: tuple[tuple[Budget, int], ...] = ()

    def is_hard(self, candidate: Candidate) -> bool:
        """Whether what goes to `candidate` has to be weighed."""
        return any(budget.mode == "hard" for budget in self._several(candidate))

    def weigh(self, target: Target, body: bytes | None) -> None:
        """What is to be sent to the candidate that is reserved for next; None when that cannot be known."""
        self._reading = None if body is None else read(body, target)
        self._window = target.facts.context_tokens

    def reserve(self, candidate: Candidate) -> Failure | None:
        """Sets aside what an attempt may cost, and gives back what an earlier one had. None when it fits."""
        if self._hold is not None:
            self._hold.settle(0, guessed=False)
            self._hold = None
        now = self._clock.now()
        claims = self._claims(candidate)
        got = self._till.reserve(claims, now)
        if isinstance(got, Short):
            return self._refusal(got, now)
        self._hold = got
        self.remark = self._remark(claims, now)
        return None

    def short_of(self, candidate: Candidate) -> Budget | None:
        """The first budget of those that lead to a cheaper combo in which an attempt does not fit."""
        now = self._clock.now()
        for claim in self._claims(candidate):
            if claim.budget.action == "downgrade":
                level = self._till.level(claim.budget, now)
                if level.spent + level.held + claim.micro_usd > claim.budget.limit:
                    return claim.budget
        return None

    def mark(self, usage: Usage, known: Cost | None) -> tuple[Charge, ...]:
        """A stream has used so much until now. A little more is set aside for what follows, as far as there is
        money; where there is none, the stream goes on all the same."""
        hold = self._hold
        if hold is None:
            return ()
        spent = cost(self._unknown, usage).micro_usd if known is None else known.micro_usd
        hold.extend(spent + spent // 4)
        return hold.charge(spent, guessed=known is None)

    def settle(self, target: Target | None, usage: Usage | None, known: Cost | None) -> tuple[Charge, ...]:
        """The end: `usage` is None when nothing was used that anybody knows of. All of the reservation goes back,
        but what it really was."""
        hold, self._hold = self._hold, None
        if hold is None:
            return ()
        spent = 0 if known is None else known.micro_usd
        guessed = known is None and usage is not None
        if usage is not None and target is not None:
            self._lengths.note(target.provider, target.model, usage.output)
            if self._reading is not None and usage.input_total and not usage.estimated:
                self._counts.note(self._reading, usage.input_total, self._window)
            if known is None:
                spent = cost(self._unknown, usage).micro_usd
        charges = hold.settle(spent, guessed=guessed)
        self.due = tuple((budget, counter.spent) for budget, counter in hold.warnings())
        return charges

    def _several(self, candidate: Candidate) -> tuple[Budget, ...]:
        if not self._budgets.of_any_target:
            return self._own
        return self._own + self._budgets.of_target(candidate.target.provider, candidate.account.id)

    def _claims(self, candidate: Candidate) -> list[Claim]:
        target = candidate.target
        several = self._several(candidate)
        if not several:
            return []
        sheet = self._sheet(target) or self._unknown
        bounds: dict[str, int] = {}
        claims: list[Claim] = []
        for budget in several:
            bound = bounds.get(budget.mode)
            if bound is None:
                bound = bounds[budget.mode] = (self._hard if budget.mode == "hard" else self._usual)(target, sheet)
            claims.append(Claim(budget, bound, budget.action == "block"))
        return claims

    def _hard(self, target: Target, sheet: Sheet) -> int:
        need, reading = self._need, self._reading
        if reading is None:
            given = (most_tokens(need.body) if need.body else need.size) + need.again + TEMPLATE_TOKENS
            given += need.references * PICTURE_TOKENS
            most_output, answers = need.most_output, need.answers
        else:
            given = self._counts.most(reading, target.facts.context_tokens)
            most_output, answers = reading.most_output, reading.answers
        if not need.writes:
            return dearest(sheet, given, 0)
        cap = target.facts.max_output_tokens
        if most_output is None:
            made = UNKNOWN_OUTPUT_CAP if cap is None else cap
        else:
            made = most_output if cap is None else min(most_output, cap)
        return dearest(sheet, given, made * answers)

    def _usual(self, target: Target, sheet: Sheet) -> int:
        need = self._need
        given = need.size // USUAL_BYTES_PER_TOKEN + need.references * TOKENS_PER_REFERENCE
        if not need.writes:
            return usual(sheet, given, 0)
        made = self._lengths.p95(target.provider, target.model)
        if need.most_output is not None:
            made = min(made, need.most_output)
        return usual(sheet, given, made * need.answers)

    def _remark(self, claims: list[Claim], now: float) -> bytes | None:
        fullest: tuple[float, bytes] | None = None
        for budget, _, _ in claims:
            level = self._till.level(budget, now)
            share = level.spent / budget.limit
            if level.spent >= budget.warns_at and (fullest is None or share > fullest[0]):
                said = (
                    f"{budget.scope} {budget.period}; spent={_usd(level.spent)}; limit={_usd(budget.limit)}"
                    f"; resets={_moment(level.window.end)}"
                )
                fullest = share, said.encode("ascii", "replace")
        return None if fullest is None else fullest[1]

    def _refusal(self, short: Short, now: float) -> Failure:
        budget, end = short.budget, short.window.end
        whose = f"of the API key {self._key_name!r}" if budget.scope == "key" else _whose(budget)
        name = f"the {budget.period} budget {whose}"
        wanted = f"this request may cost up to {_usd(short.wanted)} USD"
        if short.wanted > budget.limit:
            return Failure(
                kind="payment",
                status=402,
                code="budget_exceeded",
                message=(
                    f"{wanted}, and {name} is {_usd(budget.limit)} USD in all; set a smaller limit for the answer"
                    " (max_tokens), or choose a cheaper model"
                ),
            )
        left = f"{name} of {_usd(budget.limit)} USD has {_usd(max(0, short.free))} USD left, and {wanted}"
        then = "it does not begin anew" if end is None else f"it begins anew at {_moment(end)}"
        return Failure(
            kind="payment",
            status=402,
            code="budget_exceeded",
            message=f"{left}; {then}",
            retry_after=None if end is None else max(1.0, end - now),
        )


def _whose(budget: Budget) -> str:
    return "of the gateway" if budget.scope == "global" else f"of the {budget.scope} {budget.subject!r}"


def _usd(micro_usd: int) -> str:
    """Two decimals, or as many as it has."""
    whole, rest = divmod(micro_usd, _USD)
    decimals = f"{rest:06}".rstrip("0")
    return f"{whole}.{decimals:0<2}"


def _moment(at: int | None) -> str:
    return "never" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
