"""A conversation of any dialect in the order that this API demands.

The rules (ai.google.dev/gemini-api/docs, "Function calling" and "Text generation"): instructions stand in one
`systemInstruction`; turns alternate and the first is the user's; the turn behind a model's calls answers each of
them, before anything else; no text is empty.

Calls and results are matched first, over the whole conversation; then each turn becomes parts, neighbours of one
side are merged, and the results are put where they belong. All of it depends only on what came before, so that a
longer conversation starts with the same bytes as a shorter one and prompt caches keep working.
"""

from typing import Literal, TypeAlias

import msgspec

from omniroute.dialects.calls import Call, Calls
from omniroute.dialects.gemini.names import Names
from omniroute.dialects.gemini.wire import NAME, Content
from omniroute.dialects.gemini.wire_parts import encode_part, encode_result
from omniroute.dialects.losses import Losses
from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, Refusal, Text, ToolCall, ToolResult
from omniroute.ir.request import Turn

Side: TypeAlias = Literal["user", "model"]

NO_RESPONSE = "[No response received]"
"""What stands for the result of a call that nobody answered; the API refuses an unanswered call."""

STAND_IN: JsonObject = {"text": "."}
"""The first user turn of a conversation that has none."""


class Arranged(msgspec.Struct, kw_only=True):
    system: list[JsonObject]
    contents: list[Content]


class _Call(Call, kw_only=True):
    """`id` and `name` are those on the wire."""

    id: str
    name: str


class _Group(msgspec.Struct, kw_only=True):
    """Consecutive turns of one side, up to turn `last`; `spoke_at` is where its first part came from."""

    side: Side
    last: int
    spoke_at: tuple[int, int] | None = None
    parts: list[JsonObject] = []
    calls: list[_Call] = []


def arrange(turns: tuple[Turn, ...], names: Names, losses: Losses) -> Arranged:
    calls = Calls(
        turns, lambda part, turn, _: _Call(id=part.call_id, name=names.wire(part.name), turn=turn), losses
    )
    system: list[JsonObject] = []
    spoken: list[str] = []
    groups: list[_Group] = []
    for i, turn in enumerate(turns):
        if turn.name:
            losses.dropped(f"turns[{i}].name", "name of the speaker", "quality")
        if turn.cache is not None:
            losses.dropped(f"turns[{i}].cache", "cache mark", "cost")
        losses.foreign(f"turns[{i}]", turn.extra)
        if turn.role in ("system", "developer"):
            if groups:
                losses.moved(f"turns[{i}]", f"{turn.role} turn", "quality")
            said = _instructions(turn, i, losses)
            spoken += [f"turns[{i}]"] if said else []
            system += said
            continue
        group = _group(turn, i, calls, names, losses)
        if groups and groups[-1].side == group.side:
            groups[-1] = _merged(groups[-1], group)
        else:
            groups.append(group)
    contents = _contents(_substantial(groups), losses)
    if not contents and system:
        # Instructions alone are no request here: they become what the user says.
        for path in spoken:
            losses.moved(path, "instructions without a question", "quality")
        return Arranged(system=[], contents=[{"role": "user", "parts": system}])
    if not contents or contents[0]["role"] == "model":
        losses.added("turns", "first user turn", "quality")
        contents.insert(0, {"role": "user", "parts": [STAND_IN]})
    return Arranged(system=system, contents=contents)


def _instructions(turn: Turn, i: int, losses: Losses) -> list[JsonObject]:
    parts: list[JsonObject] = []
    for j, part in enumerate(turn.parts):
        path = f"turns[{i}].parts[{j}]"
        wire = _part(part, path, losses) if isinstance(part, (Text, Refusal)) else None
        if wire is None and not isinstance(part, Text):
            losses.dropped(path, f"part of a {turn.role} turn that is no text", "meaning")
        if wire is not None:
            parts.append(wire)
    return parts


def _group(turn: Turn, i: int, calls: Calls[_Call], names: Names, losses: Losses) -> _Group:
    side: Side = "model" if turn.role == "assistant" else "user"
    group = _Group(side=side, last=i)
    for j, part in enumerate(turn.parts):
        path = f"turns[{i}].parts[{j}]"
        if isinstance(part, ToolResult):
            if part.executor == "provider":
                encode_part(part, path, losses)
            continue
        if isinstance(part, ToolCall):
            call = calls.made.get((i, j))
            if part.executor == "client" and call is None:
                continue
            wire = encode_part(_sealed_once(part, group, path, losses), path, losses, names)
            if wire is not None and call is not None:
                wire["functionCall"].setdefault("id", call.id)
                group.calls.append(call)
        else:
            wire = _part(part, path, losses)
        if wire is None:
            continue
        group.spoke_at = group.spoke_at or (i, j)
        group.parts.append(wire)
    return group


def _sealed_once(part: ToolCall, group: _Group, path: str, losses: Losses) -> ToolCall:
    """Of the calls that a model makes at once only the first carries a seal; so it goes back."""
    if part.seal is None or part.origin != NAME or not group.calls:
        return part
    losses.dropped(f"{path}.seal", "seal of a parallel call", "quality")
    return msgspec.structs.replace(part, seal=None)


def _part(part: AnyPart, path: str, losses: Losses) -> JsonObject | None:
    """The wire part, unless it would be an empty text, which the API takes only with a seal of its own."""
    if isinstance(part, Text) and not part.text and (part.seal is None or part.origin != NAME):
        if part.extra or part.cache is not None or part.seal is not None or part.citations:
            losses.dropped(path, "empty text", "cost")
        return None
    return encode_part(part, path, losses)


def _merged(one: _Group, other: _Group) -> _Group:
    return _Group(
        side=one.side,
        last=other.last,
        spoke_at=one.spoke_at or other.spoke_at,
        parts=one.parts + other.parts,
        calls=one.calls + other.calls,
    )


def _substantial(groups: list[_Group]) -> list[_Group]:
    """Groups that have something to say, merged again where one in between fell away."""
    kept: list[_Group] = []
    for group in groups:
        answers = group.side == "user" and bool(kept) and bool(kept[-1].calls)
        if not (group.parts or answers):
            continue
        if kept and kept[-1].side == group.side:
            kept[-1] = _merged(kept[-1], group)
        else:
            kept.append(group)
    return kept


def _contents(groups: list[_Group], losses: Losses) -> list[Content]:
    contents: list[Content] = []
    waiting: list[_Call] = []
    for group in groups:
        answers = _results(waiting, group, losses) if group.side == "user" else []
        contents.append({"role": group.side, "parts": answers + group.parts})
        waiting = group.calls
    if waiting:
        contents.append({"role": "user", "parts": _results(waiting, None, losses)})
    return contents


def _results(waiting: list[_Call], group: _Group | None, losses: Losses) -> list[JsonObject]:
    """All the answers, then the media in them: the API wants as many answers as calls, in a row."""
    answers: list[JsonObject] = []
    media: list[JsonObject] = []
    for call in waiting:
        if call.result is None:
            losses.added("turns", f"result of tool call {call.id}", "meaning")
            response: JsonObject = {"output": NO_RESPONSE}
            answers.append({"functionResponse": {"id": call.id, "name": call.name, "response": response}})
            continue
        if group is None or call.result_at[0] > group.last or (group.spoke_at and group.spoke_at < call.result_at):
            losses.moved(call.result_path, "tool result", "quality")
        answer, shown = encode_result(call.result, call.id, call.name, call.result_path, losses)
        answers.append(answer)
        media += shown
    return answers + media
