"""A conversation of any dialect in the order that most APIs demand of it.

Instructions stand before everything; turns alternate between the user and the assistant; every call of a tool is
answered once, right after the assistant's turn that made it. Everything depends only on what came before: a longer
conversation begins like the shorter one, and prompt caches keep working.
"""

from collections.abc import Callable, Iterator
from typing import Literal, Protocol, TypeAlias

import msgspec

from omniroute.dialects.calls import Call, Calls
from omniroute.dialects.losses import Losses
from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, CacheMark, Text, ToolCall, ToolResult
from omniroute.ir.request import Turn

Side: TypeAlias = Literal["user", "assistant"]
Place: TypeAlias = Literal["system", "user", "assistant"]

NO_RESPONSE = "[No response received]"
"""What stands for the result of a call that nobody answered."""


class Write(Protocol):
    """A dialect's way with everything but calls and results: the block for a part, or None with a Loss."""

    def __call__(self, part: AnyPart, path: str, place: Place) -> JsonObject | None: ...


class Placed(msgspec.Struct, frozen=True):
    """A part, the block it became, and its path. `mark` is the cache mark behind it: its own or its turn's."""

    part: AnyPart
    block: JsonObject
    path: str
    mark: CacheMark | None = None


class Called(Call, kw_only=True):
    """A call of a client's tool. `id` is what it is called on the wire; marks are those of the call and of its
    result."""

    id: str
    call: ToolCall
    path: str
    mark: CacheMark | None = None
    result_mark: CacheMark | None = None


class Round(msgspec.Struct, kw_only=True):
    """Consecutive turns of one side. The user's begins with the answers to the calls of the one before; `answers`
    and `parts` may both be empty only where nothing was said."""

    side: Side
    answers: list[Called] = []
    parts: list[Placed] = []
    calls: list[Called] = []


class Rounds(msgspec.Struct, kw_only=True):
    system: list[Placed]
    rounds: list[Round]


def rounds(turns: tuple[Turn, ...], *, write: Write, fresh_id: Callable[[str], str], losses: Losses) -> Rounds:
    """`fresh_id` gives each call an id that the wire accepts, from the caller's own."""
    calls = Calls(
        turns,
        lambda part, turn, path: Called(
            id=fresh_id(part.call_id), call=part, path=path, turn=turn, mark=part.cache
        ),
        losses,
    )
    for call in calls.answered.values():
        call.result_mark = None if call.result is None else call.result.cache
    system: list[Placed] = []
    found: list[Round] = []
    for i, turn in enumerate(turns):
        if turn.name:
            losses.dropped(f"turns[{i}].name", "name of the speaker", "quality")
        losses.foreign(f"turns[{i}]", turn.extra)
        if turn.cache is not None:
            losses.foreign(f"turns[{i}].cache", turn.cache.extra)
        if turn.role in ("system", "developer"):
            if found:
                losses.moved(f"turns[{i}]", f"{turn.role} turn", "quality")
            system += _instructions(turn, i, write, losses)
            continue
        one = _round(turn, i, calls, write, losses)
        if found and found[-1].side == one.side:
            found[-1].parts += one.parts
            found[-1].calls += one.calls
        else:
            found.append(one)
    return Rounds(system=system, rounds=list(_answered(_substantial(found), losses)))


def _instructions(turn: Turn, i: int, write: Write, losses: Losses) -> list[Placed]:
    placed: list[Placed] = []
    for j, part in enumerate(turn.parts):
        path = f"turns[{i}].parts[{j}]"
        if not isinstance(part, Text):
            losses.dropped(path, f"{part.__struct_config__.tag} in a {turn.role} turn", "meaning")
            continue
        block = None if _is_blank(part, path, losses) else write(part, path, "system")
        if block is not None:
            placed.append(Placed(part, block, path, part.cache))
    _mark_last(turn.cache, i, placed, losses)
    return placed


def _round(turn: Turn, i: int, calls: Calls[Called], write: Write, losses: Losses) -> Round:
    side: Side = "assistant" if turn.role == "assistant" else "user"
    one = Round(side=side, parts=[], calls=[], answers=[])
    for j, part in enumerate(turn.parts):
        path = f"turns[{i}].parts[{j}]"
        if isinstance(part, (ToolCall, ToolResult)) and part.executor == "provider":
            what = "call" if isinstance(part, ToolCall) else "result"
            losses.dropped(path, f"{what} of a hosted tool", "meaning")
        elif isinstance(part, ToolResult):
            if one.parts and (i, j) in calls.answered:
                losses.moved(path, "tool result", "quality")
        elif isinstance(part, ToolCall):
            call = calls.made.get((i, j))
            if call is not None:
                one.calls.append(call)
        elif not _is_blank(part, path, losses):
            block = write(part, path, side)
            if block is None:
                continue
            if one.calls:
                losses.moved(path, "content after a tool call", "quality")
            one.parts.append(Placed(part, block, path, part.cache))
    if turn.cache is None:
        pass
    elif one.calls and one.calls[-1].turn == i:
        if one.calls[-1].mark is None:
            one.calls[-1].mark = turn.cache
        else:
            _second_mark(i, losses)
    elif one.parts or not _mark_answer(turn.cache, i, calls, losses):
        _mark_last(turn.cache, i, one.parts, losses)
    return one


def _mark_last(mark: CacheMark | None, i: int, placed: list[Placed], losses: Losses) -> None:
    if mark is None:
        return
    if not placed:
        losses.dropped(f"turns[{i}].cache", "cache mark on nothing", "cost")
    elif placed[-1].mark is not None:
        _second_mark(i, losses)
    else:
        placed[-1] = msgspec.structs.replace(placed[-1], mark=mark)


def _second_mark(i: int, losses: Losses) -> None:
    losses.dropped(f"turns[{i}].cache", "cache mark beside another one", "cost")


def _is_blank(part: AnyPart, path: str, losses: Losses) -> bool:
    """A text of white space only: APIs refuse it, and it says nothing."""
    if not isinstance(part, Text) or part.text.strip():
        return False
    if part.text or part.cache is not None or part.extra:
        losses.dropped(path, "blank text", "cost")
    return True


def _mark_answer(mark: CacheMark, turn: int, calls: Calls[Called], losses: Losses) -> bool:
    """Puts `mark` on the last result that `turn` gave; False when it gave none."""
    answered = calls.answers_of(turn)
    if not answered:
        return False
    if answered[-1].result_mark is None:
        answered[-1].result_mark = mark
    else:
        _second_mark(turn, losses)
    return True


def _substantial(found: list[Round]) -> list[Round]:
    """Rounds that say something, merged again where one in between fell away."""
    kept: list[Round] = []
    for one in found:
        answers = one.side == "user" and bool(kept) and bool(kept[-1].calls)
        if not (one.parts or one.calls or answers):
            continue
        if kept and kept[-1].side == one.side:
            kept[-1].parts += one.parts
            kept[-1].calls += one.calls
        else:
            kept.append(one)
    return kept


def _answered(found: list[Round], losses: Losses) -> Iterator[Round]:
    waiting: list[Called] = []
    for one in found:
        if one.side == "user":
            one.answers = waiting
        yield one
        waiting = one.calls
        for call in one.calls:
            if call.result is None:
                losses.added("turns", f"result of tool call {call.id}", "meaning")
    if waiting:
        yield Round(side="user", answers=waiting, parts=[], calls=[])
