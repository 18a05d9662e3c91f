"""What is known about a combo's targets at the moment of a choice: how each does, what is left of its quota, and
what the request would cost there."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from omniroute.ir.target import Target
from omniroute.ledger.cost import Sheet, per_token_usd
from omniroute.pipeline.draws import Draws
from omniroute.pipeline.planting import Planted
from omniroute.routing.quota import Quota
from omniroute.routing.standing import Standing
from omniroute.routing.strategy import Asked
from omniroute.routing.tree import Leaf
from omniroute.traffic.pulse import Pulse

_USUAL_OUTPUT: Final = 500
"""Tokens of an answer, before a model has given one."""
_KEPT_S: Final = 1.0
_MAX_KEPT: Final = 1_000


class _Offer(msgspec.Struct, frozen=True):
    """What a leaf's model costs, in USD: a token more going in, and the `rest` of a request with an answer of
    usual length (`output` tokens). Both below its first tier."""

    key: str
    sheet: Sheet
    output: float
    per_input: float
    rest: float

    def cost_usd(self, tokens: int, most: float) -> float:
        given, made, once = per_token_usd(self.sheet, tokens)
        return tokens * given + min(self.output, most) * made + once


class _Offers(msgspec.Struct, frozen=True):
    """Of the leaves that have a price. They hold `until` then (monotonic seconds)."""

    leaves: Sequence[Leaf]
    until: float
    each: Sequence[_Offer]
    usual: Sequence[tuple[str, float, float]]
    """The key, `per_input` and `rest` of each."""
    tier_from: float
    """Tokens in from which the first of them has another price."""
    longest: float
    """The length of the longest usual answer."""


class Outlook:
    """`sheet` gives the ledger's prices, so that what looks cheapest is what will be billed least. It is asked
    once a second, as the pulse is for the length of answers, and whenever the configuration has changed."""

    def __init__(self, pulse: Pulse, draws: Draws, sheet: Callable[[Target], Sheet | None]) -> None:
        self._pulse = pulse
        self._draws = draws
        self._sheet = sheet
        self._offers: dict[str, _Offers] = {}

    def standings(self, planted: Planted, now: float, *, dry: bool) -> dict[str, Standing]:
        """By leaf key. Only a `dry` run may be made outside of the event loop."""
        if dry:
            return {leaf.key: self._pulse.standing(leaf.target, now) for leaf in planted.usable}
        return self._pulse.standings(planted.models, now)

    def quotas(self, planted: Planted, now: float, *, dry: bool) -> dict[str, Quota]:
        """By leaf key, empty when no account told any. Only a `dry` run may be made outside of the event loop."""
        if not self._draws.tells_quota:
            return {}
        return self._draws.quotas(planted.teams, now, dry=dry)

    def costs(self, planted: Planted, asked: Asked, now: float) -> dict[str, float]:
        """USD by leaf key, with an answer as long as that model's lately were, and no longer than was asked for;
        without those whose price nobody knows."""
        offers = self._offers.get(planted.branch.key)
        if offers is None or offers.leaves is not planted.usable or now >= offers.until:
            offers = self._look_up(planted, now)
        tokens = asked.input_tokens
        most = float("inf") if asked.max_output_tokens is None else asked.max_output_tokens
        if tokens > offers.tier_from or most < offers.longest:
            return {one.key: one.cost_usd(tokens, most) for one in offers.each}
        return {key: tokens * per_input + rest for key, per_input, rest in offers.usual}

    def _look_up(self, planted: Planted, now: float) -> _Offers:
        each = [
            _offer(leaf.key, sheet, self._pulse.output_tokens(leaf.target) or _USUAL_OUTPUT)
            for leaf in planted.usable
            if (sheet := self._sheet(leaf.target)) is not None
        ]
        tiers = [start for one in each for start, _ in (*one.sheet.input.tiers, *one.sheet.output.tiers)]
        if len(self._offers) >= _MAX_KEPT:
            self._offers.clear()
        found = self._offers[planted.branch.key] = _Offers(
            leaves=planted.usable,
            until=now + _KEPT_S,
            each=each,
            usual=[(one.key, one.per_input, one.rest) for one in each],
            tier_from=min(tiers, default=float("inf")),
            longest=max((one.output for one in each), default=0.0),
        )
        return found


def _offer(key: str, sheet: Sheet, output: float) -> _Offer:
    given, made, once = per_token_usd(sheet, 0)
    return _Offer(key, sheet, output, per_input=given, rest=output * made + once)
