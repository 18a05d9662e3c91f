"""Which requests have a purse, and what is taken from it when. Only asked while there are budgets."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias, cast

import msgspec

from omniroute.access.grant import Grant
from omniroute.clock import Clock
from omniroute.dialects.envelope import Envelope
from omniroute.dialects.look import as_array, as_text
from omniroute.errors import GatewayError
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonValue
from omniroute.ledger.budget_counts import Counts
from omniroute.ledger.budget_lengths import Lengths
from omniroute.ledger.budget_parts import most_tokens
from omniroute.ledger.budget_till import Till
from omniroute.ledger.budgets import Budgets
from omniroute.ledger.cost import Rate, Sheet
from omniroute.pipeline.call import Call
from omniroute.pipeline.inquiry import Inquiry
from omniroute.pipeline.purse import Need, Purse, SheetOf
from omniroute.pipeline.visit import Visit
from omniroute.routing.candidate import Candidate
from omniroute.snapshot.model import Snapshot

BodyFor: TypeAlias = Callable[[Candidate], Awaitable[bytes | None]]
"""What would be sent to a candidate; None where that is an error, which the attempt will tell."""

_PICO_PER_USD_PER_MILLION: Final = 1_000_000
_PRICES_S: Final = 5.0
_LIMITS: Final = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_NESTED: Final = {"generationConfig": "maxOutputTokens", "options": "num_predict"}
_COUNTS: Final = ("n", "best_of")
_REFERENCES: Final = (b'"image_url"', b'"input_image"', b'"file_id"', b'"fileUri"', b'"file_uri"', b'"file_url"')
_WRITES: Final = frozenset(("chat", "responses", "completions"))
_READS: Final = _WRITES | frozenset(("embeddings", "moderations", "rerank", "speech"))
_UNREAD_SIZE: Final = 4_000
"""Bytes that a form with a recording or a picture counts for: its cost does not follow from its length."""


def unknown_prices(input_usd: float = 15.0, output_usd: float = 75.0) -> Sheet:
    """What budgets are charged for a model whose price nobody knows; USD per million tokens."""
    return Sheet(
        source="unknown",
        input=Rate(round(input_usd * _PICO_PER_USD_PER_MILLION)),
        output=Rate(round(output_usd * _PICO_PER_USD_PER_MILLION)),
    )


class Spending:
    """`sheet` gives the prices at a target. Until `priced` was called, requests with budgets wait for the price
    lists, 5 s at most: they come within about a second of the start."""

    def __init__(self, clock: Clock, sheet: SheetOf, unknown: Sheet | None = None) -> None:
        self._clock = clock
        self._sheet = sheet
        self._unknown = unknown or unknown_prices()
        self._prices = asyncio.Event()
        self.till = Till()
        self._lengths = Lengths()
        self._counts = Counts()

    def priced(self) -> None:
        """The price lists are here. On the event loop."""
        self._prices.set()

    async def begin(self, visit: Visit, budgets: Budgets, snapshot: Snapshot) -> str | None:
        """Gives `visit`, whose candidates are chosen, a purse if a budget is about it. Returns the name of the
        combo that is to serve it instead, if one says so. Raises `GatewayError` when that combo is not there."""
        own = budgets.of_caller(visit.grant.key_id, visit.grant.tags)
        if not own and not budgets.of_any_target:
            return None
        if not self._prices.is_set():
            try:
                await asyncio.wait_for(self._prices.wait(), _PRICES_S)
            except TimeoutError:
                self._prices.set()  # they do not come; what has no price is charged as unknown
        purse = visit.purse = Purse(
            till=self.till,
            lengths=self._lengths,
            counts=self._counts,
            sheet=self._sheet,
            unknown=self._unknown,
            clock=self._clock,
            budgets=budgets,
            own=own,
            need=_need(visit),
            key_name=visit.grant.name,
        )
        assert visit.chosen is not None
        short = purse.short_of(next(iter(visit.chosen.candidates)))
        if short is None or short.downgrade_to is None or short.downgrade_to == visit.model:
            return None
        if short.downgrade_to not in snapshot.combos:
            raise GatewayError(
                402,
                f"the {short.named} is spent, and its combo {short.downgrade_to!r} is not there any more",
                code="budget_exceeded",
            )
        visit.remarks += ((b"x-omniroute-downgraded", short.downgrade_to.encode("ascii", "replace")),)
        return short.downgrade_to


def unlimited(grant: Grant) -> Grant:
    """The same caller, with every model allowed: where a budget sends it is the operator's choice."""
    return msgspec.structs.replace(grant, models=())


async def afford(visit: Visit, candidate: Candidate, body: BodyFor | None) -> Failure | None:
    """Sets money aside for an attempt at `candidate`, in place of what an earlier attempt had; what to say when
    there is not enough. `visit` has a purse; `body` says what would be sent, where that can be known before."""
    purse = visit.purse
    assert purse is not None
    if body is not None and purse.is_hard(candidate):
        purse.weigh(candidate.target, await body(candidate))
    before = purse.remark
    short = purse.reserve(candidate)
    if short is None and purse.remark is not None and before is None:
        visit.remarks += ((b"x-omniroute-budget", purse.remark),)
    return short


def most_output(visit: Visit) -> int | None:
    """How many tokens a request allows its answers together; None when it does not say."""
    need = _need(visit)
    return None if need.most_output is None else need.most_output * need.answers


def _need(visit: Visit) -> Need:
    if isinstance(visit, Call):
        return _of_envelope(visit.envelope, visit.asked)
    question = visit.question if isinstance(visit, Inquiry) else None
    fields: Mapping[str, JsonValue] = {} if question is None else question.fields
    reads = visit.operation in _READS
    return Need(
        size=visit.asked if reads else _UNREAD_SIZE,
        body=question.raw if reads and question is not None else b"",
        again=_read_again(fields) if visit.operation == "rerank" else 0,
        most_output=_positive(fields.get("max_tokens")),
        answers=_questions(fields) * max((_positive(fields.get(name)) or 1 for name in _COUNTS), default=1),
        writes=visit.operation in _WRITES,
    )


def _questions(fields: Mapping[str, JsonValue]) -> int:
    """How many prompts a request of `completions` has; each gets answers of its own. A list of numbers is one."""
    prompt = as_array(fields.get("prompt"))
    return sum(1 for one in prompt if not isinstance(one, int)) or 1 if prompt is not None else 1


def _read_again(fields: Mapping[str, JsonValue]) -> int:
    """Some who rerank read the query with every document, and bill it as often."""
    return most_tokens((as_text(fields.get("query")) or "").encode()) * len(
        as_array(fields.get("documents")) or ()
    )


def _of_envelope(envelope: Envelope, size: int) -> Need:
    fields = envelope.fields
    limits = [_positive(_decoded(fields.get(name))) for name in _LIMITS]
    answers = [_positive(_decoded(fields.get(name))) for name in _COUNTS]
    for name, inner in _NESTED.items():
        nested = _decoded(fields.get(name))
        if isinstance(nested, dict):
            members = cast("dict[str, JsonValue]", nested)
            limits.append(_positive(members.get(inner)))
            answers.append(_positive(members.get("candidateCount")))
    known = [limit for limit in limits if limit is not None]
    return Need(
        size=size,
        body=envelope.body,
        references=sum(envelope.body.count(mark) for mark in _REFERENCES),
        most_output=max(known) if known else None,
        answers=max(count or 1 for count in answers),
    )


def _decoded(raw: msgspec.Raw | None) -> JsonValue:
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return None


def _positive(value: JsonValue) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
