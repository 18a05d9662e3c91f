"""A request as a client of some dialect sends it."""

from dataclasses import dataclass

from omniroute.ir.json import JsonObject
from omniroute.ir.parts import Text
from omniroute.ir.request import GenerateRequest


@dataclass(frozen=True, kw_only=True)
class Sent:
    """`path` is below the gateway's root; `headers` hold the client's key where its SDK puts it."""

    path: str
    body: JsonObject
    headers: dict[str, str]


def system_parts(request: GenerateRequest) -> list[Text]:
    """What the system turns say, for dialects that have a place of its own for it."""
    system = [turn for turn in request.turns if turn.role == "system"]
    return [part for turn in system for part in turn.parts if isinstance(part, Text)]
