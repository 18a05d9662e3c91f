"""`reasoning_details`: thinking with the proofs of whoever thought it, as OpenRouter gives it and wants it back.

An entry is a text with its `signature`, a `summary`, or `data` that only the model's vendor can read
(openrouter.ai/docs, "Preserving reasoning blocks"). The entries of an answer together are its seal, kept as their
JSON text; without a signature or data there is nothing to prove, and no seal.
"""

from collections.abc import Iterable

import msgspec

from omniroute.dialects.look import as_text, objects_in
from omniroute.ir.json import JsonObject, JsonValue

MEMBER = "reasoning_details"

_PROOFS = ("signature", "data")
_GROWING = ("text", "summary", "signature", "data")


def seal_of(details: Iterable[JsonObject]) -> str | None:
    """The seal that these entries are, if anything in them is a proof."""
    entries = list(details)
    if not any(as_text(entry.get(proof)) for entry in entries for proof in _PROOFS):
        return None
    return msgspec.json.encode(entries).decode()


def details_of(seal: str) -> list[JsonObject] | None:
    """The entries of a seal; None for a text that is no seal of ours."""
    try:
        found: JsonValue = msgspec.json.decode(seal)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    entries = objects_in(found)
    return entries if seal_of(entries) is not None else None


def put_details(message: JsonObject, seal: str) -> bool:
    """Adds the entries of a seal to an assistant message; False when it is none of ours."""
    entries = details_of(seal)
    if entries is None:
        return False
    message[MEMBER] = [*objects_in(message.get(MEMBER)), *entries]
    return True


def grown(entries: list[JsonObject], more: Iterable[JsonObject]) -> list[JsonObject]:
    """The entries of a stream so far and those of its next chunk: pieces of one entry share type and index."""
    gathered = list(entries)
    for piece in more:
        last = gathered[-1] if gathered else None
        if last is None or _which(last) != _which(piece):
            gathered.append(piece)
        else:
            gathered[-1] = _joined(last, piece)
    return gathered


def _which(entry: JsonObject) -> tuple[JsonValue, JsonValue]:
    return entry.get("type"), entry.get("index")


def _joined(entry: JsonObject, piece: JsonObject) -> JsonObject:
    joined = dict(entry)
    for name, value in piece.items():
        before = joined.get(name)
        if name in _GROWING and isinstance(before, str) and isinstance(value, str):
            joined[name] = before + value
        elif value is not None:
            joined[name] = value
    return joined
