"""How much a Claude model may think, wherever it is served: effort words to budgets, fitted under its limit.

The budgets of the words and the rule that fits them are those of the data-plane specification, section 8.6: room
for the answer first, then as much of the budget as the model's limit leaves. The API demands a budget of at least
1,024 tokens that is smaller than the output limit.
"""

import re
from typing import Literal, NamedTuple

from omniroute.dialects.losses import Losses
from omniroute.ir.json import JsonObject
from omniroute.ir.request import Thinking
from omniroute.ir.target import Target

DEFAULT_LIMIT = 64_000
"""Tokens of output, where neither the caller nor the catalog knows a limit."""

_LEAST_BUDGET = 1024
_BUDGETS = {"low": 1024, "medium": 10_240, "high": 131_072, "xhigh": 131_072, "max": 131_072}
_FAMILY = re.compile(r"claude-(?:opus|sonnet|haiku|fable|mythos)-(?:(\d{1,2})(?:-(\d{1,2}))?(?!\d)|preview)")


class Granted(NamedTuple):
    """What the model is told. `budget` is of `enabled` thinking, and `limit` the output limit with room for it;
    None leaves the limit what it was. An `effort` may stand without thinking."""

    mode: Literal["adaptive", "enabled"] | None = None
    effort: str | None = None
    budget: int = 0
    limit: int | None = None


def thinks_adaptively(model: str) -> bool:
    """Whether the model decides for itself how much to think, and takes an effort word instead of a budget.

    From version 4.6 on (anthropic SDK 2.12 warns about budgets for claude-opus-4-6 and claude-mythos-preview;
    Opus 4.7 and later refuse them: platform.claude.com/docs, "Adaptive thinking").
    """
    family = _FAMILY.search(model)
    if family is None:
        return False
    if family[1] is None:
        return True
    return (int(family[1]), int(family[2] or 0)) >= (4, 6)


def granted(
    thinking: Thinking,
    room: int | None,
    target: Target,
    *,
    inability: str | None,
    obstacle: str | None,
    adaptive_obstacle: str | None,
    losses: Losses,
) -> Granted:
    """What becomes of `thinking` beside an answer of `room` tokens (None: nobody said how long it may be).

    `inability` says why the model is never told to think, `obstacle` why the API would refuse a budget now,
    `adaptive_obstacle` why it would refuse any thinking.
    """
    losses.foreign("thinking", thinking.extra)
    if thinking.summary is not None:
        losses.dropped("thinking.summary", "summary of the thinking", "cost")
    if thinking.mode == "disabled":
        return Granted()
    word = thinking.effort if thinking.effort not in (None, "none", "minimal") else None
    if thinking.effort == "minimal":
        losses.approximated("thinking.effort", "minimal effort as no thinking", "quality")
    if word is None and thinking.budget_tokens is None and thinking.mode is None:
        return Granted()
    if inability is not None:
        losses.dropped("thinking", inability, "quality")
        return Granted()
    if thinks_adaptively(target.model):
        return _adaptive(thinking, word, adaptive_obstacle, losses)
    if obstacle is not None:
        losses.dropped("thinking", obstacle, "quality")
        return Granted()
    budget = thinking.budget_tokens
    if budget is None:
        budget = _BUDGETS.get(word or "medium", _BUDGETS["medium"])
        if word is not None and word not in _BUDGETS:
            losses.approximated("thinking.effort", f"effort {word}", "quality")
    return _budgeted(max(budget, _LEAST_BUDGET), room, target, losses)


def wire_thinking(given: Granted) -> JsonObject | None:
    """The member `thinking`, which has the same form everywhere; None where there is none."""
    match given.mode:
        case "adaptive":
            return {"type": "adaptive"}
        case "enabled":
            return {"type": "enabled", "budget_tokens": given.budget}
        case None:
            return None


def _adaptive(thinking: Thinking, word: str | None, obstacle: str | None, losses: Losses) -> Granted:
    effort = word if word in _BUDGETS else None
    if word is not None and effort is None:
        losses.approximated("thinking.effort", f"effort {word}", "quality")
    if thinking.budget_tokens is not None and effort is None:
        losses.approximated("thinking.budget_tokens", "budget as adaptive thinking", "quality")
    if obstacle is not None:
        losses.dropped("thinking", obstacle, "quality")
        return Granted(effort=effort)
    return Granted("adaptive", effort)


def _budgeted(budget: int, room: int | None, target: Target, losses: Losses) -> Granted:
    """Room for the answer first, then as much of the budget as the model's limit leaves."""
    cap = target.facts.max_output_tokens or max(DEFAULT_LIMIT, room or 0)
    if room is None:
        # Nobody named a room for the answer: a quarter of everything is kept for it.
        limit, given = cap, min(budget, cap - cap // 4)
    else:
        least = max(room, _LEAST_BUDGET)
        limit = min(least + budget, cap)
        given = limit - least
        if given < _LEAST_BUDGET:
            limit, given = cap, min(budget, cap - _LEAST_BUDGET)
    if given < _LEAST_BUDGET:
        losses.dropped("thinking", "thinking that does not fit the output limit", "quality")
        return Granted()
    if given < budget:
        losses.approximated("thinking", f"budget of {budget} tokens cut to {given}", "quality")
    if room is not None and limit > room:
        losses.approximated("sampling.max_output_tokens", "output limit raised by the thinking budget", "cost")
    return Granted("enabled", None, given, limit)
