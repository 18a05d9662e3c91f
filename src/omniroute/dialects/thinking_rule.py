"""How much models may think, as the operator or a header rules it, whatever the client asked for. Pure.

The modes, the tokens of the words and the factors are those of the routing specification, section 15.6.
"""

from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from omniroute.dialects.base import Loss
from omniroute.dialects.claude_thinking import thinks_adaptively
from omniroute.dialects.losses import Losses
from omniroute.ir.parts import Text
from omniroute.ir.request import GenerateRequest, Thinking
from omniroute.ir.target import Target

ThinkingMode: TypeAlias = Literal["passthrough", "auto", "custom", "adaptive"]
EffortLevel: TypeAlias = Literal["none", "low", "medium", "high", "xhigh"]

EFFORT_TOKENS: Final[dict[EffortLevel, int]] = {
    "none": 0,
    "low": 1024,
    "medium": 10_240,
    "high": 131_072,
    "xhigh": 131_072,
}
_LEAST: Final = 1024
"""Anthropic takes no smaller budget."""
_MANY_TURNS: Final = 10
_MANY_TOOLS: Final = 3
_LONG_TEXT: Final = 2000


class ThinkingRule(msgspec.Struct, frozen=True, kw_only=True):
    """`passthrough` leaves it to the client, `auto` to the provider. `custom` grants `custom_budget` tokens (0: no
    thinking) to every model that can think, `adaptive` those of `effort_level`, and more for longer work, where
    the client says nothing."""

    mode: ThinkingMode = "passthrough"
    custom_budget: int = 10_240
    effort_level: EffortLevel = "medium"


class Ruled(NamedTuple):
    """What is asked of the model instead of what the client asked."""

    granted: Thinking | None
    losses: tuple[Loss, ...]


def ruled(rule: ThinkingRule, request: GenerateRequest, target: Target) -> Ruled | None:
    """None where nothing changes at `target`."""
    asked = request.thinking
    if rule.mode == "passthrough":
        return None
    if rule.mode == "auto" or target.facts.reasoning is False:
        wanted = None
    elif asked is not None and rule.mode == "adaptive":
        return None
    elif asked is None and target.facts.reasoning is None:
        return None  # it may not know what thinking is
    else:
        wanted = _shaped(_fitted(_budget(rule, request), request, target), request, target)
    if wanted == asked:
        return None
    losses = Losses()
    if wanted is None:
        losses.dropped("thinking", "thinking by rule", "quality")
    elif asked is None:
        losses.added("thinking", "thinking by rule", "quality")
    else:
        losses.approximated("thinking", "thinking by rule", "quality")
    return Ruled(wanted, tuple(losses))


def _budget(rule: ThinkingRule, request: GenerateRequest) -> int:
    if rule.mode == "custom":
        return rule.custom_budget
    factor = 1.0
    if len(request.turns) > _MANY_TURNS:
        factor += 0.5
    if len(request.tools) > _MANY_TOOLS:
        factor += 0.5
    if _last_text(request) > _LONG_TEXT:
        factor += 0.3
    return round(EFFORT_TOKENS[rule.effort_level] * factor)


def _last_text(request: GenerateRequest) -> int:
    for turn in reversed(request.turns):
        if turn.role == "user":
            return sum(len(part.text) for part in turn.parts if isinstance(part, Text))
    return 0


def _fitted(budget: int, request: GenerateRequest, target: Target) -> int:
    """Below what the whole answer may have; 0 where that leaves too little."""
    limits = (request.sampling.max_output_tokens, target.facts.max_output_tokens)
    room = min((limit for limit in limits if limit is not None), default=None)
    if room is not None and budget >= room:
        budget = room - 1
    return budget if budget >= _LEAST or budget <= 0 else (_LEAST if room is None or room > _LEAST else 0)


def _shaped(budget: int, request: GenerateRequest, target: Target) -> Thinking | None:
    """In the terms of the target where the client speaks its dialect; a translation knows how to turn a budget
    into all others."""
    asked = request.thinking or Thinking()
    kept = Thinking(summary=asked.summary, extra=asked.extra)
    native = request.dialect if request.dialect == target.dialect else ""
    if budget <= 0:
        if native.startswith("openai"):
            return None
        off = msgspec.structs.replace(kept, summary=None, mode="disabled")
        return msgspec.structs.replace(off, mode=None, budget_tokens=0) if native == "gemini" else off
    word = _word(budget)
    if native.startswith("openai"):
        return msgspec.structs.replace(kept, effort=word)
    if native == "ollama":
        return msgspec.structs.replace(kept, mode=None, effort="high" if word == "xhigh" else word)
    if native == "gemini":
        return msgspec.structs.replace(kept, budget_tokens=budget)
    if native == "anthropic" and thinks_adaptively(target.model):
        return msgspec.structs.replace(kept, mode="adaptive", effort=word)
    return msgspec.structs.replace(kept, mode="enabled", budget_tokens=budget)


def _word(budget: int) -> EffortLevel:
    if budget <= EFFORT_TOKENS["low"]:
        return "low"
    if budget <= EFFORT_TOKENS["medium"]:
        return "medium"
    return "high" if budget < EFFORT_TOKENS["high"] else "xhigh"
