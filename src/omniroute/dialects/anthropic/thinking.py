"""How long an answer may be and how much the model may think, in the words of the Messages API."""

from typing import NamedTuple

from omniroute.dialects.claude_thinking import DEFAULT_LIMIT, granted, wire_thinking
from omniroute.dialects.losses import Losses
from omniroute.ir.json import JsonObject
from omniroute.ir.request import Thinking
from omniroute.ir.target import Target


class Limits(NamedTuple):
    max_tokens: int
    thinking: JsonObject | None = None
    effort: str | None = None


def fit_thinking(
    thinking: Thinking | None,
    asked: int | None,
    target: Target,
    *,
    obstacle: str | None,
    adaptive_obstacle: str | None,
    losses: Losses,
) -> Limits:
    """Limits for a caller who asked for `asked` tokens (None: did not say) and for `thinking`; the obstacles are
    those of `claude_thinking.granted`."""
    max_tokens = _max_tokens(asked, target, losses)
    if thinking is None:
        return Limits(max_tokens)
    given = granted(
        thinking,
        None if asked is None else max_tokens,
        target,
        inability="thinking of a model that has none" if target.facts.reasoning is False else None,
        obstacle=obstacle,
        adaptive_obstacle=adaptive_obstacle,
        losses=losses,
    )
    if thinking.mode == "disabled":
        return Limits(max_tokens, {"type": "disabled"})
    return Limits(max_tokens if given.limit is None else given.limit, wire_thinking(given), given.effort)


def _max_tokens(asked: int | None, target: Target, losses: Losses) -> int:
    """`max_tokens` is required, so that a limit stands in when nobody named one."""
    cap = target.facts.max_output_tokens
    if asked is None:
        losses.added("sampling.max_output_tokens", "output limit", "cost")
        return cap or DEFAULT_LIMIT
    if cap is not None and asked > cap:
        losses.approximated("sampling.max_output_tokens", "output limit above the model's own", "cost")
        return cap
    return asked
