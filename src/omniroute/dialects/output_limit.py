"""The most that an answer may have, whatever the client asked for. Pure."""

import msgspec

from omniroute.dialects.base import Loss
from omniroute.dialects.losses import Losses
from omniroute.ir.request import GenerateRequest, Sampling, Thinking

_LEAST_BUDGET = 1024
"""Anthropic takes no smaller one."""


class Limited(msgspec.Struct, frozen=True):
    """What changes in the request."""

    sampling: Sampling
    thinking: Thinking | None
    losses: tuple[Loss, ...]

    def of(self, request: GenerateRequest) -> GenerateRequest:
        return msgspec.structs.replace(request, sampling=self.sampling, thinking=self.thinking)


def limited(most: int, request: GenerateRequest) -> Limited | None:
    """None where the client asks for no more than `most` tokens. A budget of thinking, which is part of them, is
    lowered too, and where too little is left, there is none."""
    asked = request.sampling.max_output_tokens
    if asked is not None and asked <= most:
        return None
    losses = Losses()
    if asked is None:
        losses.added("sampling.max_output_tokens", "output limit by policy", "quality")
    else:
        losses.approximated("sampling.max_output_tokens", "output limit by policy", "quality")
    thinking = request.thinking
    if thinking is not None and thinking.budget_tokens is not None and thinking.budget_tokens >= most:
        losses.approximated("thinking.budget_tokens", "thinking budget by policy", "quality")
        if most > _LEAST_BUDGET:
            thinking = msgspec.structs.replace(thinking, budget_tokens=most - 1)
        else:
            thinking = Thinking(mode="disabled") if thinking.mode == "enabled" else None
    sampling = msgspec.structs.replace(request.sampling, max_output_tokens=most)
    return Limited(sampling, thinking, tuple(losses))
