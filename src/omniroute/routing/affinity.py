"""What conversation a request belongs to: by what its client says, else by how it began."""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

import msgspec

from omniroute.dialects.look import as_object
from omniroute.dialects.quirks import caches_prompts
from omniroute.ir.json import JsonValue
from omniroute.ir.target import Target
from omniroute.routing.selection.rules import Affinity

_HEADERS: Final = (
    "x-claude-code-session-id",  # Claude Code
    "session-id",  # codex, which wrote session_id earlier
    "session_id",
    "thread-id",  # codex
    "x-codex-session-id",
    "x-session-id",
    "x_session_id",
    "x-session-affinity",  # opencode
    "x-omniroute-session",
)
_MEMBERS: Final = ("prompt_cache_key", "conversation_id", "session_id")
_OF_METADATA: Final = ("session_id", "sessionId")
_CLAUDE_USER: Final = re.compile(r"_session_([A-Za-z0-9-]{1,64})$")
"""One way of Claude Code to write its session into `metadata.user_id`; the other is a JSON object."""
_SAFE: Final = re.compile(r"[A-Za-z0-9._:-]{1,180}")
_TEXT_CHARS: Final = 4096
_TURNS: Final = ("messages", "input", "contents")

_CACHING_DIALECTS: Final = frozenset({"anthropic", "openai_responses", "gemini", "bedrock_converse"})
Fields = Mapping[str, msgspec.Raw]


class _Turn(msgspec.Struct, frozen=True):
    """A message of any dialect, as far as it is looked at."""

    role: str = ""
    content: msgspec.Raw = msgspec.Raw(b"null")
    parts: msgspec.Raw = msgspec.Raw(b"null")


_TURN_LIST: Final[msgspec.json.Decoder[list[_Turn]]] = msgspec.json.Decoder(list[_Turn])


def keeps(target: Target, rule: Affinity) -> bool:
    """Whether a conversation is to stay with its account at `target`."""
    if rule != "auto":
        return rule == "on"
    return target.dialect in _CACHING_DIALECTS or caches_prompts.NAME in target.quirks


def conversation(headers: Mapping[str, str], fields: Fields) -> str | None:
    """A name for the conversation, at most 190 characters; the first that is there counts. None when the request
    says nothing and has no text. `headers` have lower-case names; never raises."""
    for name in _HEADERS:
        value = headers.get(name, "").strip()
        if value:
            return f"header:{_short(value)}"
    for name in _MEMBERS:
        raw = fields.get(name)
        text = None if raw is None else _text(raw)
        if text:
            return f"body:{_short(text)}"
    session = _in_metadata(fields.get("metadata"))
    if session is not None:
        return f"metadata:{_short(session)}"
    begun = _first_words(fields)
    return (
        None if begun is None else f"text:{sha256(begun[:_TEXT_CHARS].encode(errors='replace')).hexdigest()[:32]}"
    )


def binding_key(key_id: str, provider: str, name: str) -> str:
    """What a binding is kept under: two keys never share one."""
    return f"{key_id}\n{provider}\n{name}"


def _in_metadata(raw: msgspec.Raw | None) -> str | None:
    metadata = None if raw is None else as_object(_decoded(raw))
    if metadata is None:
        return None
    for name in _OF_METADATA:
        value = metadata.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    user = metadata.get("user_id")
    if not isinstance(user, str):
        return None
    if user.startswith("{"):
        said = as_object(_decoded(user.encode(errors="replace")))
        session = None if said is None else said.get("session_id")
        return session if isinstance(session, str) and session else None
    found = _CLAUDE_USER.search(user)
    return None if found is None else found[1]


def _first_words(fields: Fields) -> str | None:
    raw = next((fields[name] for name in _TURNS if name in fields), None)
    if raw is None:
        return None
    plain = _text(raw)
    if plain:
        return plain
    try:
        turns = _TURN_LIST.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    for turn in turns:
        if turn.role == "user":
            return _words(turn.content) or _words(turn.parts)
    return None


def _words(raw: msgspec.Raw) -> str | None:
    """The text of a message: itself, or of its first part that has any."""
    value = _decoded(raw)
    if isinstance(value, str):
        return value or None
    for part in value if isinstance(value, list) else ():  # pyright: ignore[reportUnknownVariableType] # JSON
        fields = as_object(part)  # pyright: ignore[reportUnknownArgumentType] # JSON
        text = None if fields is None else fields.get("text")
        if isinstance(text, str) and text:
            return text
    return None


def _text(raw: msgspec.Raw) -> str | None:
    if not bytes(memoryview(raw)[:64]).lstrip().startswith(b'"'):
        return None
    value = _decoded(raw)
    return value.strip() or None if isinstance(value, str) else None


def _decoded(raw: msgspec.Raw | bytes) -> JsonValue:
    try:
        value: JsonValue = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value


def _short(text: str) -> str:
    return text if _SAFE.fullmatch(text) else sha256(text.encode(errors="replace")).hexdigest()
