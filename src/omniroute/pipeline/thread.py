"""What a request of the Responses API goes on with, and where its answer will be found."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, Reasoning
from omniroute.ir.request import GenerateRequest, Turn
from omniroute.ir.target import Target
from omniroute.pipeline.seals import Origin, origin_of
from omniroute.routing.candidate import Candidate

_RESOLVED: Final = ("previous_response_id", "input")
"""Members that are left over in a request when what they refer to has become turns."""


class Thread(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """`previous` is the response that is continued; `earlier` are the turns up to it, when they are kept here.
    `said` is what the request adds to them, as items; None where its body says so. `holder` is the connection that
    alone can continue it. `seals` says who made which seal.

    `kept` says that the answer is stored, here or by its provider; `partial` that it cannot be stored here, since
    the request refers to something that only a provider knows.
    """

    previous: str | None = None
    earlier: tuple[Turn, ...] = ()
    said: tuple[JsonObject, ...] | None = None
    holder: str | None = None
    seals: Mapping[str, Origin | None] = {}
    kept: bool = True
    partial: bool = False
    resolved: bool = False
    """Something that the body referred to has been put into it."""

    def continued(self, request: GenerateRequest) -> GenerateRequest:
        """`request` with the earlier turns; its instructions stay in front, those of earlier turns are gone."""
        extra = {name: value for name, value in (request.extra or {}).items() if name not in _RESOLVED}
        at = 1 if _has_instructions(request.turns) else 0
        turns = (*request.turns[:at], *self.earlier, *request.turns[at:])
        return msgspec.structs.replace(request, turns=turns, extra=extra or None)

    def added(self, request: GenerateRequest) -> tuple[Turn, ...]:
        """Of a continued request, the turns that are its own, without its instructions."""
        at = 1 if _has_instructions(request.turns) else 0
        return request.turns[at + len(self.earlier) :]

    def told(self, request: GenerateRequest) -> GenerateRequest:
        """`request` as its answer repeats it."""
        said = {"store": self.kept, "previous_response_id": self.previous}
        return msgspec.structs.replace(request, extra={**(request.extra or {}), **said})

    def fitting(self, request: GenerateRequest, candidate: Candidate | None, target: Target) -> GenerateRequest:
        """`request` for `target` and, where one is chosen, `candidate`: without the seals that another one made,
        and without a wish to store that the gateway fulfils itself."""
        extra = request.extra
        if extra and extra.get("store") and target.dialect != request.dialect and self.kept:
            left = {name: value for name, value in extra.items() if name != "store"}
            request = msgspec.structs.replace(request, extra=left or None)
        if not self.seals or candidate is None:
            return request
        origin = origin_of(candidate)
        foreign = {seal for seal, made_by in self.seals.items() if made_by != origin}
        if not foreign:
            return request
        turns = tuple(
            msgspec.structs.replace(turn, parts=_unsealed(turn.parts, foreign)) for turn in request.turns
        )
        return msgspec.structs.replace(request, turns=turns)


def sealed_by(parts: Iterable[AnyPart], origin: Origin | None) -> dict[str, Origin | None]:
    return {part.seal: origin for part in parts if part.seal is not None}


def _has_instructions(turns: tuple[Turn, ...]) -> bool:
    """`instructions` are a system turn that was no item."""
    return bool(turns) and turns[0].role == "system" and turns[0].origin is None


def _unsealed(parts: tuple[AnyPart, ...], foreign: set[str]) -> tuple[AnyPart, ...]:
    """A thought of which the seal was everything goes with it."""
    kept: list[AnyPart] = []
    for part in parts:
        if part.seal not in foreign:
            kept.append(part)
        elif not (isinstance(part, Reasoning) and not part.text and not part.summary):
            kept.append(msgspec.structs.replace(part, seal=None))
    return tuple(kept)
