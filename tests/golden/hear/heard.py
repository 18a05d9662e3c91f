"""What a client was told, whole or in a stream, in one shape for all dialects."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from tests.support.order import Told, ToldCall

Ending: TypeAlias = Literal["stop", "length", "tool_calls", "filter"]


@dataclass(kw_only=True)
class Heard:
    """`finish` and `usage` are in the words of the client's dialect; `error` only where the answer failed."""

    text: str = ""
    refusal: str = ""
    reasoning: str = ""
    seals: list[str] = field(default_factory=list)
    calls: list[ToldCall] = field(default_factory=list)
    finish: str | None = None
    usage: dict | None = None
    error: str | None = None


def of_told(told: Told) -> Heard:
    """What an order machine put together."""
    error = None if told.error is None else str(told.error.get("message"))
    return Heard(
        text=told.text,
        reasoning=told.reasoning,
        seals=told.signatures,
        calls=told.calls,
        finish=told.finish,
        usage=told.usage,
        error=error,
    )
