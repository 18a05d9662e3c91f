"""How much a model thinks: `think`, which is a switch for most models and a word for some.

Ollama answers 400 to a word for a model that only has the switch, and to the switch for a model that cannot think
(docs.ollama.com/capabilities/thinking; musistudio/claude-code-router issue 1093). Words are sent to the gpt-oss
family only, which has no switch.
"""

from omniroute.dialects.look import kind_of
from omniroute.dialects.losses import Losses
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject
from omniroute.ir.request import Thinking
from omniroute.ir.target import Target

_SWITCHED_ON = Thinking(mode="enabled", effort="medium")
_SWITCHED_OFF = Thinking(effort="none")
_LEVELS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_LOW_BUDGET = 1024
_MEDIUM_BUDGET = 10_240


def decode_thinking(rest: JsonObject) -> Thinking | None:
    """True is a medium effort for dialects that have no switch, false is none."""
    value = rest.pop("think", None)
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return _SWITCHED_ON if value else _SWITCHED_OFF
    if not isinstance(value, str):
        raise InvalidRequest(f"think: expected true, false, low, medium or high, got {kind_of(value)}")
    return Thinking(effort=value)


def encode_thinking(thinking: Thinking, target: Target, *, native: bool, losses: Losses) -> bool | str | None:
    """`think` for the target; None when nothing needs to be said."""
    if native and thinking == _SWITCHED_ON:
        return True
    if native and thinking == _SWITCHED_OFF:
        return False
    if native and thinking == Thinking(effort=thinking.effort):
        return thinking.effort
    losses.foreign("thinking", thinking.extra)
    if thinking.summary is not None:
        losses.dropped("thinking.summary", "reasoning summary", "quality")
    if thinking.mode == "disabled" or thinking.effort == "none":
        return None if target.facts.reasoning is False else False
    if thinking.mode is None and thinking.effort is None and thinking.budget_tokens is None:
        return None
    if target.facts.reasoning is False:
        losses.dropped("thinking", "thinking", "quality")
        return None
    return _fitted(thinking, target, losses)


def _fitted(thinking: Thinking, target: Target, losses: Losses) -> bool | str:
    word = thinking.effort
    path = "thinking.mode" if word is None else "thinking.effort"
    if word is None and thinking.budget_tokens is not None:
        word, path = _word(thinking.budget_tokens), "thinking.budget_tokens"
    if "gpt-oss" in target.model.lower():
        level = _LEVELS.get(word or "medium", "medium")
        if level != thinking.effort:
            losses.approximated(path, "thinking effort", "quality")
        return level
    if word is not None or thinking.mode == "adaptive":
        losses.approximated(path, "thinking effort as a switch", "quality")
    return True


def _word(budget_tokens: int) -> str:
    if budget_tokens <= _LOW_BUDGET:
        return "low"
    return "medium" if budget_tokens <= _MEDIUM_BUDGET else "high"
