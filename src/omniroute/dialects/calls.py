"""Which result belongs to which call of a client's tool, over a whole conversation.

They are matched by id and order, since ids may repeat in other dialects: a result answers the first open call of
its id in the latest turn that made one. Everything depends only on what came before.
"""

from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

import msgspec

from omniroute.dialects.losses import Losses
from omniroute.ir.parts import ToolCall, ToolResult
from omniroute.ir.request import Turn

Spot: TypeAlias = tuple[int, int]
"""A turn and a part in it."""


class Call(msgspec.Struct, kw_only=True):
    """A call on its way; dialects add what it is on their wire. `result` is None while nobody answered."""

    turn: int
    result: ToolResult | None = None
    result_path: str = ""
    result_at: Spot = (-1, -1)


_C = TypeVar("_C", bound=Call)


class Calls(Generic[_C]):
    """`made` are the calls by their spot, `answered` the same by the spot of their result. `make` gets a call, its
    turn and its path."""

    def __init__(self, turns: tuple[Turn, ...], make: Callable[[ToolCall, int, str], _C], losses: Losses) -> None:
        self.made: dict[Spot, _C] = {}
        self.answered: dict[Spot, _C] = {}
        self._losses = losses
        self._by_id: dict[str, list[_C]] = {}
        self._refused: set[str] = set()
        for i, turn in enumerate(turns):
            for j, part in enumerate(turn.parts):
                path = f"turns[{i}].parts[{j}]"
                if isinstance(part, ToolCall) and part.executor == "client":
                    if turn.role != "assistant" or not part.name.strip():
                        losses.dropped(path, "tool call that nobody can answer", "meaning")
                        self._refused.add(part.call_id)
                        continue
                    call = make(part, i, path)
                    self._by_id.setdefault(part.call_id, []).append(call)
                    self.made[i, j] = call
                elif isinstance(part, ToolResult) and part.executor == "client":
                    self._answer(part, (i, j), path)

    def _answer(self, result: ToolResult, at: Spot, path: str) -> None:
        known = self._by_id.get(result.call_id, [])
        unanswered = [call for call in known if call.result is None]
        if unanswered:
            latest = unanswered[-1].turn
            call = next(call for call in unanswered if call.turn == latest)
            call.result, call.result_path, call.result_at = result, path, at
            self.answered[at] = call
        elif known:
            self._losses.dropped(path, "second result of one tool call", "meaning")
        elif result.call_id in self._refused:
            self._losses.dropped(path, "result of a dropped tool call", "meaning")
        else:
            self._losses.dropped(path, "tool result without a call", "meaning")

    def answers_of(self, turn: int) -> list[_C]:
        """The calls that `turn` answered, in the order of its results."""
        return [call for (at, _), call in self.answered.items() if at == turn]
