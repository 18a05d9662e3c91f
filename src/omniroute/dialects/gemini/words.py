"""Chunks of words and counts and nothing else, which is what a stream is made of: read in half the time."""

from typing import Final, Literal

import msgspec

from omniroute.ir.json import JsonObject


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    text: str


class _Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    parts: tuple[_Part]
    role: str | None = None


class _Candidate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    content: _Content
    index: Literal[0] = 0


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What the chunk says of itself was heard when the stream began."""

    candidates: tuple[_Candidate]
    usage_metadata: JsonObject | None = None
    model_version: str | None = None
    response_id: str | None = None

    @property
    def text(self) -> str:
        return self.candidates[0].content.parts[0].text


_CHUNK: Final = msgspec.json.Decoder(Words)


def words_alone(payload: bytes) -> Words | None:
    """The chunk, where it has nothing else to say; None for every other, which wants a closer look."""
    try:
        return _CHUNK.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
