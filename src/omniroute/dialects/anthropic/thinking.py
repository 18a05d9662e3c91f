"""How much a model may think and say: effort words to budgets, fitted under the model's limit.

The budgets of the words and the rule that fits them are those of the data-plane specification, section 8.6; the
API demands a budget of at least 1,024 tokens that is smaller than `max_tokens`.
"""

import re
from typing import NamedTuple

from omniroute.dialects.losses import Losses
from omniroute.ir.json import JsonObject
from omniroute.ir.request import Thinking
from omniroute.ir.target import Target

LEAST_BUDGET = 1024
DEFAULT_MAX_TOKENS = 64_000
"""`max_tokens` is required; this stands in when neither the caller nor the catalog knows a limit."""

_BUDGETS = {"low": 1024, "medium": 10_240, "high": 131_072, "xhigh": 131_072, "max": 131_072}
_FAMILY = re.compile(r"claude-(?:opus|sonnet|haiku|fable|mythos)-(?:(\d{1,2})(?:-(\d{1,2}))?(?!\d)|preview)")


class Limits(NamedTuple):
    max_tokens: int
    thinking: JsonObject | None = None
    effort: str | None = None


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


def fit_thinking(
    thinking: Thinking | None,
    asked: int | None,
    target: Target,
    *,
    obstacle: str | None,
    adaptive_obstacle: str | None,
    losses: Losses,
) -> Limits:
    """Limits for a caller who asked for `asked` tokens (None: did not say) and for `thinking`.

    `obstacle` says why the API would refuse a budget now, `adaptive_obstacle` why it would refuse any thinking.
    """
    plain = Limits(_max_tokens(asked, target, losses))
    if thinking is None:
        return plain
    losses.foreign("thinking", thinking.extra)
    if thinking.summary is not None:
        losses.dropped("thinking.summary", "summary of the thinking", "cost")
    if thinking.mode == "disabled":
        return plain._replace(thinking={"type": "disabled"})
    word = thinking.effort if thinking.effort not in (None, "none", "minimal") else None
    if thinking.effort == "minimal":
        losses.approximated("thinking.effort", "minimal effort as no thinking", "quality")
    if word is None and thinking.budget_tokens is None and thinking.mode is None:
        return plain
    if target.facts.reasoning is False:
        losses.dropped("thinking", "thinking of a model that has none", "quality")
        return plain
    if thinks_adaptively(target.model):
        return _adaptive(thinking, word, plain, adaptive_obstacle, losses)
    if obstacle is not None:
        losses.dropped("thinking", obstacle, "quality")
        return plain
    budget = thinking.budget_tokens
    if budget is None:
        budget = _BUDGETS.get(word or "medium", _BUDGETS["medium"])
        if word is not None and word not in _BUDGETS:
            losses.approximated("thinking.effort", f"effort {word}", "quality")
    return _budgeted(max(budget, LEAST_BUDGET), asked, target, plain, losses)


def _adaptive(thinking: Thinking, word: str | None, plain: Limits, obstacle: str | None, losses: Losses) -> Limits:
    effort = word if word in _BUDGETS else None
    if word is not None and effort is None:
        losses.approximated("thinking.effort", f"effort {word}", "quality")
    if thinking.budget_tokens is not None and effort is None:
        losses.approximated("thinking.budget_tokens", "budget as adaptive thinking", "quality")
    if obstacle is not None:
        losses.dropped("thinking", obstacle, "quality")
        return plain._replace(effort=effort)
    return plain._replace(thinking={"type": "adaptive"}, effort=effort)


def _max_tokens(asked: int | None, target: Target, losses: Losses) -> int:
    cap = target.facts.max_output_tokens
    if asked is None:
        losses.added("sampling.max_output_tokens", "output limit", "cost")
        return cap or DEFAULT_MAX_TOKENS
    if cap is not None and asked > cap:
        losses.approximated("sampling.max_output_tokens", "output limit above the model's own", "cost")
        return cap
    return asked


def _budgeted(budget: int, asked: int | None, target: Target, plain: Limits, losses: Losses) -> Limits:
    """Room for the answer first, then as much of the budget as the model's limit leaves."""
    cap = target.facts.max_output_tokens or max(DEFAULT_MAX_TOKENS, plain.max_tokens)
    if asked is None:
        # Nobody named a room for the answer: a quarter of everything is kept for it.
        limit, granted = cap, min(budget, cap - cap // 4)
    else:
        room = max(plain.max_tokens, LEAST_BUDGET)
        limit = min(room + budget, cap)
        granted = limit - room
        if granted < LEAST_BUDGET:
            limit, granted = cap, min(budget, cap - LEAST_BUDGET)
    if granted < LEAST_BUDGET:
        losses.dropped("thinking", "thinking that does not fit the output limit", "quality")
        return plain
    if granted < budget:
        losses.approximated("thinking", f"budget of {budget} tokens cut to {granted}", "quality")
    if asked is not None and limit > asked:
        losses.approximated("sampling.max_output_tokens", "output limit raised by the thinking budget", "cost")
    return Limits(limit, {"type": "enabled", "budget_tokens": granted})
