"""The model writes its thinking into the text, between `<think>` and `</think>`: it becomes reasoning.

Needed by open reasoning models behind servers that do not part the two: DeepSeek R1 and its distillations, QwQ,
Qwen3, MiniMax M1 and M2, Sonar Reasoning (docs.perplexity.ai, Sonar Reasoning; console.groq.com/docs/reasoning,
format `raw`). Only a tag that opens the answer counts, so a text about tags stays a text; and an answer that
already came with reasoning stays as it is. White space around the tags goes with them.
"""

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from omniroute.dialects.quirks.quirk import Quirk
from omniroute.ir.events import (
    ArgumentsDelta,
    CitationDelta,
    Event,
    PartClosed,
    PartOpened,
    ReasoningDelta,
    TextDelta,
)
from omniroute.ir.parts import Reasoning, Text

MODELS = re.compile(
    r"(?:.*/)?(?:.*r1-distill|deepseek-r1|r1-1776|qwq|qwen-?3(?!.*coder)|sonar-reasoning|minimax-m[12])",
    re.IGNORECASE,
)
"""Bare ids of models that are known to do it, also behind a vendor prefix."""

_TAGS = {"<think>": "</think>", "<thinking>": "</thinking>"}


class ThinkTags:
    """Events in, events out. A tag may come in any number of pieces; what may still become one is held back."""

    def __init__(self) -> None:
        self._state: Literal["waiting", "undecided", "thinking", "parting", "done"] = "waiting"
        self._indices: dict[int, int] = {}
        self._next = 0
        self._shell: Text | None = None
        self._part = -1
        self._held = ""
        self._closing = ""
        self._mute = False
        """True until the thought has said something: the white space before that goes."""

    def hear(self, event: Event) -> Sequence[Event]:
        match event:
            case PartOpened(index=index, shell=shell):
                return self._opened(event, index, shell)
            case TextDelta(index=index, text=text) if index == self._part and self._state != "done":
                return self._text(text)
            case CitationDelta(index=index) if index == self._part and self._state != "done":
                # Nothing cites inside a thought; before the text has begun there is nothing to cite.
                return [*self._give_up(), self._moved(event)] if self._state == "undecided" else []
            case PartClosed(index=index) if index == self._part and self._state != "done":
                return self._closed()
            case TextDelta() | ReasoningDelta() | ArgumentsDelta() | CitationDelta() | PartClosed():
                return [self._moved(event)]
            case _:
                return [event]

    def _opened(self, event: PartOpened, index: int, shell: object) -> Sequence[Event]:
        if self._state == "waiting" and isinstance(shell, Text):
            self._state, self._shell, self._part = "undecided", shell, index
            return self._text("")
        before = self._give_up() if self._state == "undecided" else []
        if self._state == "waiting" and isinstance(shell, Reasoning):
            self._state = "done"
        return [*before, msgspec.structs.replace(event, index=self._placed(index))]

    def _text(self, text: str) -> list[Event]:
        self._held += text
        events: list[Event] = []
        if self._state == "undecided":
            events += self._decide()
        if self._state == "thinking":
            events += self._think()
        if self._state == "parting":
            events += self._part_ways()
        return events

    def _decide(self) -> list[Event]:
        said = ((self._shell.text if self._shell else "") + self._held).lstrip()
        for tag, closing in _TAGS.items():
            if said.startswith(tag):
                self._state, self._closing = "thinking", closing
                self._held = said[len(tag) :]
                self._mute = True
                return [PartOpened(index=self._placed(self._part), shell=Reasoning())]
        return [] if any(tag.startswith(said) for tag in _TAGS) else self._give_up()

    def _think(self) -> list[Event]:
        thought, tag, rest = self._held.partition(self._closing)
        if tag:
            self._state, self._held = "parting", rest
            return [*self._thought(thought), PartClosed(index=self._indices[self._part])]
        kept = _may_begin(thought, self._closing)
        self._held = thought[len(thought) - kept :]
        return self._thought(thought[: len(thought) - kept])

    def _thought(self, text: str) -> list[Event]:
        if self._mute:
            text = text.lstrip()
            self._mute = not text
        return [ReasoningDelta(index=self._indices[self._part], text=text)] if text else []

    def _part_ways(self) -> list[Event]:
        """The answer proper, once it says something."""
        text, self._held = self._held.lstrip(), ""
        if not text:
            return []
        self._state = "done"
        shell = msgspec.structs.replace(self._shell or Text(text=""), text="")
        index = self._placed(self._part)
        return [PartOpened(index=index, shell=shell), TextDelta(index=index, text=text)]

    def _give_up(self) -> list[Event]:
        """No tag: the part as it came."""
        self._state = "done"
        index = self._placed(self._part)
        opened = PartOpened(index=index, shell=self._shell or Text(text=""))
        held, self._held = self._held, ""
        return [opened, TextDelta(index=index, text=held)] if held else [opened]

    def _closed(self) -> list[Event]:
        match self._state:
            case "undecided":
                events = self._give_up()
            case "thinking":
                events = self._thought(self._held)
            case _:
                self._state = "done"
                return []
        self._state = "done"
        return [*events, PartClosed(index=self._indices[self._part])]

    def _placed(self, index: int) -> int:
        self._indices[index] = self._next
        self._next += 1
        return self._indices[index]

    def _moved(self, event: TextDelta | ReasoningDelta | ArgumentsDelta | CitationDelta | PartClosed) -> Event:
        index = self._indices[event.index]
        return event if index == event.index else msgspec.structs.replace(event, index=index)


def _may_begin(text: str, tag: str) -> int:
    """How many characters at the end of `text` may be the beginning of `tag`."""
    for length in range(min(len(tag) - 1, len(text)), 0, -1):
        if text.endswith(tag[:length]):
            return length
    return 0


THINK_TAGS = Quirk(events=ThinkTags)
