"""Strict mode: no target gets a request that would lose meaning in translation."""

from collections.abc import Mapping
from typing import Final

from omniroute.dialects.base import Loss
from omniroute.errors import GatewayError, InvalidRequest
from omniroute.ir.target import Target
from omniroute.pipeline.call import Call
from omniroute.pipeline.prepare import Prepare
from omniroute.routing.candidate import Candidate, Exclusion
from omniroute.routing.lineup import Lineup

_NAMED: Final = 20
"""How many losses a message names; the rest are counted."""


class Strict:
    """Losses of quality and cost never refuse: nearly every translation has some, and they stay in the log and in
    the reply's header. Simple operations need no such check: what their codecs leave out is never of meaning."""

    def __init__(self, prepare: Prepare) -> None:
        self._prepare = prepare

    def faithful(
        self, call: Call, chosen: tuple[Candidate, ...] | Lineup
    ) -> tuple[tuple[Candidate, ...] | Lineup, list[Exclusion]]:
        """Those of `chosen` that may be tried, at least one, and why the others may not. All of them where
        nobody asked for strictness; otherwise it costs a translation for each target.

        Raises `InvalidRequest` 422 when every one would lose meaning, about the first; or what the first one's
        dialect raises about a request that it cannot carry at all."""
        if not is_strict(call):
            return chosen, []
        candidates = tuple(chosen)
        refusals = self._refusals(call, candidates)
        kept = tuple(candidate for candidate in candidates if candidate.target not in refusals)
        if not kept:
            call.candidate = candidates[0]
            raise refusals[candidates[0].target]
        return kept, [
            Exclusion(candidate=candidate, reason=refusals[candidate.target].message)
            for candidate in candidates
            if candidate.target in refusals
        ]

    def _refusals(self, call: Call, candidates: tuple[Candidate, ...]) -> Mapping[Target, GatewayError]:
        found: dict[Target, GatewayError] = {}
        for target in dict.fromkeys(candidate.target for candidate in candidates):
            try:
                losses = self._prepare.losses(call, target)
            except GatewayError as error:
                found[target] = error
                continue
            lost = [loss for loss in losses if loss.weight == "meaning" and loss.how != "added"]
            if lost:
                found[target] = _refusal(target, lost)
        return found


def is_strict(call: Call) -> bool:
    """Whether the caller, or the operator for its key, asked for strictness."""
    # The key's setting is the operator's word: a header cannot take it back.
    said = call.exchange.headers.get("x-omniroute-strict")
    return call.grant.strict or (said is not None and said.strip().lower() == "true")


def _refusal(target: Target, lost: list[Loss]) -> InvalidRequest:
    return InvalidRequest(
        f"strict: {target.provider}/{target.model} ({target.dialect}) would not get all of this request: "
        f"{_listed(lost)}. Leave that out, choose another model, or turn strict mode off",
        code="lossy_translation",
        status=422,
    )


def _listed(losses: list[Loss]) -> str:
    named = "; ".join(f"{loss.what} at {loss.path} ({loss.how})" for loss in losses[:_NAMED])
    more = len(losses) - _NAMED
    return f"{named}; and {more} more" if more > 0 else named
