"""Which fields of a question a provider's wire has no place for."""

from collections.abc import Collection, Mapping
from typing import Final

from omniroute.dialects.base import Loss
from omniroute.dialects.simple.base import Question

_WEIGHTLESS: Final = frozenset({"model", "user", "stream"})
"""Fields whose absence changes nothing that the client gets: who asks, and how a whole answer travels."""


def left_out(question: Question, carried: Collection[str]) -> tuple[Loss, ...]:
    """A loss for every field that has a value and is not `carried`, in the client's order."""
    return tuple(
        Loss(path=name, what=name, how="dropped", weight="quality")
        for name, value in question.fields.items()
        if value is not None and name not in carried and name not in _WEIGHTLESS
    )


def foreign(question: Question) -> tuple[Loss, ...]:
    """A loss for every field that only providers of another kind understand."""
    return tuple(Loss(path=name, what=name, how="dropped", weight="quality") for name in question.foreign)


def without(fields: Mapping[str, object], names: Collection[str]) -> dict[str, object]:
    """`fields` without those of `names` and without those that are null."""
    return {name: value for name, value in fields.items() if value is not None and name not in names}
