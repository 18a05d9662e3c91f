"""Chunks of words and nothing else, which is what a stream is made of: read in a third of the time."""

from typing import Final, Literal

import msgspec


class _Delta(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    content: str
    role: str | None = None
    refusal: None = None
    reasoning: None = None
    reasoning_content: None = None
    tool_calls: None = None
    function_call: None = None


class _Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    delta: _Delta
    index: Literal[0] = 0
    logprobs: None = None
    finish_reason: None = None


class _Chunk(msgspec.Struct, frozen=True):
    """What the chunk says beside these of itself (its id, its model) was heard when the stream began."""

    choices: tuple[_Choice]
    usage: None = None
    error: None = None


_CHUNK: Final = msgspec.json.Decoder(_Chunk)


def words_alone(payload: bytes) -> str | None:
    """The text of a chunk that has nothing else to say; None for every other, which wants a closer look."""
    try:
        return _CHUNK.decode(payload).choices[0].delta.content or None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
