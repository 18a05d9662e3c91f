"""How much a model may think: effort words and budgets of other dialects as `thinkingConfig`.

The budgets of the words are those of the data-plane specification, section 8.6; the least and the most a model
takes are from ai.google.dev/gemini-api/docs/thinking ("Thinking budgets").
"""

import re
from typing import NamedTuple

from omniroute.dialects.losses import Losses
from omniroute.ir.json import JsonObject
from omniroute.ir.request import Thinking
from omniroute.ir.target import Target

AS_IT_LIKES = -1
"""The budget that leaves the amount to the model."""

_CHAT_BUDGETS = {"none": 0, "minimal": 512, "low": 1024, "medium": 8192, "high": 32_768}
_ANTHROPIC_BUDGETS = {"none": 0, "minimal": 512, "low": 1024, "medium": 10_240, "high": 32_768}
_MOST = 131_072


class _Range(NamedTuple):
    least: int
    most: int
    may_stop: bool


_RANGES = (
    (re.compile(r"gemini-2\.5-flash-lite"), _Range(512, 24_576, True)),
    (re.compile(r"gemini-2\.5-flash"), _Range(1, 24_576, True)),
    (re.compile(r"gemini-(?:2\.5|3[^-]*)-pro"), _Range(128, 32_768, False)),
)
_ANY = _Range(1, 32_768, True)
_NEVER_THINKS = re.compile(r"(?:.*/)?gemma|gemini-(?:1\.|2\.0)")


def fit_thinking(thinking: Thinking | None, dialect: str, target: Target, losses: Losses) -> JsonObject | None:
    """The `thinkingConfig` for what a client of `dialect` asked; None when there is nothing to say."""
    if thinking is None:
        return None
    losses.foreign("thinking", thinking.extra)
    budget = _asked(thinking, dialect, losses)
    if thinking.summary not in (None, "auto") and budget != 0 and _thinks(target):
        losses.approximated("thinking.summary", "length of the summary", "quality")
    if budget is None:
        return {"includeThoughts": True} if thinking.summary is not None and _thinks(target) else None
    if not _thinks(target):
        if budget:
            losses.dropped("thinking", "thinking of a model that has none", "quality")
        return None
    limits = next((limits for model, limits in _RANGES if model.search(target.model)), _ANY)
    if budget == 0 and limits.may_stop:
        return {"thinkingBudget": 0}
    if budget == 0:
        losses.approximated("thinking", "no thinking as little thinking", "cost")
        return {"thinkingBudget": limits.least}
    if budget != AS_IT_LIKES:
        granted = max(limits.least, min(budget, limits.most))
        if granted != budget:
            losses.approximated("thinking", f"budget of {budget} tokens as {granted}", "quality")
        budget = granted
    return {"thinkingBudget": budget, "includeThoughts": True}


def _asked(thinking: Thinking, dialect: str, losses: Losses) -> int | None:
    """The budget that was asked for; None when nothing was. Of effort and budget the effort counts."""
    if thinking.mode == "disabled":
        return 0
    if thinking.effort is not None:
        budgets = _ANTHROPIC_BUDGETS if dialect == "anthropic" else _CHAT_BUDGETS
        budget = budgets.get(thinking.effort.lower(), _MOST)
        if thinking.effort.lower() not in (*budgets, "xhigh", "max"):
            losses.approximated("thinking.effort", f"effort {thinking.effort}", "quality")
        if thinking.budget_tokens is not None:
            losses.dropped("thinking.budget_tokens", "budget beside an effort", "quality")
        return budget
    if thinking.budget_tokens is not None:
        return max(thinking.budget_tokens, 0)
    return None if thinking.mode is None else AS_IT_LIKES


def _thinks(target: Target) -> bool:
    return target.facts.reasoning is not False and _NEVER_THINKS.match(target.model) is None
