"""Good streams to break: what the scripted upstream says, as frames that a mutation can change."""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from tests.support.frames import Frame, frames
from tests.support.upstream import anthropic, openai_chat
from tests.support.upstream.answer import Answer, Call, Say, Think
from tests.support.upstream.fitting import Asked

RICH = Answer(
    parts=(
        Think("thinking first"),
        Say("then words", pieces=2),
        Call("first", '{"a":1}', "call_a"),
        Call("second", '{"b":[true]}', "call_b"),
    )
)
ASKED = Asked(model="m", stream=True, text="", include_usage=True)

Mutation: TypeAlias = Callable[[list[dict]], object]
"""Changes a list of events in place; `{}` stands for OpenAI's [DONE]."""


def openai_events() -> list[dict]:
    return [_read(frame) for frame in frames(b"".join(openai_chat.events(ASKED, RICH, 1)))]


def anthropic_events() -> list[dict]:
    return [_read(frame) for frame in frames(b"".join(anthropic.events(ASKED, RICH, 1)))]


def openai_bytes(events: list[dict]) -> bytes:
    return b"".join(b"data: " + (msgspec.json.encode(event) if event else b"[DONE]") + b"\n\n" for event in events)


def anthropic_bytes(events: list[dict]) -> bytes:
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (str(event.get("type")).encode(), msgspec.json.encode(event))
        for event in events
    )


def _read(frame: Frame) -> dict:
    return {} if frame.data == "[DONE]" else msgspec.json.decode(frame.data)
