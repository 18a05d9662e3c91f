"""A conversation of any dialect in the order that the Messages API demands.

The rules (platform.claude.com/docs, "Messages" and "Tool use"): instructions stand in one `system` before
everything; turns alternate and the first is the user's; every tool call is answered at the very start of the
next user turn; call ids are unique and simple; a text is never blank.

Calls and results are matched first, over the whole conversation; then each turn becomes blocks, neighbours of one
side are merged, and the results are put where they belong. All of it depends only on what came before, so that a
longer conversation starts with the same bytes as a shorter one and prompt caches keep working.
"""

from typing import Literal, TypeAlias

import msgspec

from omniroute.dialects.anthropic.blocks import encode_block, encode_cache
from omniroute.dialects.anthropic.toolids import ToolIds
from omniroute.dialects.calls import Call, Calls
from omniroute.dialects.look import as_array
from omniroute.dialects.losses import Losses
from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, CacheMark, Media, Text, ToolCall, ToolResult
from omniroute.ir.request import Turn

Side: TypeAlias = Literal["user", "assistant"]

NO_RESPONSE = "[No response received]"
"""What stands for the result of a call that nobody answered; the API refuses an unanswered call."""


class Arranged(msgspec.Struct, kw_only=True):
    system: list[JsonObject]
    messages: list[JsonObject]

    @property
    def ends_with_user(self) -> bool:
        return bool(self.messages[-1]["role"] == "user")

    @property
    def continues_without_thinking(self) -> bool:
        """Whether the last turn answers tool calls of an assistant turn that does not start with thinking."""
        if len(self.messages) < 2 or not any(
            block["type"] == "tool_result" for block in self.messages[-1]["content"]
        ):
            return False
        return self.messages[-2]["content"][0]["type"] not in ("thinking", "redacted_thinking")


class _Call(Call, kw_only=True):
    """`id` is what it is called on the wire; `cache` is the mark of its result."""

    id: str
    cache: CacheMark | None = None


class _Group(msgspec.Struct, kw_only=True):
    """Consecutive turns of one side, up to turn `last`; `spoke_at` is where its first block came from."""

    side: Side
    last: int
    spoke_at: tuple[int, int] | None = None
    blocks: list[JsonObject] = []
    calls: list[tuple[_Call, JsonObject]] = []


def arrange(turns: tuple[Turn, ...], losses: Losses) -> Arranged:
    ids = ToolIds()
    calls = Calls(turns, lambda part, turn, _: _Call(id=ids.fresh(part.call_id), turn=turn), losses)
    system: list[JsonObject] = []
    groups: list[_Group] = []
    conversation = False
    for i, turn in enumerate(turns):
        if turn.name:
            losses.dropped(f"turns[{i}].name", "name of the speaker", "quality")
        losses.foreign(f"turns[{i}]", turn.extra)
        if turn.role in ("system", "developer"):
            if conversation:
                losses.moved(f"turns[{i}]", f"{turn.role} turn", "quality")
            system += _instructions(turn, i, losses)
            continue
        conversation = True
        group = _group(turn, i, calls, losses)
        if groups and groups[-1].side == group.side:
            groups[-1] = _merged(groups[-1], group)
        else:
            groups.append(group)
    return Arranged(system=system, messages=_messages(_substantial(groups), losses))


def _instructions(turn: Turn, i: int, losses: Losses) -> list[JsonObject]:
    blocks: list[JsonObject] = []
    for j, part in enumerate(turn.parts):
        path = f"turns[{i}].parts[{j}]"
        block = _block(part, path, losses)
        if block is not None and block["type"] == "text":
            blocks.append(block)
        elif block is not None:
            losses.dropped(path, f"{block['type']} in a {turn.role} turn", "meaning")
    if turn.cache is not None and not _mark(turn.cache, blocks):
        losses.dropped(f"turns[{i}].cache", "cache mark on nothing", "cost")
    return blocks


