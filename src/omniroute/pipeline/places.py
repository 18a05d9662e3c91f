"""Calls of tools by their place in a conversation, for clients whose dialect gives calls no ids.

A call is known by everything that was said before its turn, and by its number in the turn: whoever sends the same
conversation again, longer by what was answered, gets the same places. Instructions are no part of it, for many
clients put the time into them; neither are thoughts, which some clients send back and others do not. In a
conversation that lost its beginning the places are others: then nothing is found, and never something wrong.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final, assert_never

import msgspec

from omniroute.ir.parts import AnyPart, Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.request import Turn

_DIGEST_BYTES: Final = 16
_INSTRUCTIONS: Final = ("system", "developer")


def places(turns: Iterable[Turn]) -> Mapping[str, str]:
    """The place of every call of a client's tool, by the id that it was given when it was read."""
    found: dict[str, str] = {}
    before = blake2b(digest_size=_DIGEST_BYTES)
    for turn in turns:
        if turn.role == "assistant":
            calls = [part for part in turn.parts if isinstance(part, ToolCall) and part.executor == "client"]
            if calls:
                said = before.hexdigest()
                found.update((call.call_id, place(said, number)) for number, call in enumerate(calls))
        before.update(_bytes(turn))
    return found


def end_of(turns: Iterable[Turn]) -> str:
    """What the places of an answer to `turns` begin with."""
    before = blake2b(digest_size=_DIGEST_BYTES)
    for turn in turns:
        before.update(_bytes(turn))
    return before.hexdigest()


def place(said: str, number: int) -> str:
    return f"{said}-{number}"


def _bytes(turn: Turn) -> bytes:
    if turn.role in _INSTRUCTIONS:
        return b""
    shown = [_shown(part) for part in turn.parts if not isinstance(part, Reasoning)]
    return msgspec.json.encode((turn.role, shown))


def _shown(part: AnyPart) -> object:
    match part:
        case Text(text=text) | Refusal(text=text):
            return text
        case ToolCall(name=name, arguments=arguments):
            return [name, arguments]
        case ToolResult(content=content):
            return [_shown(piece) for piece in content]
        case Media(mime=mime, data=data, url=url):
            return [mime, data, url]
        case Unknown(data=data):
            return data
        case Reasoning():
            raise AssertionError("thoughts are no part of a place")
        case _:
            assert_never(part)
