"""A list of losses that is pleasant to write to while a body is being built."""

from typing import Literal, TypeAlias

from omniroute.dialects.base import Loss
from omniroute.ir.json import JsonObject

Weight: TypeAlias = Literal["cost", "quality", "meaning"]


class Losses(list[Loss]):
    """Every step of a translation appends what it could not carry."""

    def dropped(self, path: str, what: str, weight: Weight) -> None:
        self.append(Loss(path=path, what=what, how="dropped", weight=weight))

    def approximated(self, path: str, what: str, weight: Weight) -> None:
        self.append(Loss(path=path, what=what, how="approximated", weight=weight))

    def moved(self, path: str, what: str, weight: Weight) -> None:
        self.append(Loss(path=path, what=what, how="moved", weight=weight))

    def added(self, path: str, what: str, weight: Weight) -> None:
        self.append(Loss(path=path, what=what, how="added", weight=weight))

    def foreign(self, path: str, extra: JsonObject | None) -> None:
        """Unknown fields of another dialect's object: each is dropped under its own path; nulls say nothing."""
        if not extra:
            return
        prefix = f"{path}.extra" if path else "extra"
        for name, value in extra.items():
            if value is not None:
                self.dropped(f"{prefix}.{name}", name, "quality")
