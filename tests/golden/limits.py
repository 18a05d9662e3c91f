"""What the dialects of upstreams have no words for. Only this may be lost on the way, and it must be."""

from dataclasses import dataclass
from typing import Final

from tests.golden.facts import Fact


@dataclass(frozen=True, kw_only=True)
class Limit:
    """`kind` of facts never reaches upstreams of this dialect; with `given` and `unless`, only beside facts of the
    one kind and in the absence of the other."""

    upstream: str
    kind: str
    given: str | None = None
    unless: str | None = None
    why: str


LIMITS: Final = (
    Limit(upstream="openai_chat", kind="thought", why="only models that want reasoning_content back get it"),
    Limit(upstream="openai_responses", kind="thought", why="the server takes nothing but reasoning of its own"),
    Limit(upstream="openai_responses", kind="stop", why="the API has no stop sequences"),
    Limit(upstream="anthropic", kind="thought", why="a thought without Anthropic's signature is refused"),
    Limit(upstream="anthropic", kind="thinking", given="thought", why="it goes on from signed thoughts only"),
    Limit(upstream="anthropic", kind="limit", given="thinking", unless="thought", why="the budget comes on top"),
    Limit(upstream="anthropic", kind="top_p", given="temperature", why="newer models take one of the two"),
    Limit(upstream="ollama", kind="choice", why="there is no tool_choice"),
    Limit(upstream="ollama", kind="choice of one", why="there is no tool_choice"),
    Limit(
        upstream="ollama", kind="tool", given="choice of one", why="only the tool that must be called is offered"
    ),
    Limit(upstream="bedrock_converse", kind="thought", why="a thought without Bedrock's signature is refused"),
    Limit(
        upstream="bedrock_converse", kind="thinking", given="thought", why="it goes on from signed thoughts only"
    ),
    Limit(
        upstream="bedrock_converse",
        kind="limit",
        given="thinking",
        unless="thought",
        why="the budget comes on top",
    ),
    Limit(upstream="bedrock_converse", kind="top_p", given="temperature", why="newer Claudes take one of the two"),
    Limit(upstream="bedrock_converse", kind="image by URL", why="it fetches from buckets only"),
    Limit(upstream="cohere", kind="choice of one", why="the tool that must be called is the only one on offer"),
    Limit(upstream="cohere", kind="tool", given="choice of one", why="the others are not offered"),
    Limit(upstream="cohere", kind="image", given="result", why="tools answer in text"),
    Limit(upstream="cohere", kind="document", why="documents of its API are texts to cite from"),
)
INSTEAD: Final[dict[tuple[str, str], Fact]] = {("cohere", "choice of one"): ("choice", "required")}
"""What is said in the place of something that an upstream has no words for."""

SEALS: Final = "seal"
"""Never leaves for a vendor that did not make it."""

REFUSED: Final = frozenset({("gemini", "image by URL"), ("ollama", "image by URL"), ("ollama", "document")})
"""Content that another dialect's upstream cannot be shown at all: the client is told, and nothing is sent."""


@dataclass(frozen=True, kw_only=True)
class Voice:
    """What an upstream of some dialect can say in an answer, beyond text, thinking and calls."""

    ids: bool = True
    filtered: bool = True
    cache_read: bool = True
    cache_write: bool = False
    reasoning: bool = True


VOICES: Final = {
    "openai_chat": Voice(),
    "openai_responses": Voice(),
    "anthropic": Voice(cache_write=True, reasoning=False),
    "gemini": Voice(),
    "ollama": Voice(ids=False, filtered=False, cache_read=False, reasoning=False),
    "bedrock_converse": Voice(cache_write=True, reasoning=False),
    "cohere": Voice(reasoning=False),
}


def refused(kinds: set[str], client: str, upstream: str) -> bool:
    return client != upstream and any((upstream, kind) in REFUSED for kind in kinds)


def lost(kinds: set[str], client: str, upstream: str) -> set[str]:
    """The kinds of facts that will not arrive; an upstream of the client's own dialect gets everything."""
    if client == upstream:
        return set()
    limits = [one for one in LIMITS if one.upstream == upstream and one.kind in kinds]
    held = {one.kind for one in limits if (one.given or one.kind) in kinds and one.unless not in kinds}
    return held | (kinds & {SEALS})


def instead(kinds: set[str], upstream: str) -> list[Fact]:
    return [said for (dialect, kind), said in INSTEAD.items() if dialect == upstream and kind in kinds]
