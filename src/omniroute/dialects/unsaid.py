"""What APIs with few controls have no word for: members of a request's sampling that are lost there."""

from omniroute.dialects.losses import Losses
from omniroute.ir.request import Sampling


def report_unsaid(sampling: Sampling, losses: Losses) -> None:
    for i, word in enumerate(sampling.stop):
        if not word.strip():
            losses.dropped(f"sampling.stop[{i}]", "blank stop sequence", "quality")
    if sampling.n is not None and sampling.n > 1:
        losses.dropped("sampling.n", "number of answers", "meaning")
    for name in ("seed", "logit_bias"):
        if getattr(sampling, name) is not None:
            losses.dropped(f"sampling.{name}", name, "quality")
    for name in ("presence_penalty", "frequency_penalty"):
        if getattr(sampling, name):
            losses.dropped(f"sampling.{name}", name, "quality")
    for name in ("logprobs", "top_logprobs"):
        if getattr(sampling, name):
            losses.dropped(f"sampling.{name}", name, "meaning")
