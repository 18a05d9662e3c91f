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
    """Reasoning. OpenAI's Chat Completions and Ollama have no place for the signature; OpenAI's Responses carry it
    as `encrypted_content`, Gemini on the part that follows. An empty one is not sent."""

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


@dataclass(frozen=True)
class Decline:
    """A refusal in words. OpenAI's dialects have a place of its own for it; elsewhere it is text, and the answer
    ends as one that was filtered."""

    text: str
    pieces: int = 2


Part: TypeAlias = Say | Think | Call | Decline
Finish: TypeAlias = Literal["stop", "length", "tool_calls", "filter"]


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """Usage in disjoint buckets, except that `output` includes `reasoning`. What a dialect has no word for is
    counted where its vendor counts it: cache writes as input, for instance."""

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
