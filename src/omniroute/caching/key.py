"""Which requests are the same request: a digest over who asks and everything that can change the answer.

Two requests share a key when they mean the same, whatever dialect they are written in. What does not count is how
the answer is sent (`stream`, `include_usage`) and who the end user is (`user`, `metadata` but for routing's tags).
Everything else counts, members that nobody here knows too: of two readings the one that misses is taken.
"""

from hashlib import blake2b
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, ToolResult, Unknown
from omniroute.ir.request import GenerateRequest, Sampling, Tool, Turn

_VERSION: Final = 1
"""Counted up when the meaning of keys changes, so that stored answers of before are not found."""
_ROUTING: Final = ("tags", "tag_match_mode")
_P = TypeVar("_P", bound=AnyPart)


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, with what the operator lets it use: an answer from a model that a key may no longer use is not
    found any more. `beside` is what else of a request changes its answer and stands in no body."""

    key_id: str
    models: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()
    strict: bool = False
    pinned: str | None = None
    beside: tuple[str, ...] = ()


def key_of(tenant: Tenant, request: GenerateRequest) -> bytes | None:
    """32 bytes; None for a request that cannot be written down, such as one with half a surrogate pair."""
    try:
        written = msgspec.json.encode((_VERSION, tenant, canonical(request)))
    except (ValueError, OverflowError):
        return None
    return blake2b(written, digest_size=32).digest()


def canonical(request: GenerateRequest) -> GenerateRequest:
    """The request without what does not count, and without the dialect where nothing in it belongs to one."""
    metadata = request.metadata or {}
    tags = {name: metadata[name] for name in _ROUTING if name in metadata}
    return replace(
        request,
        turns=tuple(_turn(turn) for turn in request.turns),
        tools=tuple(_tool(tool) for tool in request.tools),
        sampling=_sampling(request.sampling),
        stream=None,
        include_usage=False,
        user=None,
        metadata=tags or None,
        dialect=request.dialect if _foreign(request) else "",
    )


def _foreign(request: GenerateRequest) -> bool:
    """Whether members of the client's own dialect are among the parameters."""
    holders = (request, request.tool_choice, request.thinking, request.output)
    extras: tuple[JsonObject | None, ...] = tuple(holder.extra for holder in holders if holder is not None)
    return any(extra is not None for extra in extras)


def _turn(turn: Turn) -> Turn:
    origin = turn.origin if turn.extra is not None else None
    return replace(turn, parts=tuple(_part(part) for part in turn.parts), origin=origin)


def _part(part: _P) -> _P:
    if isinstance(part, ToolResult):
        part = replace(part, content=tuple(_part(inner) for inner in part.content))
    bound = part.seal is not None or part.extra is not None or isinstance(part, Unknown)
    return part if bound or part.origin is None else replace(part, origin=None)


def _tool(tool: Tool) -> Tool:
    bound = tool.hosted is not None or tool.extra is not None
    return tool if bound or tool.origin is None else replace(tool, origin=None)


def _sampling(sampling: Sampling) -> Sampling:
    """0 and 0.0 are one temperature."""
    names = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
    whole = {name: float(value) for name in names if (value := getattr(sampling, name)) is not None}
    return replace(sampling, **whole) if whole else sampling