def _group(turn: Turn, i: int, calls: Calls[_Call], losses: Losses) -> _Group:
    side: Side = "assistant" if turn.role == "assistant" else "user"
    group = _Group(side=side, last=i)
    made: list[JsonObject] = []
    for j, part in enumerate(turn.parts):
        path = f"turns[{i}].parts[{j}]"
        if isinstance(part, ToolResult):
            if part.executor == "provider":
                encode_block(part, path, losses)
            continue
        if isinstance(part, ToolCall) and part.executor == "client":
            call = calls.made.get((i, j))
            block = encode_block(part, path, losses) if call is not None else None
            if call is not None and block is not None:
                block["id"] = call.id
                if block["id"] != part.call_id and not part.call_id:
                    losses.added(f"{path}.call_id", "id of a tool call", "quality")
                group.calls.append((call, block))
                made.append(block)
            continue
        if side == "assistant" and isinstance(part, Media):
            losses.dropped(path, f"{part.mime} content in an assistant turn", "meaning")
            continue
        block = _block(part, path, losses)
        if block is None:
            continue
        if group.calls:
            losses.moved(path, "content after a tool call", "quality")
        group.spoke_at = group.spoke_at or (i, j)
        group.blocks.append(block)
        made.append(block)
    if (
        turn.cache is not None
        and not _mark(turn.cache, made)
        and not _mark_answer(turn.cache, calls.answers_of(i))
    ):
        losses.dropped(f"turns[{i}].cache", "cache mark on nothing", "cost")
    return group


def _block(part: AnyPart, path: str, losses: Losses) -> JsonObject | None:
    """The block of `part`, unless it would be a blank text, which the API refuses."""
    if isinstance(part, Text) and not part.text.strip():
        if part.text or part.cache is not None or part.extra:
            losses.dropped(path, "blank text", "cost")
        return None
    return encode_block(part, path, losses)


def _mark(mark: CacheMark, blocks: list[JsonObject]) -> bool:
    """A mark on a whole turn stands on its last block that can carry one, unless that has one of its own."""
    for block in reversed(blocks):
        if block["type"] not in ("thinking", "redacted_thinking"):
            if "cache_control" in block:
                return False
            block["cache_control"] = encode_cache(mark)
            return True
    return False


def _mark_answer(mark: CacheMark, answered: list[_Call]) -> bool:
    """Puts `mark` on the last of the results that a turn gave; False when it gave none, or that one has a mark."""
    if not answered or answered[-1].cache is not None:
        return False
    answered[-1].cache = mark
    return True


def _merged(one: _Group, other: _Group) -> _Group:
    return _Group(
        side=one.side,
        last=other.last,
        spoke_at=one.spoke_at or other.spoke_at,
        blocks=one.blocks + other.blocks,
        calls=one.calls + other.calls,
    )


def _substantial(groups: list[_Group]) -> list[_Group]:
    """Groups that have something to say, merged again where one in between fell away."""
    kept: list[_Group] = []
    for group in groups:
        answers = group.side == "user" and bool(kept) and bool(kept[-1].calls)
        if not (group.blocks or group.calls or answers):
            continue
        if kept and kept[-1].side == group.side:
            kept[-1] = _merged(kept[-1], group)
        else:
            kept.append(group)
    return kept


def _messages(groups: list[_Group], losses: Losses) -> list[JsonObject]:
    messages: list[JsonObject] = []
    if not groups or groups[0].side == "assistant":
        losses.added("turns", "first user turn", "quality")
        messages.append({"role": "user", "content": [{"type": "text", "text": "."}]})
    waiting: list[tuple[_Call, JsonObject]] = []
    for group in groups:
        if group.side == "assistant":
            blocks = group.blocks + [block for _, block in group.calls]
            messages.append({"role": "assistant", "content": blocks})
        else:
            results = _results(waiting, group, losses)
            messages.append({"role": "user", "content": results + group.blocks})
        waiting = group.calls
    if waiting:
        messages.append({"role": "user", "content": _results(waiting, None, losses)})
    return messages


def _results(waiting: list[tuple[_Call, JsonObject]], group: _Group | None, losses: Losses) -> list[JsonObject]:
    results: list[JsonObject] = []
    for call, block in waiting:
        if call.result is None:
            losses.added("turns", f"result of tool call {block['id']}", "meaning")
            results.append({"type": "tool_result", "tool_use_id": call.id, "content": NO_RESPONSE})
            continue
        if group is None or call.result_at[0] > group.last or (group.spoke_at and group.spoke_at < call.result_at):
            losses.moved(call.result_path, "tool result", "quality")
        if call.result.name and call.result.name != block["name"]:
            losses.dropped(f"{call.result_path}.name", "name of a tool result", "cost")
        results.append(_result(call, call.result, losses))
    return results


def _result(call: _Call, result: ToolResult, losses: Losses) -> JsonObject:
    block = encode_block(result, call.result_path, losses) or {}
    block["tool_use_id"] = call.id
    if call.cache is not None:
        block.setdefault("cache_control", encode_cache(call.cache))
    content = as_array(block.get("content"))
    if content is not None:
        block["content"] = [piece for piece in content if piece["type"] != "text" or piece["text"].strip()]
        if not block["content"]:
            del block["content"]
    return block
