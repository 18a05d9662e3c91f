"""How many tokens a request has, roughly, where no provider counts them.

Four characters to a token is right for English and code within a fifth; every picture or document counts as 1600,
which is what a picture of usual size costs at large vendors (docs.anthropic.com, "Vision": width x height / 750).
"""

from collections.abc import Iterable
from typing import assert_never

import msgspec

from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.request import GenerateRequest

_CHARS_PER_TOKEN = 4
_MEDIA_TOKENS = 1600


def estimated_tokens(request: GenerateRequest) -> int:
    """Everything the model reads: instructions, conversation, tool results, tools on offer, the schema of the
    answer."""
    chars = media = 0
    for turn in request.turns:
        more_chars, more_media = _of_parts(turn.parts)
        chars += more_chars
        media += more_media
    for tool in request.tools:
        chars += len(tool.name) + len(tool.description or "") + _json(tool.schema) + _json(tool.hosted)
    if request.output is not None:
        chars += _json(request.output.schema)
    return -(-chars // _CHARS_PER_TOKEN) + media * _MEDIA_TOKENS


def _of_parts(parts: Iterable[AnyPart]) -> tuple[int, int]:
    """Characters, and how many media."""
    chars = media = 0
    for part in parts:
        match part:
            case Text() | Refusal():
                chars += len(part.text)
            case Reasoning():
                chars += len(part.text) + sum(map(len, part.summary))
            case ToolCall():
                chars += len(part.name) + len(part.arguments)
            case Media():
                media += 1
            case ToolResult():
                more_chars, more_media = _of_parts(part.content)
                chars += more_chars
                media += more_media
            case Unknown():
                chars += _json(part.data)
            case _:
                assert_never(part)
    return chars, media


def _json(value: JsonObject | None) -> int:
    return 0 if value is None else len(msgspec.json.encode(value))
