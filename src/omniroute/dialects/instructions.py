"""Where each dialect of clients has its instructions, and how they are replaced or added to while everything else
of the body keeps its bytes."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from omniroute.dialects.base import Loss
from omniroute.dialects.envelope import Fields
from omniroute.dialects.losses import Losses

TURNS: Final = {
    "openai_chat": "messages",
    "ollama": "messages",
    "anthropic": "messages",
    "openai_responses": "input",
    "gemini": "contents",
}
"""The member that has the conversation, by dialect."""

_BESIDE: Final = {
    "anthropic": ("system",),
    "openai_responses": ("instructions",),
    "gemini": ("systemInstruction", "system_instruction"),
}
"""The members for instructions, in dialects that keep them beside the conversation; the first is the usual one."""

_SYSTEM: Final = ("system", "developer")
_NULL: Final = b"null"


class Changed(NamedTuple):
    """Edits of top-level members (`Envelope.patched`), and what they lose and add."""

    edits: dict[str, bytes | None]
    losses: tuple[Loss, ...]


class _Message(msgspec.Struct, frozen=True):
    role: str | None = None


_LIST: Final[msgspec.json.Decoder[list[msgspec.Raw]]] = msgspec.json.Decoder(list[msgspec.Raw])


def replaced(dialect: str, fields: Fields, text: str) -> Changed:
    """`text` alone instead of all instructions of the client: its messages of the roles system and developer, and
    the member beside the conversation. `dialect` is what the body is written in."""
    losses = Losses()
    edits: dict[str, bytes | None] = {}
    name = TURNS[dialect]
    turns = items(fields.get(name))
    kept: list[msgspec.Raw] = []
    for index, turn in enumerate(turns or ()):
        if role_of(turn) in _SYSTEM:
            losses.dropped(f"turns[{index}]", "system message", "meaning")
        else:
            kept.append(turn)
    dropped = len(turns or ()) - len(kept)
    beside = _BESIDE.get(dialect)
    if beside is None:
        if turns is not None:
            edits[name] = listed([_message(text), *kept])
    else:
        for member in beside:
            if bytes(fields.get(member, _NULL)) != _NULL:
                losses.dropped(member, "system message", "meaning")
            if member in fields:
                edits[member] = None
        edits[beside[0]] = _worded(dialect, text)
        if dropped:
            edits[name] = listed(kept)
    losses.added("turns[0]", "system message", "meaning")
    return Changed(edits, tuple(losses))


def preceded(dialect: str, fields: Fields, text: str, what: str, *, join: bool = False) -> Changed:
    """`text` in front of the client's own instructions, which stay. `what` names it in the loss. `join` makes one
    message of it and of a first message that instructs: some providers take only one."""
    losses = Losses()
    losses.added("turns[0]", what, "meaning")
    beside = _BESIDE.get(dialect)
    if beside is None:
        turns = items(fields.get(TURNS[dialect]))
        if turns is None:
            return Changed({}, ())
        return Changed(
            {TURNS[dialect]: listed(_joining(turns, text) if join else [_message(text), *turns])}, tuple(losses)
        )
    member = next((one for one in beside if bytes(fields.get(one, _NULL)) != _NULL), None)
    if member is None:
        return Changed({beside[0]: _worded(dialect, text)}, tuple(losses))
    joined = _joined(dialect, msgspec.Raw(fields[member]), text)
    return Changed({} if joined is None else {member: joined}, tuple(losses) if joined is not None else ())


def _joining(turns: list[msgspec.Raw], text: str) -> list[msgspec.Raw | bytes]:
    """`text` at the beginning of the first message where that instructs, else as a message of its own."""
    first = _fields(turns[0]) if turns and role_of(turns[0]) in _SYSTEM else None
    content = None if first is None else first.get("content")
    if first is not None and content is not None:
        said, blocks = _plain(content), items(content)
        if said is not None:
            return [msgspec.json.encode({**first, "content": f"{text}\n\n{said}"}), *turns[1:]]
        if blocks is not None:
            joined = msgspec.Raw(listed([msgspec.json.encode({"type": "text", "text": text}), *blocks]))
            return [msgspec.json.encode({**first, "content": joined}), *turns[1:]]
    return [_message(text), *turns]


def items(raw: msgspec.Raw | None) -> list[msgspec.Raw] | None:
    """The members of an array, undecoded; None when it is none."""
    if raw is None:
        return None
    try:
        return _LIST.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None


def listed(values: Sequence[msgspec.Raw | bytes]) -> bytes:
    """An array of values that keep their bytes."""
    return b"[" + b",".join(bytes(value) for value in values) + b"]"


def role_of(turn: msgspec.Raw) -> str | None:
    """Who says a message; None for what is no message."""
    try:
        return msgspec.json.decode(turn, type=_Message).role
    except (msgspec.DecodeError, RecursionError):
        return None


def _message(text: str) -> bytes:
    return msgspec.json.encode({"role": "system", "content": text})


def _worded(dialect: str, text: str) -> bytes:
    return msgspec.json.encode({"parts": [{"text": text}]} if dialect == "gemini" else text)


def _joined(dialect: str, raw: msgspec.Raw, text: str) -> bytes | None:
    """None where what is there is nothing that the dialect knows: its decoder, or the provider, will say so."""
    if dialect == "gemini":
        content = _fields(raw)
        parts = items(raw if content is None else content.get("parts"))
        if parts is None and content is not None and "text" in content:
            parts = [raw]
        said = _plain(raw)
        if said is not None:
            parts = [msgspec.Raw(msgspec.json.encode({"text": said}))]
        if parts is None:
            return None
        added = msgspec.Raw(listed([msgspec.json.encode({"text": text}), *parts]))
        keep = content if content is not None and "parts" in content else {}
        return msgspec.json.encode({**keep, "parts": added})
    said = _plain(raw)
    if said is not None:
        return msgspec.json.encode(f"{text}\n\n{said}")
    blocks = items(raw) if dialect == "anthropic" else None
    return None if blocks is None else listed([msgspec.json.encode({"type": "text", "text": text}), *blocks])


def _fields(raw: msgspec.Raw) -> dict[str, msgspec.Raw] | None:
    try:
        return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return None


def _plain(raw: msgspec.Raw) -> str | None:
    try:
        return msgspec.json.decode(raw, type=str)
    except msgspec.DecodeError:
        return None
