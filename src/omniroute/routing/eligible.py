"""Which targets can serve a request at all, and why the others cannot."""

from collections.abc import Sequence

import msgspec

from omniroute.ir.target import ModelFacts
from omniroute.routing.strategy import Asked
from omniroute.routing.tree import Leaf


class Unfit(msgspec.Struct, frozen=True, kw_only=True):
    """A target that was left out, in words that an operator can act on."""

    leaf: Leaf
    reason: str


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """`forced` says that nothing was fit and all were kept: an unknown catalog must not turn a request away."""

    kept: frozenset[str]
    unfit: tuple[Unfit, ...]
    forced: bool = False


def eligible(leaves: Sequence[Leaf], asked: Asked) -> Fit:
    """What is not known never restricts."""
    unfit = tuple(
        [Unfit(leaf=leaf, reason=reason) for leaf in leaves if (reason := unfitness(leaf.target.facts, asked))]
    )
    every = frozenset([leaf.key for leaf in leaves])
    if len(unfit) == len(leaves):
        return Fit(kept=every, unfit=unfit, forced=True)
    return Fit(kept=every.difference([one.leaf.key for one in unfit]) if unfit else every, unfit=unfit)


def weakest(leaves: Sequence[Leaf]) -> ModelFacts:
    """What each of these can do at least, as far as is known: a request that suits this suits all of them."""
    facts = [leaf.target.facts for leaf in leaves]
    return ModelFacts(
        context_tokens=min((one.context_tokens for one in facts if one.context_tokens is not None), default=None),
        tools=all(one.tools is not False for one in facts),
        images=all(one.images is not False for one in facts),
        documents=all(one.documents is not False for one in facts),
        structured_output=all(one.structured_output is not False for one in facts),
    )


def unfitness(facts: ModelFacts, asked: Asked) -> str | None:
    """Why a model cannot serve the request; None when it can, as far as is known."""
    if asked.tools and facts.tools is False:
        return "the model takes no tools"
    if asked.images and facts.images is False:
        return "the model takes no images"
    if asked.documents and facts.documents is False:
        return "the model takes no documents"
    if asked.structured_output and facts.structured_output is False:
        return "the model has no structured output"
    window = facts.context_tokens
    if window is not None and asked.input_tokens > window:
        return f"about {asked.input_tokens} tokens do not fit into its window of {window}"
    return None
