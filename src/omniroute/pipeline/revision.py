"""What a combo changes in the requests it serves: as edits of the client's bytes, and in the representation."""

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from omniroute.dialects.base import Loss
from omniroute.dialects.envelope import Fields
from omniroute.dialects.instructions import Changed, preceded, replaced
from omniroute.dialects.model_tag import without_tags
from omniroute.dialects.offered import without_tools
from omniroute.ir.parts import AnyPart, Text
from omniroute.ir.request import GenerateRequest, Tool, ToolChoice, Turn
from omniroute.routing.candidate import Candidate
from omniroute.routing.handoff import Handoff, lands_elsewhere

_INSTRUCTING: Final = ("system", "developer")
_TAG: Final = re.compile(r"\n*<omniModel>[^<>\"\\]{1,300}</omniModel>")


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """`system` stands for all instructions of the client, `preface` goes in front of them; only `wanted` tools
    stay, and `untagged` conversations lose the tags of OmniRoute 3.x. `edits` say the same of the client's own
    body."""

    edits: Mapping[str, bytes | None]
    losses: tuple[Loss, ...]
    system: str | None = None
    wanted: Callable[[str], bool] | None = None
    untagged: bool = False
    preface: str | None = None

    def of(self, request: GenerateRequest) -> GenerateRequest:
        """What the client asks, as it is to be asked."""
        turns, tools, choice = request.turns, request.tools, request.tool_choice
        if self.untagged:
            turns = tuple(_untagged(turn) if turn.role == "assistant" else turn for turn in turns)
        if self.system is not None:
            turns = (_told(self.system), *(turn for turn in turns if turn.role not in _INSTRUCTING))
        if self.preface is not None:
            turns = (_told(self.preface), *turns)
        if self.wanted is not None and tools:
            tools = tuple(tool for tool in tools if self.wanted(_name(tool)))
            if len(tools) != len(request.tools):
                choice = _among(tools, choice)
        return msgspec.structs.replace(request, turns=turns, tools=tools, tool_choice=choice)


class Conducted(msgspec.Struct, frozen=True, kw_only=True):
    """One request under a combo's rules. `conversation` is its key, None for none; `relayed` is the revision where
    `handoff` hands the conversation over, `usual` the one elsewhere."""

    conversation: str | None = None
    usual: Revision | None = None
    relayed: Revision | None = None
    handoff: Handoff | None = None

    def revision(self, candidate: Candidate) -> Revision | None:
        """What is changed for `candidate`; None for nothing."""
        if self.handoff is not None and lands_elsewhere(candidate, self.handoff):
            return self.relayed
        return self.usual


def revised(
    written: str,
    fields: Fields,
    *,
    system: str | None,
    wanted: Callable[[str], bool] | None,
    untagged: bool,
    preface: str | None = None,
) -> Revision | None:
    """The revision of a body in the dialect `written`; None when nothing of it changes."""
    edits: dict[str, bytes | None] = {}
    losses: list[Loss] = []
    now: dict[str, msgspec.Raw] = dict(fields)

    def apply(changed: Changed) -> None:
        losses.extend(changed.losses)
        edits.update(changed.edits)
        for name, value in changed.edits.items():
            if value is None:
                now.pop(name, None)
            else:
                now[name] = msgspec.Raw(value)

    if untagged:
        apply(without_tags(written, now))
    if system is not None:
        apply(replaced(written, now, system))
    if preface is not None:
        apply(preceded(written, now, preface, "conversation summary"))
    if wanted is not None:
        apply(without_tools(now, wanted))
    if not losses:
        return None
    return Revision(
        edits=edits, losses=tuple(losses), system=system, wanted=wanted, untagged=untagged, preface=preface
    )


def _told(text: str) -> Turn:
    return Turn(role="system", parts=(Text(text=text),))


def _name(tool: Tool) -> str:
    kind = None if tool.hosted is None else tool.hosted.get("type")
    return tool.name or (kind if isinstance(kind, str) else "")


def _among(tools: tuple[Tool, ...], choice: ToolChoice | None) -> ToolChoice | None:
    """`choice` without tools that are gone; the model's own where that leaves nothing of it."""
    if choice is None or not tools:
        return None
    if choice.mode not in ("one", "subset"):
        return choice
    names = tuple(name for name in choice.names if any(tool.name == name for tool in tools))
    return msgspec.structs.replace(choice, names=names) if names else None


def _untagged(turn: Turn) -> Turn:
    def clean(part: AnyPart) -> AnyPart:
        if isinstance(part, Text) and "<omniModel>" in part.text:
            return msgspec.structs.replace(part, text=_TAG.sub("", part.text))
        return part

    return msgspec.structs.replace(turn, parts=tuple(clean(part) for part in turn.parts))
