"""How long an answer may be and how much a Claude model may think, in `additionalModelRequestFields`.

Source: docs.aws.amazon.com/bedrock/latest/userguide, "Extended thinking" and "Adaptive thinking".
"""

from typing import NamedTuple

from omniroute.dialects.bedrock_converse.family import is_claude
from omniroute.dialects.claude_thinking import granted, wire_thinking
from omniroute.dialects.losses import Losses
from omniroute.ir.json import JsonObject
from omniroute.ir.request import Thinking
from omniroute.ir.target import Target


class Limits(NamedTuple):
    """`max_tokens` None leaves the limit to the provider; `fields` go to the model as they are."""

    max_tokens: int | None
    fields: JsonObject

    @property
    def thinks(self) -> bool:
        return "thinking" in self.fields


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
        return Limits(max_tokens, {})
    told = is_claude(target.model) and target.facts.reasoning is not False
    given = granted(
        thinking,
        max_tokens,
        target,
        inability=None if told else "thinking of a model that is not told how to",
        obstacle=obstacle,
        adaptive_obstacle=adaptive_obstacle,
        losses=losses,
    )
    fields: JsonObject = {}
    if given.effort is not None:
        fields["output_config"] = {"effort": given.effort}
    wire = wire_thinking(given)
    if wire is not None:
        fields["thinking"] = wire
    if max_tokens is None and given.limit is not None:
        losses.added("sampling.max_output_tokens", "output limit", "cost")
    return Limits(max_tokens if given.limit is None else given.limit, fields)


def _max_tokens(asked: int | None, target: Target, losses: Losses) -> int | None:
    cap = target.facts.max_output_tokens
    if asked is not None and cap is not None and asked > cap:
        losses.approximated("sampling.max_output_tokens", "output limit above the model's own", "cost")
        return cap
    if asked is not None and asked < 1:
        losses.dropped("sampling.max_output_tokens", "output limit below 1", "cost")
        return None
    return asked
