"""The content of an answer, before any dialect gives it a shape."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias


@dataclass(frozen=True)
class Say:
    """Text; a stream sends it in `pieces` deltas, as equal as they can be."""

    text: str
    pieces: int = 3


@dataclass(frozen=True)
class Think:
    """Reasoning. The signature travels in Anthropic streams only; OpenAI's dialect has no place for it."""

    text: str
    signature: str = "c2lnbmVkLWJ5LXRoZS1zY3JpcHRlZC11cHN0cmVhbQ=="
    pieces: int = 2


@dataclass(frozen=True)
class Call:
    """A call of one of the client's tools; `arguments` is JSON text and is sent as it stands."""

    name: str
    arguments: str
    call_id: str = "call_scripted_1"
    pieces: int = 2


Part: TypeAlias = Say | Think | Call
Finish: TypeAlias = Literal["stop", "length", "tool_calls", "filter"]


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """Usage in disjoint buckets, except that `output` includes `reasoning`."""

    fresh: int = 12
    cache_read: int = 5
    cache_write: int = 3
    output: int = 7
    reasoning: int = 2

    @property
    def input_total(self) -> int:
        return self.fresh + self.cache_read + self.cache_write


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`finish` None means what fits: `tool_calls` when there is a call, else `stop`."""

    parts: tuple[Part, ...]
    finish: Finish | None = None
    tokens: Tokens = Tokens()

    @property
    def ending(self) -> Finish:
        if self.finish is not None:
            return self.finish
        return "tool_calls" if any(isinstance(part, Call) for part in self.parts) else "stop"


def said(text: str, *, pieces: int = 3) -> Answer:
    return Answer(parts=(Say(text, pieces),))


def split(text: str, pieces: int) -> list[str]:
    """`text` in at most `pieces` non-empty pieces whose lengths differ by one at most."""
    count = max(1, min(pieces, len(text)))
    size, longer = divmod(len(text), count)
    cuts = [index * size + min(index, longer) for index in range(count + 1)]
    return [text[start:end] for start, end in pairwise(cuts)]
