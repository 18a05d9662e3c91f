"""Tool names that a dialect had to write differently, and the way back to the caller's own in the answer."""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from omniroute.dialects.base import StreamDecoder
from omniroute.ir.events import Event, PartOpened
from omniroute.ir.parts import ToolCall
from omniroute.ir.result import GenerateResponse

Renamed: TypeAlias = Mapping[str, str]
"""The caller's name for every name on the wire that differs from it."""


class RestoringDecoder:
    """A stream whose calls have the caller's names again."""

    def __init__(self, decoder: StreamDecoder, renamed: Renamed) -> None:
        self._decoder = decoder
        self._renamed = renamed

    def feed(self, chunk: bytes) -> list[Event]:
        return [restored_event(event, self._renamed) for event in self._decoder.feed(chunk)]

    def close(self) -> list[Event]:
        return [restored_event(event, self._renamed) for event in self._decoder.close()]


def restored_event(event: Event, renamed: Renamed) -> Event:
    match event:
        case PartOpened(shell=ToolCall(name=name) as call) if name in renamed:
            return msgspec.structs.replace(event, shell=msgspec.structs.replace(call, name=renamed[name]))
        case _:
            return event


def restored_response(response: GenerateResponse, renamed: Renamed) -> GenerateResponse:
    if not renamed:
        return response
    parts = tuple(
        msgspec.structs.replace(part, name=renamed.get(part.name, part.name))
        if isinstance(part, ToolCall)
        else part
        for part in response.parts
    )
    return msgspec.structs.replace(response, parts=parts)
