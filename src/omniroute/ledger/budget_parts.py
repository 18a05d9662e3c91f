"""How many tokens a text, or a message with all that is in it, can at most be read as. Pure.

A token stands for at least one byte, so text is never more tokens than bytes. That is the only ratio that holds
for every text: figures, rare letters and noise come near to it with tokenizers in use (ADR 11). Pictures count by
the piece. Of documents and video, and of what a message only refers to, bytes say nothing.
"""

from typing import Final
from unicodedata import is_normalized, normalize

import msgspec

from omniroute.dialects.look import as_array, as_object, as_text
from omniroute.ir.json import JsonObject, JsonValue

PICTURE_TOKENS: Final = 50_000
"""No picture is known to be more: gpt-4o-mini takes 2,833 and 5,667 for each of 8 tiles (vision, cost)."""

_LARGEST_EXPANSION: Final = 11
"""U+FDFA, the most that a character grows when a tokenizer normalises it (NFKC): from 3 bytes to 33."""

_TEXTS: Final = frozenset((
    "text", "input_text", "output_text", "refusal", "thinking", "redacted_thinking", "reasoning", "reasoning_text",
    "summary_text", "tool_use", "tool_call", "tool-call", "function_call", "custom_tool_call", "input_audio",
))  # fmt: skip
"""Parts and items that are no more tokens than bytes; sound has some ten tokens a second."""

_HOLDERS: Final = frozenset((
    "message", "tool_result", "tool-result", "function_call_output", "custom_tool_call_output", "search_result",
))  # fmt: skip
_HELD_IN: Final = ("content", "output", "parts")
_UNTYPED: Final = frozenset((
    "text", "thought", "thoughtSignature", "thought_signature", "functionCall", "function_call", "toolUse",
    "reasoningContent", "cachePoint", "role", "content", "parts", "name", "tool_calls", "tool_call_id", "refusal",
    "reasoning_content", "reasoning_details", "thinking", "tool_name", "cache_control", "prefix", "tool_plan",
    "id", "citations", "function", "annotations", "reasoning",
))  # fmt: skip
"""Members of messages, and of parts without a type, that are no more tokens than bytes."""


def most_tokens(text: bytes) -> int:
    """How many tokens a text, or JSON, can at most be, whatever the tokenizer."""
    if text.isascii() and b"\\u" not in text:
        return len(text)
    try:
        plain = msgspec.json.encode(msgspec.json.decode(text)).decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return len(text) * _LARGEST_EXPANSION
    if is_normalized("NFKC", plain):
        return max(len(text), len(plain.encode()))
    return max(len(text), len(normalize("NFKC", plain).encode()))


class Look(msgspec.Struct):
    """A message: `named` says that something in it is only referred to, and may be another thing tomorrow."""

    most: int | None
    named: bool = False
    pictures: int = 0
    payload: int = 0

    def picture(self, data: JsonValue) -> None:
        """`data` are its bytes; None for one that is only named."""
        self.pictures += 1
        if isinstance(data, str) and data.isascii():
            self.payload += len(data)
        else:
            self.named = True

    def unknown(self) -> None:
        self.most = None

    def elsewhere(self) -> None:
        self.named = True
        self.most = None


def look_at(raw: bytes) -> Look:
    """What there is to know of a message."""
    look = Look(most_tokens(raw))
    try:
        message = as_object(msgspec.json.decode(raw))
        if message is not None:
            _part(message, look)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        look.unknown()
    if look.most is not None:
        look.most += look.pictures * PICTURE_TOKENS - look.payload
    return look


def is_text(instructions: bytes) -> bool:
    """Whether these are text, whatever dialect they are of."""
    look = Look(0)
    value: JsonValue = msgspec.json.decode(instructions)
    _held({"content": value if as_object(value) is None else [value]}, look)
    return look.most == 0 and not look.pictures


def _part(part: JsonObject, look: Look) -> None:
    kind = part.get("type")
    match kind:
        case None:
            _untyped(part, look)
        case "image_url" | "input_image":
            _addressed(part.get("image_url"), look)
        case "image":
            source = as_object(part.get("source")) or {}
            look.picture(source.get("data") if source.get("type") == "base64" else None)
        case "document" if (source := as_object(part.get("source")) or {}).get("type") in ("text", "content"):
            _held(source, look)
        case str() if kind in _HOLDERS:
            _held(part, look)
        case str() if kind in _TEXTS:
            pass
        case _:
            look.elsewhere()


def _untyped(part: JsonObject, look: Look) -> None:
    """A message, or a part of Gemini's or Bedrock's, which says by its members what it is."""
    for name, value in part.items():
        match name:
            case "inlineData" | "inline_data":
                _inline(as_object(value) or {}, look)
            case "image":
                image = as_object(value) or {}
                look.picture((as_object(image.get("source")) or {}).get("bytes"))
            case "images":
                for one in as_array(value) or ():
                    look.picture(one)
            case "functionResponse" | "function_response" | "toolResult":
                _held(as_object(value) or {}, look)
            case _ if name in _UNTYPED or value is None:
                pass
            case _:
                look.elsewhere()
    _held(part, look)


def _held(holder: JsonObject, look: Look) -> None:
    for name in _HELD_IN:
        for value in as_array(holder.get(name)) or ():
            part = as_object(value)
            if part is not None:
                _part(part, look)


def _inline(blob: JsonObject, look: Look) -> None:
    mime = as_text(blob.get("mimeType")) or as_text(blob.get("mime_type")) or ""
    if mime.startswith("image/"):
        look.picture(blob.get("data"))
    elif not mime.startswith("audio/"):
        look.unknown()


def _addressed(address: JsonValue, look: Look) -> None:
    url = as_text(address) or as_text((as_object(address) or {}).get("url")) or ""
    look.picture(url if url.startswith("data:") else None)
