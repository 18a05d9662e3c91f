"""What a request says, as a list of facts that every dialect can be read for."""

from typing import TypeAlias

import msgspec

from omniroute.ir.parts import Media, Reasoning, Text, ToolCall, ToolResult
from omniroute.ir.request import GenerateRequest

Fact: TypeAlias = tuple[str, ...]
"""The kind of the fact and its details; calls and results are counted, so that ids may differ."""

ORDERED = ("text", "call", "result")
"""Kinds whose order is meaning."""


def canonical(value: object) -> str:
    """JSON text of `value`, which may be JSON text already, with sorted keys."""
    if isinstance(value, str):
        value = msgspec.json.decode(value or "{}")
    return msgspec.json.encode(value, order="deterministic").decode()


def facts(request: GenerateRequest) -> list[Fact]:
    """Everything that `request` says."""
    found: list[Fact] = []
    calls: dict[str, int] = {}
    for turn in request.turns:
        for part in turn.parts:
            match part:
                case Text(text=text) if turn.role == "system":
                    found.append(("system", text))
                case Text(text=text):
                    found.append(("text", turn.role, text))
                case Media():
                    found.append(media(part))
                case ToolCall(call_id=call_id, name=name, arguments=arguments):
                    calls[call_id] = len(calls)
                    found.append(("call", str(calls[call_id]), name, canonical(arguments)))
                case ToolResult(call_id=call_id, content=content):
                    words = " ".join(piece.text for piece in content if isinstance(piece, Text))
                    found.append(("result", str(calls[call_id]), words))
                    found += [media(piece) for piece in content if isinstance(piece, Media)]
                case Reasoning(text=text, seal=seal):
                    found.append(("thought", text))
                    found += [("seal", seal)] if seal else []
                case _:
                    raise AssertionError(f"no scenario has a {part!r}")
    return found + _controls(request)


def media(part: Media) -> Fact:
    if part.url is not None:
        return ("image by URL", part.url)
    return ("image" if part.mime.startswith("image/") else "document", part.data or "")


def missing(asked: list[Fact], understood: list[Fact]) -> list[Fact]:
    """The facts of `asked` that did not arrive. Raises AssertionError when the order of what was said changed."""
    lost = [fact for fact in asked if fact not in understood]
    kept = [fact for fact in asked if fact[0] in ORDERED and fact not in lost]
    came = [fact for fact in understood if fact[0] in ORDERED and fact in kept]
    assert came == kept, f"the order changed: {came}, not {kept}"
    return lost


def _controls(request: GenerateRequest) -> list[Fact]:
    found: list[Fact] = [
        ("tool", tool.name, tool.description or "", canonical(tool.schema)) for tool in request.tools
    ]
    if request.tool_choice is not None:
        names = request.tool_choice.names
        found.append(("choice of one", *names) if names else ("choice", request.tool_choice.mode))
    if request.output is not None:
        found.append(("schema", canonical(request.output.schema)))
    if request.thinking is not None:
        found.append(("thinking",))
    sampling = request.sampling
    numbers = {
        "limit": sampling.max_output_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
    }
    found += [(kind, str(value)) for kind, value in numbers.items() if value is not None]
    return found + [("stop", word) for word in sampling.stop]
