"""A choice made again from what its trace holds: the same, or the trace leaves something out."""

from collections.abc import Mapping

from omniroute.pipeline.choose import Chosen
from omniroute.routing.candidate import Candidate
from omniroute.routing.explain import Explanation, explained
from omniroute.routing.selection import orders
from omniroute.routing.selection.draw import Draw


def again(chosen: Chosen) -> tuple[tuple[str, Candidate], ...]:
    """The candidates in order with the keys of their leaves, as `Choose` put them, before a combo's conduct.
    Accounts of targets that nobody came to stand as configured."""
    draws: Mapping[str, Draw] = {} if chosen.moment is None else chosen.moment.draws
    explanation = explanation_of(chosen)
    if explanation is None:
        if not chosen.accounts:
            return tuple(chosen.placed())
        keys = tuple(chosen.accounts)
    else:
        keys = tuple(place.key for place in explanation.order)
    return tuple(
        (key, candidate)
        for key in keys
        for candidate in (
            orders.ordered(chosen.accounts[key], draws[key]) if key in draws else chosen.accounts[key]
        )
    )


def explanation_of(chosen: Chosen) -> Explanation | None:
    """Why a combo's targets were tried in their order, made from what was kept; None where no combo was asked."""
    if chosen.branch is None or chosen.moment is None:
        return None
    return explained(
        chosen.branch, chosen.moment, unfit=chosen.unfit, ejected=chosen.ejected, unusable=chosen.unusable
    )
